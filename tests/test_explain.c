/* Tests of `millrace explain` of a unit: its place in the grid, in the words of each program. */
#include "coordinator/commands.h"
#include "coordinator/ledger.h"
#include "tests/capture.h"
#include "tests/files.h"

struct fact {
    const char *key, *value;
};

/* What is said of a unit of a grid of 3 rows and 2 columns, about which the plan stored `facts`. */
static void explain(const struct fact *facts, const char *unit, char *text, size_t size)
{
    char db[512];
    struct ledger *ledger = NULL;
    (void)snprintf(db, sizeof db, "%s", file_path("run.db"));
    (void)unlink(db);
    expect(OK, ledger_open(db, &ledger));
    expect(OK, ledger_begin(ledger));
    for (; facts->key; facts++) expect(OK, ledger_set(ledger, facts->key, facts->value));
    expect(OK, ledger_plan(ledger, 3, 2));
    expect(OK, ledger_commit(ledger));
    ledger_close(&ledger);

    char program[] = "millrace", command[] = "explain", number[24];
    (void)snprintf(number, sizeof number, "%s", unit);
    char *words[] = {program, command, db, number, NULL};
    capture_begin(stdout);
    const int code = commands_main(4, words);
    capture_end(text, size);
    assert_int_equal(0, code);
}

static void unit_of_prove_has_targets_and_places(void **state)
{
    (void)state;
    static const struct fact facts[] = {{"program", "prove"},
                                        {"questions", "17"},
                                        {"places", "101"},
                                        {"unit_items", "600"},
                                        {"unit_targets", "6"},
                                        {"unit_places", "100"},
                                        {0}};
    char text[1024];
    explain(facts, "2", text, sizeof text);
    assert_non_null(strstr(text, "unit 2: ready\n  row 1, column 0: targets 6 to 11, places 0 to"
                                 " 99\n"));
    explain(facts, "5", text, sizeof text);
    assert_non_null(strstr(text, "\n  row 2, column 1: targets 12 to 16, places 100 to 100\n"));
}

static void unit_of_rank_has_questions_and_candidates(void **state)
{
    (void)state;
    static const struct fact facts[] = {{"program", "rank"},       {"questions", "17"},
                                        {"entities_total", "90"},  {"unit_questions", "6"},
                                        {"unit_candidates", "50"}, {0}};
    char text[1024];
    explain(facts, "5", text, sizeof text);
    assert_non_null(strstr(text, "\n  row 2, column 1: questions 12 to 16, candidates 50 to 89\n"));
}

static void unit_without_a_stored_cut_has_no_place(void **state)
{
    (void)state;
    static const struct fact facts[] = {{"program", "prove"}, {"questions", "17"}, {0}};
    char text[1024];
    explain(facts, "0", text, sizeof text);
    assert_string_equal("unit 0: ready\nIt waits: no worker has taken it yet.\n", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(unit_of_prove_has_targets_and_places),
        test_plain(unit_of_rank_has_questions_and_candidates),
        test_plain(unit_without_a_stored_cut_has_no_place),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
