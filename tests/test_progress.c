/* Tests of progress: what the line says at every width, and which remarks are shown. */
#include "coordinator/progress.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH_LEAST = 20, WIDTH_MOST = 200, SHOWN_BYTES = 4096 };

static const struct progress_figures usual = {.units = 12345,
                                              .failed = 0,
                                              .workers = 4,
                                              .part = 0.5,
                                              .rate = 123.4,
                                              .left_s = 83,
                                              .mrr = 0.3456};

static const struct progress_figures extreme = {.units = UINT64_MAX,
                                                .failed = UINT64_MAX,
                                                .workers = UINT64_MAX,
                                                .part = 1,
                                                .rate = 1e-300,
                                                .left_s = 999999999,
                                                .mrr = 1};

static const char *format(const struct progress_figures *figures, bool bar, size_t columns)
{
    static char text[PROGRESS_TEXT_BYTES];
    return progress_format(figures, bar, columns, text);
}

static void no_line_reaches_the_last_column(void **state)
{
    (void)state;
    const struct progress_figures *const all[] = {&usual, &extreme};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (size_t columns = WIDTH_LEAST; columns <= WIDTH_MOST; columns++) {
            assert_true(strlen(format(all[i], true, columns)) < columns);
            assert_non_null(strchr(format(all[i], true, columns), '%'));
            assert_true(strlen(format(all[i], false, columns)) < columns);
        }
}

static void the_narrowest_terminals_get_what_fits(void **state)
{
    (void)state;
    assert_string_equal(format(&usual, true, 0), "");
    assert_string_equal(format(&usual, true, 1), "");
    assert_string_equal(format(&usual, true, 4), "50.");
    assert_string_equal(format(&usual, true, 10), "50.0%");
}

static void a_wide_terminal_shows_everything(void **state)
{
    (void)state;
    assert_string_equal(format(&usual, true, WIDTH_MOST),
                        "[############............] 50.0% of 12345 units, 1:23 left, 123.4/s,"
                        " MRR so far 0.3456, 4 workers");
    struct progress_figures figures = usual;
    figures.failed = 3;
    figures.workers = 1;
    figures.mrr = figures.left_s = NAN;
    assert_string_equal(format(&figures, false, WIDTH_MOST),
                        "50.0% of 12345 units, 3 failed, ? left, 123.4/s, 1 worker");
}

static void the_usual_terminal_shows_everything_with_a_shorter_bar(void **state)
{
    (void)state;
    assert_string_equal(format(&usual, true, 80),
                        "[###...] 50.0% of 12345 units, 1:23 left, 123.4/s, MRR so far 0.3456,"
                        " 4 workers");
}

static void fields_go_from_the_right(void **state)
{
    (void)state;
    const char *const fields[] = {"worker", "MRR", "/s", "left", "units", "%"};
    const size_t count = sizeof fields / sizeof fields[0];
    for (size_t columns = WIDTH_LEAST; columns <= WIDTH_MOST; columns++) {
        const char *text = format(&usual, true, columns);
        bool shown = false;
        for (size_t i = 0; i < count; i++) {
            assert_false(shown && !strstr(text, fields[i]));
            shown = shown || strstr(text, fields[i]);
        }
        assert_true(text[0] == '[');
    }
}

/* ---- remarks --------------------------------------------------------------------------------- */

static FILE *shown;
static int real_stderr;

static void catch_stderr(void)
{
    shown = tmpfile();
    assert_non_null(shown);
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    assert_true(real_stderr >= 0 && dup2(fileno(shown), STDERR_FILENO) >= 0);
}

static void give_stderr_back(char text[SHOWN_BYTES])
{
    fflush(stderr);
    assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
    close(real_stderr);
    rewind(shown);
    text[fread(text, 1, SHOWN_BYTES - 1, shown)] = 0;
    fclose(shown);
}

static void many_remarks_are_counted_and_not_shown(void **state)
{
    (void)state;
    char text[SHOWN_BYTES];
    struct ledger *ledger;
    expect(OK, ledger_open(":memory:", &ledger));
    catch_stderr();
    struct progress *progress = progress_open(ledger, false, 1000);
    for (int i = 0; i < PROGRESS_REMARKS_MAX + 2; i++) progress_remark(progress, 1000, "a");
    progress_remark(progress, 1000 + PROGRESS_REMARKS_MS, "b");
    progress_close(&progress);
    give_stderr_back(text);
    ledger_close(&ledger);
    assert_string_equal(text, "millrace: a\nmillrace: a\nmillrace: a\nmillrace: a\nmillrace: a\n"
                              "millrace: 2 more lines like the last\nmillrace: b\n");
}

static void what_was_left_out_is_told_at_the_end(void **state)
{
    (void)state;
    char text[SHOWN_BYTES];
    struct ledger *ledger;
    expect(OK, ledger_open(":memory:", &ledger));
    catch_stderr();
    struct progress *progress = progress_open(ledger, false, 0);
    for (int i = 0; i < PROGRESS_REMARKS_MAX + 1; i++) progress_remark(progress, 0, "a");
    progress_close(&progress);
    give_stderr_back(text);
    ledger_close(&ledger);
    assert_non_null(strstr(text, "millrace: 1 more line like the last\n"));
}

static void who_wants_no_progress_gets_no_remarks(void **state)
{
    (void)state;
    char text[SHOWN_BYTES];
    struct ledger *ledger;
    expect(OK, ledger_open(":memory:", &ledger));
    catch_stderr();
    struct progress *progress = progress_open(ledger, true, 0);
    progress_remark(progress, 0, "a");
    progress_close(&progress);
    give_stderr_back(text);
    ledger_close(&ledger);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(no_line_reaches_the_last_column),
        test_plain(the_narrowest_terminals_get_what_fits),
        test_plain(a_wide_terminal_shows_everything),
        test_plain(the_usual_terminal_shows_everything_with_a_shorter_bar),
        test_plain(fields_go_from_the_right),
        test_plain(many_remarks_are_counted_and_not_shown),
        test_plain(what_was_left_out_is_told_at_the_end),
        test_plain(who_wants_no_progress_gets_no_remarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
