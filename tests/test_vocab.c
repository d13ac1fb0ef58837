/* Tests of labels and their numbers: maps read, maps made, labels added. */
#include "common/vocab.h"
#include "tests/files.h"

static void map_is_read_in_any_order(void **state)
{
    (void)state;
    struct vocab *vocab;
    expect(OK, vocab_read(file_text("map", "2\tc\n0\ta\n1\tb c\n"), "entities", &vocab));
    assert_int_equal(3, vocab_count(vocab));
    assert_int_equal(0, vocab_extra(vocab));
    assert_int_equal(0, vocab_find(vocab, "a"));
    assert_int_equal(1, vocab_find(vocab, "b c"));
    assert_int_equal(2, vocab_find(vocab, "c"));
    assert_int_equal(VOCAB_NONE, vocab_find(vocab, "d"));
    assert_int_equal(VOCAB_NONE, vocab_find(vocab, ""));
    assert_string_equal("b c", vocab_label(vocab, 1));
    vocab_close(&vocab);
    assert_null(vocab);
}

struct broken {
    const char *text, *note;
};

static void broken_map_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"", "map: the file is empty"},
        {"0\ta\n1\n", "map:2: 1 column, expected 2"},
        {"0\ta\tb\n", "map:1: 3 columns, expected 2"},
        {"0\ta\n\n", "map:2: 1 column"},
        {"a\t0\n", "map:1: `a` is not an id"},
        {"-1\ta\n", "map:1: `-1` is not an id"},
        {"0\ta\n1\ta\n", "map:2: label `a` stands in line 1 already"},
        {"0\ta\n0\tb\n", "map:2: id 0 stands twice; its other label is `a`"},
        {"0\ta\n2\tb\n", "map:2: id 2, expected ids 0 to 1, each once, in a map of 2 lines"},
        {"4294967294\ta\n", "map:1: id 4294967294, expected ids 0 to 0"},
        {"0\t\n", "map:1: the label is empty"},
    };
    struct vocab *vocab;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        expect(ERR_INPUT, vocab_read(file_text("map", broken[i].text), "entities", &vocab));
        assert_null(vocab);
        expect_note(broken[i].note);
        expect_note("entities: /");
    }
    expect(ERR_IO, vocab_read(file_path("missing"), "entities", &vocab));
    expect_note("entities: /");
}

static void made_map_is_in_byte_order(void **state)
{
    (void)state;
    static const int ends[] = {0, 2}, middle[] = {1};
    struct vocab *vocab;
    const char *path = file_text("triples", "b\tr\tB\n\xc3\xa9\tr\tb\nab\tq\t10\n9\tr\ta\n");
    expect(OK, vocab_sort(path, ends, 2, "entities", &vocab));
    static const char *const sorted[] = {"10", "9", "B", "a", "ab", "b", "\xc3\xa9"};
    assert_int_equal(7, vocab_count(vocab));
    for (uint32_t id = 0; id < 7; id++) {
        assert_string_equal(sorted[id], vocab_label(vocab, id));
        assert_int_equal(id, vocab_find(vocab, sorted[id]));
    }
    vocab_close(&vocab);
    expect(OK, vocab_sort(path, middle, 1, "relations", &vocab));
    assert_int_equal(2, vocab_count(vocab));
    assert_int_equal(0, vocab_find(vocab, "q"));
    vocab_close(&vocab);
    expect(ERR_INPUT, vocab_sort(file_text("two", "a\tr\tb\na\tr\n"), ends, 2, "entities", &vocab));
    expect_note("two:2: 2 columns, expected 3");
}

static void added_labels_come_after_the_map(void **state)
{
    (void)state;
    struct vocab *vocab;
    uint32_t id;
    expect(OK, vocab_read(file_text("map", "0\ta\n1\tb\n"), "entities", &vocab));
    expect(OK, vocab_add(vocab, "x", &id));
    assert_int_equal(2, id);
    expect(OK, vocab_add(vocab, "y", &id));
    assert_int_equal(3, id);
    expect(OK, vocab_add(vocab, "x", &id));
    assert_int_equal(2, id);
    expect(OK, vocab_add(vocab, "b", &id));
    assert_int_equal(1, id);
    assert_int_equal(2, vocab_count(vocab));
    assert_int_equal(2, vocab_extra(vocab));
    assert_int_equal(3, vocab_find(vocab, "y"));
    assert_string_equal("x", vocab_label(vocab, 2));
    vocab_close(&vocab);
}

static void empty_vocab_finds_nothing(void **state)
{
    (void)state;
    struct vocab *vocab;
    expect(OK, vocab_open(&vocab));
    assert_int_equal(0, vocab_count(vocab));
    assert_int_equal(VOCAB_NONE, vocab_find(vocab, "a"));
    expect(OK, vocab_order(vocab));
    vocab_close(&vocab);
}

static void entered_labels_are_numbered_by_arrival_until_ordered(void **state)
{
    (void)state;
    static const char *const arriving[] = {"10", "1", "\xc3\xa9", "9", "1", "100"};
    static const uint32_t number[] = {0, 1, 2, 3, 1, 4};
    static const char *const sorted[] = {"1", "10", "100", "9", "\xc3\xa9"};
    struct vocab *vocab;
    uint32_t id;
    expect(OK, vocab_open(&vocab));
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        expect(OK, vocab_enter(vocab, arriving[i], &id));
        assert_int_equal(number[i], id);
    }
    assert_int_equal(5, vocab_count(vocab));
    expect(OK, vocab_order(vocab));
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(sorted[i], vocab_label(vocab, i));
        assert_int_equal(i, vocab_find(vocab, sorted[i]));
    }
    assert_int_equal(VOCAB_NONE, vocab_find(vocab, "1000"));
    vocab_close(&vocab);
}

/* Enough of them for tables to grow and blocks to fill; labels must not move meanwhile. */
static void many_labels_are_found_again(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    struct vocab *vocab;
    char label[64];
    uint32_t id;
    expect(OK, vocab_read(file_text("map", "0\tfirst\n"), "entities", &vocab));
    const char *first = vocab_label(vocab, 0);
    for (uint32_t i = 1; i < MANY; i++) {
        (void)snprintf(label, sizeof label, "http://example.org/a-rather-long-name/%u", i);
        expect(OK, vocab_add(vocab, label, &id));
        assert_int_equal(i, id);
    }
    for (uint32_t i = 1; i < MANY; i++) {
        (void)snprintf(label, sizeof label, "http://example.org/a-rather-long-name/%u", i);
        assert_int_equal(i, vocab_find(vocab, label));
    }
    assert_ptr_equal(first, vocab_label(vocab, 0));
    assert_int_equal(VOCAB_NONE, vocab_find(vocab, "http://example.org/a-rather-long-name/0"));
    vocab_close(&vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(map_is_read_in_any_order),
        test_plain(broken_map_is_refused_with_its_line),
        test_plain(made_map_is_in_byte_order),
        test_plain(added_labels_come_after_the_map),
        test_plain(empty_vocab_finds_nothing),
        test_plain(entered_labels_are_numbered_by_arrival_until_ordered),
        test_plain(many_labels_are_found_again),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
