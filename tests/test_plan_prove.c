/* Tests of the plan of `prove`: what becomes of the records that workers send. The worker is one
 * of our own, whose searches end as a hash of target and place says. */
#include "common/items.h"
#include "coordinator/export.h"
#include "coordinator/plan.h"
#include "tests/files.h"

#include <inttypes.h>

static const char facts[] = "p(a,b).\np(b,c).\np(c,d).\np(d,e).\np(e,f).\nq(a,c).\nq(f,a).\n";
static const char rules[] = "q(X,Z) :- p(X,Y), p(Y,Z).\n";
static const char queries[] = "q(b,d).\np(f,g).\nq(c,e).\np(a,h).\nq(d,f).\n";
static const char labels[] = "q(b,d) 2\np(f,g) -1\nq(d,f) 2\n";
enum { QUERIES = 5, DEPTH = 7 };

/* A planned run, and the grid as a worker sees it, with the filter. */
struct bench {
    struct settings *settings;
    struct ledger *ledger;
    struct plan *plan;
    struct theory *theory;
    struct items items;
    uint64_t worker;
};

static void set(struct bench *bench, enum setting setting, const char *text)
{
    expect(OK, settings_set(bench->settings, setting, text, folder_path, "test"));
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    if (!bench || folder_open(state)) return 1;
    *state = bench;
    expect(OK, settings_open(&bench->settings));
    set(bench, SET_program, "prove");
    set(bench, SET_policy, "hash");
    set(bench, SET_depth, "7");
    set(bench, SET_train, file_text("train.txt", facts));
    set(bench, SET_rules, file_text("rules.txt", rules));
    set(bench, SET_test, file_text("test.txt", queries));
    set(bench, SET_depths, file_text("depths.txt", labels));
    set(bench, SET_unit_items, "3");
    set(bench, SET_db, "run.db");
    return 0;
}

static void close_run(struct bench *bench)
{
    plan_close(&bench->plan);
    ledger_close(&bench->ledger);
    items_close(&bench->items);
    theory_close(&bench->theory);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    close_run(bench);
    settings_close(&bench->settings);
    free(bench);
    return folder_close(state);
}

/* Plans, or goes on with what is planned at `path`. */
static void open_run(struct bench *bench, const char *path)
{
    close_run(bench);
    expect(OK, settings_finish(bench->settings));
    expect(OK, plan_open(bench->settings, &bench->plan));
    expect(OK, ledger_open(path, &bench->ledger));
    if (ledger_planned(bench->ledger))
        expect(OK, plan_resume(bench->plan, bench->ledger));
    else
        expect(OK, plan_store(bench->plan, bench->ledger, 0));
    expect(OK, theory_open(bench->settings, THEORY_SEARCH, &bench->theory));
    expect(OK, items_open(bench->settings, bench->theory, &bench->items));
    expect(OK, ledger_add_worker(bench->ledger, 0, "w", "h", "cpu", 1, 1, &bench->worker));
}

static uint64_t units_of(const struct bench *bench)
{
    return items_rows(&bench->items) * items_columns(&bench->items);
}

/* What becomes of an item: four scores, so that many are level. */
static struct outcome outcome_of(const struct bench *bench, uint32_t target, uint64_t place)
{
    struct triple at;
    const uint64_t stream = items_stream(&bench->items, target);
    const uint32_t hash = facts_hash((uint32_t)stream, (uint32_t)place, 5);
    struct outcome outcome = {.kind = (uint8_t)items_at(&bench->items, target, place, &at)};
    if (outcome.kind == ITEM_NONE || outcome.kind == ITEM_KNOWN) return outcome;
    outcome.end = hash & 1 ? END_TRUE : END_FALSE;
    outcome.depth = (uint16_t)(1 + hash / 2 % DEPTH);
    outcome.logprob = hash & 32 ? -0.25f : -1.0f / 3;
    outcome.digest = outcome_digest(stream, hash);
    return outcome;
}

/* A unit's tally, as the worker sends it: free it. */
static uint8_t *tally_of(const struct bench *bench, uint64_t unit, size_t *size)
{
    const struct item_span span = items_span(&bench->items, unit);
    *size = span.target_count * span.place_count * OUTCOME_BYTES;
    uint8_t *bytes = malloc(*size), *at = bytes;
    assert_non_null(bytes);
    for (uint32_t i = 0; i < span.target_count; i++)
        for (uint64_t j = 0; j < span.place_count; j++, at += OUTCOME_BYTES) {
            const struct outcome outcome =
                outcome_of(bench, span.first_target + i, span.first_place + j);
            outcome_write(&outcome, at);
        }
    return bytes;
}

/* Leases and finishes every unit; `fold` is also done, once for each. */
static void work(struct bench *bench, bool fold)
{
    struct lease lease;
    for (uint64_t i = 0; i < units_of(bench); i++) {
        size_t size;
        expect(OK, ledger_begin(bench->ledger));
        expect(OK, ledger_lease(bench->ledger, bench->worker, UINT64_MAX, true, 0, 1000, &lease));
        uint8_t *bytes = tally_of(bench, lease.unit, &size);
        expect(OK, plan_believe(bench->plan, lease.unit, bytes, size));
        expect(OK, ledger_finish(bench->ledger, lease.unit, lease.attempt, bench->worker, 1,
                                 "exact", bytes, size));
        if (fold) expect(OK, plan_fold(bench->plan, bench->ledger));
        expect(OK, ledger_commit(bench->ledger));
        free(bytes);
    }
}

static void read_digest(struct bench *bench, char hex[DIGEST_HEX])
{
    expect(OK, ledger_get(bench->ledger, "results_digest", hex, DIGEST_HEX));
}

static enum err take_text(void *context, size_t columns, const char *const *names,
                          const char *const *values)
{
    char *text = context;
    (void)columns, (void)names;
    (void)snprintf(text, 256, "%s", values[0] ? values[0] : "");
    return OK;
}

static void expect_query(struct bench *bench, const char *sql, uint64_t argument, const char *want)
{
    char text[256] = "no row";
    expect(OK, ledger_query(bench->ledger, sql, argument, take_text, text));
    assert_string_equal(text, want);
}

/* ---- planning ---------------------------------------------------------------------------- */

static void plan_tells_its_size_and_the_labels(void **state)
{
    struct bench *bench = *state;
    open_run(bench, ":memory:");
    static const char fact[] = "select group_concat(key || '=' || value, ' ') from (select * from"
                               " run where key in ('queries_total', 'questions', 'facts_total',"
                               " 'rules_total', 'entities_total', 'unit_items', 'unknown_dropped',"
                               " 'items_total', 'unit_targets', 'unit_places', 'places')"
                               " order by key)";
    /* Eight constants: each of ten targets has its true one and seven others. */
    expect_query(bench, fact, 0,
                 "entities_total=8 facts_total=7 items_total=80 places=8 queries_total=10"
                 " questions=10 rules_total=1 unit_items=3 unit_places=3 unit_targets=1"
                 " unknown_dropped=0");
    expect_query(bench, "select count(*) from unit", 0, "30");
    expect_query(bench,
                 "select group_concat(query || ':' || depth, ' ') from (select * from depth"
                 " order by query)",
                 0, "0:2 1:-1 4:2");
}

static void grid_that_is_planned_is_kept(void **state)
{
    struct bench *bench = *state;
    open_run(bench, file_path("run.db"));
    close_run(bench);
    set(bench, SET_unit_items, "0");
    open_run(bench, file_path("run.db"));
    assert_int_equal(settings_count(plan_settings(bench->plan), SET_unit_items), 3);
    assert_int_equal(plan_columns(bench->plan), 3);

    close_run(bench);
    set(bench, SET_unit_items, "4");
    expect(OK, plan_open(bench->settings, &bench->plan));
    expect(OK, ledger_open(file_path("run.db"), &bench->ledger));
    expect(ERR_USAGE, plan_resume(bench->plan, bench->ledger));
    expect_note("unit_items: 4: this database was planned with 3");
}

static void unit_that_no_message_holds_is_refused(void **state)
{
    struct bench *bench = *state;
    enum { LINES = 2100 };
    char *text = calloc(LINES, 32), *at = text;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++) at += snprintf(at, 32, "p(x%d,x%d).\n", i, i + 1);
    set(bench, SET_test, file_text("test.txt", text));
    free(text);
    set(bench, SET_depths, file_text("depths.txt", "p(x0,x1) 1\n"));
    set(bench, SET_unit_items, "5000000");
    expect(OK, settings_finish(bench->settings));
    expect(ERR_USAGE, plan_open(bench->settings, &bench->plan));
    expect_note("unit_items: ");
}

/* ---- belief ------------------------------------------------------------------------------ */

/* Place `at` of the unit's only target, changed. */
static void expect_lie(struct bench *bench, uint64_t unit, size_t at, struct outcome lie)
{
    size_t size;
    uint8_t *bytes = tally_of(bench, unit, &size);
    outcome_write(&lie, bytes + at * OUTCOME_BYTES);
    expect(ERR_FORMAT, plan_believe(bench->plan, unit, bytes, size));
    free(bytes);
}

static void what_no_worker_can_have_found_is_not_believed(void **state)
{
    struct bench *bench = *state;
    open_run(bench, ":memory:");
    const struct outcome good = {ITEM_CANDIDATE, END_FALSE, 2, -1, 9}, none = {.kind = ITEM_NONE};
    struct outcome lie = good;
    size_t size;
    uint8_t *bytes = tally_of(bench, 0, &size);
    assert_int_equal(size, 3 * OUTCOME_BYTES);
    expect(OK, plan_believe(bench->plan, 0, bytes, size));
    expect(ERR_FORMAT, plan_believe(bench->plan, 0, bytes, size - 1));
    expect(ERR_FORMAT, plan_believe(bench->plan, 0, bytes, size + 1)); /* refused unread */
    expect(ERR_FORMAT, plan_believe(bench->plan, 0, bytes, 0));
    expect(ERR_FORMAT, plan_believe(bench->plan, 2, bytes, size)); /* has two places */
    expect(ERR_FORMAT, plan_believe(bench->plan, units_of(bench), bytes, size));
    free(bytes);

    expect_lie(bench, 0, 0, good); /* the true one is elsewhere */
    expect_lie(bench, 0, 0, (struct outcome){.kind = ITEM_KNOWN});
    expect_lie(bench, 0, 1, none); /* there is a candidate */
    lie.kind = ITEM_TRUE;
    expect_lie(bench, 0, 1, lie);
    lie = good;
    lie.depth = DEPTH + 1;
    expect_lie(bench, 0, 1, lie);
    lie = good;
    lie.logprob = 0.5f;
    expect_lie(bench, 0, 1, lie);
    lie = good;
    lie.end = 'X';
    expect_lie(bench, 0, 1, lie);
    lie = (struct outcome){.kind = ITEM_KNOWN, .digest = 1};
    expect_lie(bench, 0, 1, lie);
}

/* The domain of g has three members, the others' has five. */
static void padding_holds_no_candidates(void **state)
{
    struct bench *bench = *state;
    set(bench, SET_domains, file_text("domains.txt", "small f g h\nlarge a b c d e\n"));
    set(bench, SET_unit_items, "5");
    open_run(bench, ":memory:");
    uint32_t target = 0;
    while (items_places(&bench->items, target) != 3) target++;
    const struct outcome good = {ITEM_CANDIDATE, END_FALSE, 2, -1, 9};
    assert_int_equal(items_columns(&bench->items), 1);
    assert_int_equal(units_of(bench), bench->items.target_count);
    expect_lie(bench, target, 3, good);
    expect_lie(bench, target, 4, (struct outcome){.kind = ITEM_KNOWN});
}

/* ---- results ----------------------------------------------------------------------------- */

/* One target's counts as text, made from all its items at once. */
static void count_plainly(const struct bench *bench, uint32_t target, char text[128])
{
    const struct outcome truth = outcome_of(bench, target, 0);
    unsigned above = 0, level = 0, candidates = 1, known = 0;
    for (uint64_t place = 1; place < items_places(&bench->items, target); place++) {
        const struct outcome other = outcome_of(bench, target, place);
        known += other.kind == ITEM_KNOWN;
        if (other.kind == ITEM_KNOWN) continue;
        candidates++;
        above += outcome_score(&other) > outcome_score(&truth);
        level += outcome_score(&other) == outcome_score(&truth);
    }
    (void)snprintf(text, 128, "%u %u %u %u 0", above, level, candidates, known);
}

static void expect_ranks(struct bench *bench)
{
    char sql[256], want[128];
    unsigned levels = 0, known = 0;
    for (uint32_t target = 0; target < bench->items.target_count; target++) {
        const struct item_target *self = &bench->items.target[target];
        count_plainly(bench, target, want);
        unsigned above, level, candidates, filtered;
        assert_int_equal(4, sscanf(want, "%u %u %u %u", &above, &level, &candidates, &filtered));
        levels += level;
        known += filtered;
        (void)snprintf(sql, sizeof sql,
                       "select above || ' ' || level || ' ' || candidates || ' ' || filtered ||"
                       " ' ' || nonfinite from rank where side = '%s' and query = ?1",
                       item_side_name[self->side]);
        expect_query(bench, sql, bench->theory->evaluated.line[self->triple], want);
    }
    assert_true(levels > 0 && known > 0); /* else the test would prove little */
}

static void ranks_are_counted_from_the_scores(void **state)
{
    struct bench *bench = *state;
    open_run(bench, ":memory:");
    work(bench, true);
    expect_ranks(bench);
    expect_query(bench, "select count(*) from rank", 0, "10");
    expect_query(bench, "select head || relation || tail from rank where query = 3 limit 1", 0,
                 "aph");
}

static void every_item_played_has_an_outcome(void **state)
{
    struct bench *bench = *state;
    open_run(bench, ":memory:");
    work(bench, true);
    expect_query(bench,
                 "select (select count(*) from outcome) = (select sum(candidates) from rank)", 0,
                 "1");
    for (uint32_t target = 0; target < bench->items.target_count; target++) {
        const struct item_target *self = &bench->items.target[target];
        const struct outcome found = outcome_of(bench, target, 4);
        char sql[256], want[256];
        struct triple at;
        if (items_at(&bench->items, target, 4, &at) == ITEM_KNOWN) continue;
        (void)snprintf(want, sizeof want, "%s %s %s %d %d %c %016" PRIx64,
                       vocab_label(bench->theory->constants, at.head),
                       vocab_label(bench->theory->predicates, at.relation),
                       vocab_label(bench->theory->constants, at.tail), found.end == END_TRUE,
                       found.depth, found.end, found.digest);
        (void)snprintf(sql, sizeof sql,
                       "select head || ' ' || relation || ' ' || tail || ' ' || proved || ' ' ||"
                       " depth || ' ' || \"end\" || ' ' || digest from outcome"
                       " where side = '%s' and query = ?1 and candidate = 4",
                       item_side_name[self->side]);
        expect_query(bench, sql, bench->theory->evaluated.line[self->triple], want);
    }
}

static void joint_list_is_one_query_of_both_sides(void **state)
{
    struct bench *bench = *state;
    set(bench, SET_mode, "both");
    open_run(bench, ":memory:");
    work(bench, true);
    assert_int_equal(bench->items.target_count, QUERIES);
    expect_ranks(bench);
    expect_query(bench, "select count(*) from outcome where side <> 'both'", 0, "0");
}

static void digest_is_of_the_exported_outcomes(void **state)
{
    struct bench *bench = *state;
    char hex[DIGEST_HEX], want[DIGEST_HEX];
    struct digest digest;
    open_run(bench, ":memory:");
    work(bench, true);
    read_digest(bench, hex);
    const char *path = file_path("outcomes.tsv");
    expect(OK, export_file(bench->ledger, EXPORT_OUTCOMES, EXPORT_TSV, path));
    expect(OK, digest_file(path, &digest));
    digest_hex(&digest, want);
    assert_string_equal(hex, want);
}

static void results_do_not_depend_on_the_cut(void **state)
{
    static const char *const cuts[] = {"1", "2", "8", "17", "1000"};
    struct bench *bench = *state;
    char first[DIGEST_HEX] = "", hex[DIGEST_HEX];
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        set(bench, SET_unit_items, cuts[i]);
        open_run(bench, ":memory:");
        work(bench, true);
        read_digest(bench, hex);
        if (i > 0) assert_string_equal(hex, first);
        memcpy(first, hex, sizeof first);
        expect_ranks(bench);
    }
}

static void rows_that_were_not_folded_are_folded_at_reopening(void **state)
{
    struct bench *bench = *state;
    char hex[DIGEST_HEX], want[DIGEST_HEX];
    open_run(bench, ":memory:");
    work(bench, true);
    read_digest(bench, want);

    open_run(bench, file_path("run.db"));
    work(bench, false);
    expect_query(bench, "select count(*) from outcome", 0, "0");
    open_run(bench, file_path("run.db"));
    expect(OK, ledger_begin(bench->ledger));
    expect(OK, plan_fold(bench->plan, bench->ledger));
    expect(OK, ledger_commit(bench->ledger));
    expect_ranks(bench);
    read_digest(bench, hex);
    assert_string_equal(hex, want);
}

static void damaged_tally_is_refused(void **state)
{
    struct bench *bench = *state;
    struct lease lease;
    set(bench, SET_unit_items, "1000");
    open_run(bench, ":memory:");
    assert_int_equal(units_of(bench), 1);
    size_t size;
    uint8_t *bytes = tally_of(bench, 0, &size);
    bytes[0] = ITEM_KNOWN;
    expect(OK, ledger_begin(bench->ledger));
    expect(OK, ledger_lease(bench->ledger, bench->worker, UINT64_MAX, true, 0, 1000, &lease));
    expect(OK, ledger_finish(bench->ledger, 0, 1, bench->worker, 1, "exact", bytes, size));
    expect(ERR_FORMAT, plan_fold(bench->plan, bench->ledger));
    expect_note("database: unit 0");
    free(bytes);
    ledger_rollback(bench->ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(plan_tells_its_size_and_the_labels),
        test_case(grid_that_is_planned_is_kept),
        test_case(unit_that_no_message_holds_is_refused),
        test_case(what_no_worker_can_have_found_is_not_believed),
        test_case(padding_holds_no_candidates),
        test_case(ranks_are_counted_from_the_scores),
        test_case(every_item_played_has_an_outcome),
        test_case(joint_list_is_one_query_of_both_sides),
        test_case(digest_is_of_the_exported_outcomes),
        test_case(results_do_not_depend_on_the_cut),
        test_case(rows_that_were_not_folded_are_folded_at_reopening),
        test_case(damaged_tally_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
