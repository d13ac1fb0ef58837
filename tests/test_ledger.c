/* Tests of the ledger: what a lease promises, and what is stored once. */
#include "tests/ledger_bench.h"

#include <stdio.h>

/* ---- leases ------------------------------------------------------------------------------ */

static void late_result_counts_once(void **state)
{
    struct ledger *ledger = *state;
    uint64_t ended;
    expect(OK, ledger_plan(ledger, 1, 1));
    const struct lease slow = lease_to(ledger, one, 0);
    expect(OK, ledger_reap(ledger, HOUR_MS, &ended));
    assert_int_equal(ended, 1);
    const struct lease quick = lease_to(ledger, two, HOUR_MS);
    assert_int_equal(quick.attempt, 2);

    expect(OK, finish(ledger, &slow, one, 7));
    expect(ERR_STALE, finish(ledger, &quick, two, 7));
    expect_sql(ledger, "1", "SELECT count(*) FROM tally");
    expect_sql(ledger, "done", "SELECT outcome FROM attempt WHERE attempt = 1");
    expect_sql(ledger, "lost", "SELECT outcome FROM attempt WHERE attempt = 2");
    assert_int_equal(ledger_held(ledger, two), 0);
}

static void different_second_result_is_an_alarm(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    const struct lease lease = lease_to(ledger, one, 0);
    expect(OK, finish(ledger, &lease, one, 7));
    expect(ERR_MISMATCH, finish(ledger, &lease, two, 8));
    expect_sql(ledger, "mismatch", "SELECT kind FROM event WHERE unit = 0 AND worker = 2");
    expect_sql(ledger, "07", "SELECT hex(bytes) FROM tally");
}

static void what_was_never_leased_is_refused(void **state)
{
    struct ledger *ledger = *state;
    const struct lease lies[] = {{.unit = 0, .attempt = 1},
                                 {.unit = 1, .attempt = 1},
                                 {.unit = 0, .attempt = 0},
                                 {.unit = 0, .attempt = 3},
                                 {.unit = UINT64_MAX, .attempt = UINT32_MAX}};
    bool set_aside;
    expect(OK, ledger_plan(ledger, 1, 1));
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const struct lease *lie = &lies[i];
        expect(ERR_FORMAT, finish(ledger, lie, one, 7));
        expect(ERR_FORMAT, ledger_release(ledger, lie->unit, lie->attempt, 0));
        expect(ERR_FORMAT,
               ledger_fail(ledger, lie->unit, lie->attempt, one, 0, true, "", &set_aside));
        expect(ERR_STALE, ledger_adopt(ledger, lie->unit, lie->attempt, one, 0, 1));
    }
    assert_int_equal(ledger_state(ledger, 0), UNIT_READY);
}

static void only_overdue_leases_are_reaped(void **state)
{
    struct ledger *ledger = *state;
    uint64_t ended;
    expect(OK, ledger_plan(ledger, 3, 1));
    const struct lease first = lease_to(ledger, one, 0);
    lease_to(ledger, one, 10);
    assert_int_equal(ledger_next_deadline(ledger), HOUR_MS);
    assert_true(ledger_renew(ledger, first.unit, first.attempt, one, 2 * HOUR_MS));
    assert_false(ledger_renew(ledger, first.unit, first.attempt, two, 9 * HOUR_MS));
    expect(OK, ledger_reap(ledger, HOUR_MS + 9, &ended));
    assert_int_equal(ended, 0);
    assert_int_equal(ledger_next_deadline(ledger), HOUR_MS + 10);
    expect(OK, ledger_reap(ledger, HOUR_MS + 10, &ended));
    assert_int_equal(ended, 1);
    assert_int_equal(ledger_state(ledger, 0), UNIT_LEASED);
    assert_int_equal(ledger_state(ledger, 1), UNIT_READY);
    expect(OK, ledger_reap(ledger, 2 * HOUR_MS, &ended));
    assert_int_equal(ended, 1);
    assert_int_equal(ledger_next_deadline(ledger), INT64_MAX);
    expect_sql(ledger, "2", "SELECT count(*) FROM attempt WHERE outcome = 'expired'");
}

static void released_leases_are_not_charged(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 2, 1));
    ledger_limit(ledger, 1);
    const struct lease lease = lease_to(ledger, one, 0);
    lease_to(ledger, one, 0);
    expect(OK, ledger_release(ledger, lease.unit, lease.attempt, 1));
    assert_int_equal(ledger_held(ledger, one), 1);
    expect(OK, ledger_release_worker(ledger, one, 1));
    assert_int_equal(ledger_held(ledger, one), 0);
    expect_sql(ledger, "2", "SELECT count(*) FROM unit WHERE state = 'ready'");
    expect(OK, ledger_release(ledger, lease.unit, lease.attempt, 2)); /* again: no effect */
}

static void thousands_of_leases_are_told_apart(void **state)
{
    enum { UNITS = 5000 };
    struct ledger *ledger = *state;
    static struct lease lease[UNITS];
    struct ledger_counts counts;
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_plan(ledger, UNITS / 5, 5));
    for (size_t i = 0; i < UNITS; i++) lease[i] = lease_to(ledger, i % 2 ? one : two, 0);
    for (size_t i = 0; i < UNITS; i += 3) expect(OK, finish(ledger, &lease[i], one, 1));
    for (size_t i = 1; i < UNITS; i += 3)
        expect(OK, ledger_release(ledger, lease[i].unit, lease[i].attempt, 0));
    expect(OK, ledger_commit(ledger));
    ledger_counts(ledger, &counts);
    assert_int_equal(counts.unit[UNIT_DONE], 1667);
    assert_int_equal(counts.unit[UNIT_READY], 1667);
    assert_int_equal(counts.unit[UNIT_LEASED], 1666);
    assert_int_equal(ledger_held(ledger, one) + ledger_held(ledger, two), 1666);
}

static void wanted_column_comes_first(void **state)
{
    struct ledger *ledger = *state;
    struct lease lease;
    expect(OK, ledger_plan(ledger, 2, 3));
    for (uint64_t want = 2; want <= 5; want += 3) {
        expect(OK, ledger_lease(ledger, one, 2, true, 0, HOUR_MS, &lease));
        assert_int_equal(lease.unit, want);
    }
    expect(OK, ledger_lease(ledger, one, 2, true, 0, HOUR_MS, &lease));
    assert_int_equal(lease.unit, 0); /* column 2 is empty */
    expect(OK, ledger_lease(ledger, one, UINT64_MAX, true, 0, HOUR_MS, &lease));
    assert_int_equal(lease.unit, 1); /* column 1 has the most ready */
    lease_to(ledger, one, 0);
    lease_to(ledger, one, 0);
    expect(ERR_NONE, ledger_lease(ledger, one, 1, true, 0, HOUR_MS, &lease));
}

/* ---- results ----------------------------------------------------------------------------- */

static void complete_rows_are_given_once(void **state)
{
    struct ledger *ledger = *state;
    struct lease lease[4];
    uint64_t row;
    expect(OK, ledger_plan(ledger, 2, 2));
    for (int i = 0; i < 4; i++) lease[i] = lease_to(ledger, one, 0);
    for (int i = 0; i < 4; i++)
        if (lease[i].unit != 0) expect(OK, finish(ledger, &lease[i], one, 1));
    expect(OK, ledger_next_row(ledger, &row));
    assert_int_equal(row, 1);
    expect(ERR_NONE, ledger_next_row(ledger, &row));
    for (int i = 0; i < 4; i++)
        if (lease[i].unit == 0) expect(OK, finish(ledger, &lease[i], one, 1));
    expect(OK, ledger_next_row(ledger, &row));
    assert_int_equal(row, 0);
    expect(ERR_NONE, ledger_next_row(ledger, &row));
}

/* What a visit has seen of a row. */
struct visited {
    uint64_t units, next, put;
    struct ledger *ledger;
};

static enum err see(void *context, uint64_t unit, const uint8_t *bytes, size_t size)
{
    struct visited *visited = context;
    const struct ledger_rank rank = {unit, "tail", "a", "r", "b", {0, 0, 1, 0, 0}};
    assert_int_equal(size, sizeof(unit));
    assert_memory_equal(bytes, &unit, sizeof(unit));
    assert_int_equal(unit, visited->next++);
    visited->units++;
    if (visited->put) return ledger_put_rank(visited->ledger, &rank);
    return OK;
}

static enum err refuse(void *context, uint64_t unit, const uint8_t *bytes, size_t size)
{
    (void)unit, (void)bytes, (void)size;
    ++*(int *)context;
    return ERR_FORMAT;
}

static void tallies_of_a_row_are_visited_in_order(void **state)
{
    struct ledger *ledger = *state;
    struct visited visited = {.next = 3, .put = 1, .ledger = ledger};
    int calls = 0;
    expect(OK, ledger_plan(ledger, 2, 3));
    for (int i = 0; i < 6; i++) {
        const struct lease lease = lease_to(ledger, one, 0);
        expect(OK, ledger_finish(ledger, lease.unit, lease.attempt, one, 1, "exact",
                                 (const uint8_t *)&lease.unit, sizeof(lease.unit)));
    }
    expect(OK, ledger_visit_row(ledger, 1, see, &visited));
    assert_int_equal(visited.units, 3);
    expect_sql(ledger, "3", "SELECT count(*) FROM rank WHERE query IN (3, 4, 5)");
    expect(ERR_FORMAT, ledger_visit_row(ledger, 1, refuse, &calls));
    assert_int_equal(calls, 1);
}

static void row_without_a_tally_is_damaged(void **state)
{
    struct ledger *ledger = *state;
    struct visited visited = {0};
    expect(OK, ledger_plan(ledger, 1, 3));
    for (int i = 0; i < 3; i++) {
        const struct lease lease = lease_to(ledger, one, 0);
        if (lease.unit == 1) continue;
        expect(OK, ledger_finish(ledger, lease.unit, lease.attempt, one, 1, "exact",
                                 (const uint8_t *)&lease.unit, sizeof(lease.unit)));
        if (lease.unit == 0) expect(ERR_INPUT, ledger_visit_row(ledger, 0, see, &visited));
    }
    assert_int_equal(visited.units, 1);
    visited = (struct visited){0};
    expect(ERR_INPUT, ledger_visit_row(ledger, 0, see, &visited));
    assert_int_equal(visited.units, 1);
}

static void work_adds_up_and_the_peak_stays(void **state)
{
    struct ledger *ledger = *state;
    struct ledger_work work = {.units = 1, .busy_us = 1000, .peak_bytes = 5000};
    struct ledger_work less = {.units = 1, .busy_us = 1, .peak_bytes = 1};
    uint64_t amount = 100;
#define COUNTER(name) work.name = amount++, less.name = 1;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
    expect(OK, ledger_work(ledger, one, &work));
    expect(OK, ledger_work(ledger, one, &less));
    expect_sql(ledger, "2 1001 5000",
               "SELECT units || ' ' || busy_us || ' ' || peak_bytes FROM worker");
    char sum[24];
    amount = 100;
#define COUNTER(name)                                                 \
    (void)snprintf(sum, sizeof(sum), "%d", (int)amount++ + 1);        \
    expect_sql(ledger, sum, "SELECT " #name " FROM worker");
    WORK_COUNTERS(COUNTER)
#undef COUNTER
}

static void views_tell_the_state_of_the_run(void **state)
{
    struct ledger *ledger = *state;
    const struct ledger_rank rank = {.query = 3,
                                     .side = "tail",
                                     .head = "a",
                                     .relation = "r",
                                     .tail = "b",
                                     .count = {1, 2, 9, 0, 0}};
    expect(OK, ledger_set(ledger, "serving_since_ms", "-1999"));
    expect(OK, ledger_set(ledger, "queries_total", "8"));
    expect(OK, ledger_plan(ledger, 4, 1));
    const struct lease lease = lease_to(ledger, one, 0);
    expect(OK, finish(ledger, &lease, one, 1));
    lease_to(ledger, two, 0);
    expect(OK, ledger_put_rank(ledger, &rank));
    expect(OK, ledger_put_rank(ledger, &rank)); /* in its place */
    expect_sql(ledger, "4 1 1 0 8 1 0.5 6.0",
               "SELECT units_total || ' ' || units_done || ' ' || units_leased || ' ' ||"
               " units_failed || ' ' || queries_total || ' ' || queries_done || ' ' ||"
               " rate_per_s || ' ' || eta_s FROM progress");
    expect_sql(ledger, "3.0", "SELECT value FROM metric WHERE name = 'mr'");
    expect_sql(ledger, "1.0", "SELECT value FROM metric WHERE name = 'hits@3'");
    expect_sql(ledger, "0.0", "SELECT value FROM metric WHERE name = 'hits@1'");
}

static void outcomes_and_depths_are_put_in_their_place(void **state)
{
    struct ledger *ledger = *state;
    const struct outcome found = {.end = END_TRUE, .depth = 3, .logprob = -1.5f, .digest = 0xabc};
    const struct ledger_outcome row = {7, 2, "head", "a", "r", "b", found};
    expect(OK, ledger_put_outcome(ledger, &row));
    expect(OK, ledger_put_outcome(ledger, &row));
    expect_sql(ledger, "7 head 2 a r b 1 3 T -1.5 0000000000000abc",
               "SELECT query || ' ' || side || ' ' || candidate || ' ' || head || ' ' || relation"
               " || ' ' || tail || ' ' || proved || ' ' || depth || ' ' || \"end\" || ' ' ||"
               " logprob || ' ' || digest FROM outcome");
    expect(OK, ledger_put_depth(ledger, 7, 5));
    expect(OK, ledger_put_depth(ledger, 7, -1));
    expect_sql(ledger, "-1", "SELECT depth FROM depth WHERE query = 7");
}

static void inputs_come_back_in_order(void **state)
{
    struct ledger *ledger = *state;
    struct ledger_input in = {.role = "train",
                              .path = "/a",
                              .size_bytes = 5,
                              .device = 1,
                              .inode = UINT64_MAX,
                              .mtime_ns = 3,
                              .ctime_ns = 4};
    struct ledger_input out[3];
    size_t count;
    in.digest.byte[31] = 0xab;
    expect(OK, ledger_set_input(ledger, &in));
    memcpy(in.role, "test", sizeof("test"));
    expect(OK, ledger_set_input(ledger, &in));
    expect(OK, ledger_inputs(ledger, out, 1, &count));
    assert_int_equal(count, 1);
    expect(OK, ledger_inputs(ledger, out, 3, &count));
    assert_int_equal(count, 2);
    assert_string_equal(out[0].role, "train");
    assert_string_equal(out[1].role, "test");
    assert_true(out[1].inode == UINT64_MAX && out[1].size_bytes == 5 && out[1].ctime_ns == 4);
    assert_true(digest_equal(&out[1].digest, &in.digest));
}

static void values_are_cut_to_their_room(void **state)
{
    struct ledger *ledger = *state;
    char text[4] = "xyz";
    expect(ERR_NONE, ledger_get(ledger, "nothing", text, sizeof(text)));
    assert_string_equal(text, "");
    expect(OK, ledger_set(ledger, "key", "value"));
    expect(OK, ledger_get(ledger, "key", text, sizeof(text)));
    assert_string_equal(text, "val");
}

static enum err stop_at_once(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    (void)columns, (void)names, (void)values;
    ++*(int *)context;
    return ERR_STALE;
}

static void error_of_a_visit_ends_the_query(void **state)
{
    int calls = 0;
    expect(ERR_STALE,
           ledger_query(*state, "SELECT ?1 UNION ALL SELECT 2", 1, stop_at_once, &calls));
    assert_int_equal(calls, 1);
    expect(ERR_IO, ledger_query(*state, "SELECT nonsense", 0, stop_at_once, &calls));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ledger_case(late_result_counts_once),
        ledger_case(different_second_result_is_an_alarm),
        ledger_case(what_was_never_leased_is_refused),
        ledger_case(only_overdue_leases_are_reaped),
        ledger_case(released_leases_are_not_charged),
        ledger_case(thousands_of_leases_are_told_apart),
        ledger_case(wanted_column_comes_first),
        ledger_case(complete_rows_are_given_once),
        ledger_case(tallies_of_a_row_are_visited_in_order),
        ledger_case(row_without_a_tally_is_damaged),
        ledger_case(work_adds_up_and_the_peak_stays),
        ledger_case(views_tell_the_state_of_the_run),
        ledger_case(outcomes_and_depths_are_put_in_their_place),
        ledger_case(inputs_come_back_in_order),
        ledger_case(values_are_cut_to_their_room),
        ledger_case(error_of_a_visit_ends_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
