/* Tests of the ledger: what a lease promises, and what is stored once. */
#include "tests/ledger_bench.h"

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

static void tallies_of_a_row_add_up(void **state)
{
    struct ledger *ledger = *state;
    struct rank_count sum = {0};
    expect(OK, ledger_plan(ledger, 1, 3));
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t bytes[RANK_COUNT_BYTES];
        const struct rank_count count = {i, 1, 10, 2, 0};
        const struct lease lease = lease_to(ledger, one, 0);
        if (i == 2) expect(ERR_INPUT, ledger_sum_row(ledger, 0, &sum, 1)); /* one is missing */
        tally_write(&count, 1, bytes);
        expect(OK, ledger_finish(ledger, lease.unit, lease.attempt, one, 1, "exact", bytes,
                                 sizeof(bytes)));
    }
    sum = (struct rank_count){0};
    expect(OK, ledger_sum_row(ledger, 0, &sum, 1));
    assert_int_equal(sum.above, 3);
    assert_int_equal(sum.level, 3);
    assert_int_equal(sum.candidates, 30);
}

static void work_adds_up_and_the_peak_stays(void **state)
{
    struct ledger *ledger = *state;
    const struct ledger_work work = {1, 100, 10, 64, 32, 1000, 5000}, less = {1, 1, 1, 1, 1, 1, 1};
    expect(OK, ledger_work(ledger, one, &work));
    expect(OK, ledger_work(ledger, one, &less));
    expect_sql(ledger, "2 101 11 65 33 1001 5000",
               "SELECT units || ' ' || pairs || ' ' || rescored || ' ' || lanes || ' ' ||"
               " lanes_live || ' ' || busy_us || ' ' || peak_bytes FROM worker");
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
        ledger_case(tallies_of_a_row_add_up),
        ledger_case(work_adds_up_and_the_peak_stays),
        ledger_case(views_tell_the_state_of_the_run),
        ledger_case(inputs_come_back_in_order),
        ledger_case(values_are_cut_to_their_room),
        ledger_case(error_of_a_visit_ends_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
