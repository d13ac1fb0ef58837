/* Tests of err: what the user is told. */
#include "tests/test.h"

#include <string.h>

static void note_is_kept_until_the_next(void **state)
{
    (void)state;
    expect(ERR_INPUT, err_note(ERR_INPUT, "train: %s:%d: empty", "a.txt", 3));
    assert_string_equal("train: a.txt:3: empty", err_text());
    expect(ERR_IO, err_note(ERR_IO, "disk"));
    assert_string_equal("disk", err_text());
    err_clear();
    assert_string_equal("", err_text());
}

static void prefix_goes_before_the_note(void **state)
{
    (void)state;
    expect(ERR_IO, err_note(ERR_IO, "no such file"));
    expect(ERR_IO, err_prefix(ERR_IO, "%s", "model"));
    assert_string_equal("model: no such file", err_text());
    err_clear();
    expect(ERR_IO, err_prefix(ERR_IO, "model"));
    assert_string_equal("model", err_text());
}

static void note_may_quote_the_note_it_replaces(void **state)
{
    (void)state;
    expect(ERR_IO, err_note(ERR_IO, "inner"));
    expect(ERR_IO, err_note(ERR_IO, "outer (%s)", err_text()));
    assert_string_equal("outer (inner)", err_text());
}

static void long_note_is_cut(void **state)
{
    (void)state;
    char word[9000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = 0;
    expect(ERR_IO, err_note(ERR_IO, "%s", word));
    expect(ERR_IO, err_prefix(ERR_IO, "%s", word));
    assert_true(strlen(err_text()) > 1000 && strlen(err_text()) < sizeof word);
}

static void codes_have_names_and_exits(void **state)
{
    (void)state;
    assert_string_equal("ERR_FORMAT", err_name(ERR_FORMAT));
    assert_int_equal(0, err_exit_code(OK));
    assert_int_equal(3, err_exit_code(ERR_INPUT));
    assert_int_equal(130, err_exit_code(ERR_INTERRUPTED));
}

static void note_stays_one_plain_line(void **state)
{
    (void)state;
    expect(ERR_INPUT, err_note(ERR_INPUT, "label: %s", "a\nb\x1b[31m\x7f"));
    assert_string_equal(err_text(), "label: a?b?[31m?");
    expect(ERR_INPUT, err_prefix(ERR_INPUT, "file\r"));
    assert_string_equal(err_text(), "file?: label: a?b?[31m?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(note_is_kept_until_the_next),         test_plain(prefix_goes_before_the_note),
        test_plain(note_may_quote_the_note_it_replaces), test_plain(long_note_is_cut),
        test_plain(codes_have_names_and_exits),
        test_plain(note_stays_one_plain_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
