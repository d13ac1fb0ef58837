/* Tests of plans: what is stored, what may resume it, and what is refused. The program is a small
 * one of our own: rows of two units, whose results are the tallies' first bytes. */
#include "coordinator/plan.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 3, COLUMNS = 2 };

static char folder[] = "/tmp/test_plan.XXXXXX";
static uint64_t folded; /* a bit for each row */
static bool adopted;

static enum err made_open(const struct settings *settings, void **state)
{
    static int made;
    *state = &made;
    return settings_count(settings, SET_limit) == 13 ? err_note(ERR_INPUT, "bad input") : OK;
}

static void made_close(void **state)
{
    *state = NULL;
}

static void made_grid(const void *state, uint64_t *rows, uint64_t *columns)
{
    (void)state;
    *rows = ROWS;
    *columns = COLUMNS;
}

static enum err made_describe(const void *state, const struct settings *settings,
                              struct ledger *ledger)
{
    (void)state;
    (void)settings;
    return ledger_set(ledger, "unit_questions", "5");
}

static enum err made_fold(void *state, struct ledger *ledger, uint64_t row)
{
    (void)state;
    (void)ledger;
    folded |= UINT64_C(1) << row;
    return OK;
}

static enum err made_digest(void *state, struct ledger *ledger, struct digest *out)
{
    (void)state;
    (void)ledger;
    *out = (struct digest){{0xab}};
    return OK;
}

static void made_print(const void *state, const struct settings *settings)
{
    (void)state;
    (void)settings;
}

static enum err made_adopt(void *state, const struct settings *asked, const struct settings *kept)
{
    (void)state;
    adopted = settings_count(kept, SET_unit_questions) == 5;
    return settings_given(asked, SET_unit_questions) ? err_note(ERR_USAGE, "cut otherwise") : OK;
}

static const struct plan_program made = {
    .name = "rank",
    .open = made_open,
    .close = made_close,
    .grid = made_grid,
    .describe = made_describe,
    .fold = made_fold,
    .digest = made_digest,
    .print = made_print,
    .adopt = made_adopt,
};

/* What a test works with: the settings of a run, and an empty database. */
struct bench {
    struct settings *settings;
    struct ledger *ledger;
    struct plan *plan;
};

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void set(struct bench *bench, enum setting setting, const char *text)
{
    expect(OK, settings_set(bench->settings, setting, text, folder, "test"));
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    folded = 0;
    adopted = false;
    write_file("train", "train");
    write_file("test", "test");
    expect(OK, settings_open(&bench->settings));
    set(bench, SET_train, "train");
    set(bench, SET_test, "test");
    set(bench, SET_scorer, "complex");
    set(bench, SET_db, "run.db");
    expect(OK, ledger_open(":memory:", &bench->ledger));
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    plan_close(&bench->plan);
    ledger_close(&bench->ledger);
    settings_close(&bench->settings);
    free(bench);
    return 0;
}

static void store(struct bench *bench)
{
    expect(OK, plan_open(bench->settings, &bench->plan));
    expect(OK, plan_store(bench->plan, bench->ledger, 1234));
    plan_close(&bench->plan);
}

static enum err resume(struct bench *bench)
{
    plan_close(&bench->plan);
    expect(OK, plan_open_again(bench->settings, bench->ledger, &bench->plan));
    return plan_resume(bench->plan, bench->ledger);
}

static void assert_stored(struct bench *bench, const char *key, const char *wanted)
{
    char value[256];
    expect(OK, ledger_get(bench->ledger, key, value, sizeof value));
    assert_string_equal(value, wanted);
}

static void assert_noted(const char *part)
{
    if (!strstr(err_text(), part)) fail_msg("'%s' is not in: %s", part, err_text());
}

/* ---- storing ----------------------------------------------------------------------------- */

static void stored_plan_tells_settings_and_facts(void **state)
{
    struct bench *bench = *state;
    struct ledger_counts counts;
    char value[8];
    store(bench);
    assert_stored(bench, "scorer", "complex");
    assert_stored(bench, "planned_ms", "1234");
    assert_stored(bench, "program", "rank");
    assert_stored(bench, "millrace_version", MILLRACE_VERSION);
    expect(ERR_NONE, ledger_get(bench->ledger, "seed", value, sizeof value));
    expect(ERR_NONE, ledger_get(bench->ledger, "results_digest", value, sizeof value));
    ledger_counts(bench->ledger, &counts);
    assert_int_equal(counts.total, ROWS * COLUMNS);
}

static void bad_input_gives_no_plan(void **state)
{
    struct bench *bench = *state;
    set(bench, SET_limit, "13");
    expect(ERR_INPUT, plan_open(bench->settings, &bench->plan));
    assert_null(bench->plan);
    set(bench, SET_limit, "0");
    set(bench, SET_test, "missing");
    expect(ERR_INPUT, plan_open(bench->settings, &bench->plan));
    assert_noted("test: ");
}

static void inputs_are_digested(void **state)
{
    struct bench *bench = *state;
    struct digest wanted;
    size_t count;
    expect(OK, plan_open(bench->settings, &bench->plan));
    const struct ledger_input *inputs = plan_inputs(bench->plan, &count);
    assert_int_equal(count, 2);
    assert_string_equal(inputs[1].role, "test");
    assert_int_equal(inputs[1].size_bytes, 4);
    digest_bytes("test", 4, &wanted);
    assert_true(digest_equal(&wanted, &inputs[1].digest));
}

/* ---- resuming ---------------------------------------------------------------------------- */

static void same_run_resumes_with_its_plan_settings(void **state)
{
    struct bench *bench = *state;
    store(bench);
    set(bench, SET_workers, "7");
    expect(OK, resume(bench));
    assert_true(adopted);
    assert_int_equal(settings_count(plan_settings(bench->plan), SET_unit_questions), 5);
    assert_int_equal(settings_count(plan_settings(bench->plan), SET_workers), 7);
}

static void plan_settings_that_cut_otherwise_are_refused(void **state)
{
    struct bench *bench = *state;
    store(bench);
    set(bench, SET_unit_questions, "6");
    expect(ERR_USAGE, resume(bench));
    assert_noted("cut otherwise");
}

static void settings_that_differ_are_named(void **state)
{
    struct bench *bench = *state;
    store(bench);
    set(bench, SET_scorer, "distmult");
    set(bench, SET_seed, "3");
    expect(ERR_USAGE, resume(bench));
    assert_noted("run.db: is of another run: seed (0 there, 3 here), scorer (complex there, "
                 "distmult here); use another --db");
}

static void inputs_that_differ_are_named(void **state)
{
    struct bench *bench = *state;
    store(bench);
    write_file("train", "other");
    write_file("valid", "more");
    set(bench, SET_valid, "valid");
    expect(ERR_USAGE, resume(bench));
    assert_noted("train (content differs)");
    assert_noted("valid (only here)");
}

static void moved_inputs_resume_and_are_found_again(void **state)
{
    struct bench *bench = *state;
    struct settings *loaded = NULL;
    store(bench);
    write_file("elsewhere", "train");
    set(bench, SET_train, "elsewhere");
    expect(OK, resume(bench));
    expect(OK, settings_open(&loaded));
    expect(OK, plan_settings_load(bench->ledger, "run.db", loaded));
    assert_string_equal(settings_text(loaded, SET_train),
                        settings_text(bench->settings, SET_train));
    assert_string_equal(settings_text(loaded, SET_scorer), "complex");
    settings_close(&loaded);
}

/* A stored digest that is wrong shows that it was taken over, and when it was not. */
static void digests_are_made_anew_only_for_changed_files(void **state)
{
    struct bench *bench = *state;
    struct ledger_input stored[2];
    size_t count;
    store(bench);
    expect(OK, ledger_inputs(bench->ledger, stored, 2, &count));
    stored[0].digest.byte[0] ^= 1;
    expect(OK, ledger_set_input(bench->ledger, &stored[0]));
    expect(OK, plan_open_again(bench->settings, bench->ledger, &bench->plan));
    assert_true(digest_equal(&plan_inputs(bench->plan, &count)[0].digest, &stored[0].digest));
    plan_close(&bench->plan);

    stored[0].mtime_ns--;
    expect(OK, ledger_set_input(bench->ledger, &stored[0]));
    expect(OK, plan_open_again(bench->settings, bench->ledger, &bench->plan));
    assert_false(digest_equal(&plan_inputs(bench->plan, &count)[0].digest, &stored[0].digest));
}

/* ---- results ----------------------------------------------------------------------------- */

/* Leases every unit to one worker. */
static uint64_t lease_all(struct bench *bench)
{
    uint64_t worker;
    struct lease lease;
    expect(OK, ledger_add_worker(bench->ledger, 0, "w", "h", "cpu", 1, 1, &worker));
    for (int i = 0; i < ROWS * COLUMNS; i++)
        expect(OK, ledger_lease(bench->ledger, worker, UINT64_MAX, true, 0, 1000, &lease));
    return worker;
}

static void finish_unit(struct bench *bench, uint64_t worker, uint64_t unit)
{
    const uint8_t byte = 1;
    expect(OK, ledger_finish(bench->ledger, unit, 1, worker, 1, "exact", &byte, 1));
}

static void rows_fold_as_they_complete_and_the_digest_ends_it(void **state)
{
    struct bench *bench = *state;
    char value[DIGEST_HEX];
    store(bench);
    expect(OK, resume(bench));
    expect(OK, ledger_begin(bench->ledger));
    const uint64_t worker = lease_all(bench);
    finish_unit(bench, worker, 2);
    expect(OK, plan_fold(bench->plan, bench->ledger));
    assert_int_equal(folded, 0);
    finish_unit(bench, worker, 3);
    expect(OK, plan_fold(bench->plan, bench->ledger));
    assert_int_equal(folded, 2);
    expect(ERR_NONE, ledger_get(bench->ledger, "results_digest", value, sizeof value));

    for (uint64_t unit = 0; unit < ROWS * COLUMNS; unit++)
        if (unit / COLUMNS != 1) finish_unit(bench, worker, unit);
    expect(OK, plan_fold(bench->plan, bench->ledger));
    expect(OK, ledger_commit(bench->ledger));
    assert_int_equal(folded, 7);
    expect(OK, ledger_get(bench->ledger, "results_digest", value, sizeof value));
    assert_memory_equal(value, "ab00", 4);
}

static int make_folder(void **state)
{
    (void)state;
    plan_register(&made, 1);
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(stored_plan_tells_settings_and_facts),
        test_case(bad_input_gives_no_plan),
        test_case(inputs_are_digested),
        test_case(same_run_resumes_with_its_plan_settings),
        test_case(plan_settings_that_cut_otherwise_are_refused),
        test_case(settings_that_differ_are_named),
        test_case(inputs_that_differ_are_named),
        test_case(moved_inputs_resume_and_are_found_again),
        test_case(digests_are_made_anew_only_for_changed_files),
        test_case(rows_fold_as_they_complete_and_the_digest_ends_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
