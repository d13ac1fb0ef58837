/* Tests of the ledger: whose fault a failure or a death is, and who comes back from it. */
#include "tests/ledger_bench.h"

/* ---- blame ------------------------------------------------------------------------------- */

static void two_distinct_workers_set_a_unit_aside(void **state)
{
    struct ledger *ledger = *state;
    struct lease lease;
    expect(OK, ledger_plan(ledger, 1, 1));
    assert_false(fails(ledger, one, true));
    assert_false(fails(ledger, one, true));
    assert_true(fails(ledger, two, true));
    expect(ERR_NONE, ledger_lease(ledger, one, UINT64_MAX, true, 0, HOUR_MS, &lease));
    expect_sql(ledger, "why", "SELECT error FROM failed");
    expect_sql(ledger, "3", "SELECT attempts FROM failed");
}

static void failures_up_to_the_limit_set_a_unit_aside(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    for (int i = 0; i < 4; i++) assert_false(fails(ledger, one, true));
    assert_true(fails(ledger, one, true));
}

static void without_limit_one_worker_may_fail_for_ever(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    ledger_limit(ledger, 0);
    for (int i = 0; i < 100; i++) assert_false(fails(ledger, one, true));
}

static void fault_of_the_worker_is_not_charged(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    for (int i = 0; i < 20; i++) assert_false(fails(ledger, i % 2 ? one : two, false));
    assert_int_equal(ledger_state(ledger, 0), UNIT_READY);
}

static void late_failure_still_counts_and_only_once(void **state)
{
    struct ledger *ledger = *state;
    bool set_aside;
    uint64_t ended;
    expect(OK, ledger_plan(ledger, 1, 1));
    ledger_limit(ledger, 2);
    const struct lease late = lease_to(ledger, one, 0);
    expect(OK, ledger_reap(ledger, HOUR_MS, &ended));
    for (int i = 0; i < 3; i++) {
        expect(OK, ledger_fail(ledger, 0, late.attempt, one, 1, true, "why", &set_aside));
        assert_false(set_aside);
    }
    assert_true(fails(ledger, one, true));
}

static void death_with_one_unit_charges_it(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    ledger_limit(ledger, 2);
    lease_to(ledger, one, 0);
    assert_int_equal(loses(ledger, one), 0);
    assert_true(lease_to(ledger, one, 0).alone);
    assert_int_equal(loses(ledger, one), 1);
    assert_int_equal(ledger_state(ledger, 0), UNIT_FAILED);
    expect_sql(ledger, "killed by signal 9", "SELECT error FROM failed");
}

static void death_with_several_units_makes_each_be_leased_alone(void **state)
{
    struct ledger *ledger = *state;
    struct lease lease;
    expect(OK, ledger_plan(ledger, 3, 1));
    ledger_limit(ledger, 1);
    lease_to(ledger, one, 0);
    lease_to(ledger, one, 0);
    assert_int_equal(loses(ledger, one), 0);

    const struct lease sound = lease_to(ledger, two, 0);
    assert_int_equal(sound.unit, 2); /* never held by a dead worker: first */
    assert_false(sound.alone);
    expect(ERR_NONE, ledger_lease(ledger, two, UINT64_MAX, false, 0, HOUR_MS, &lease));
    expect(OK, ledger_lease(ledger, one, UINT64_MAX, true, 0, HOUR_MS, &lease));
    assert_true(lease.alone);
    assert_int_equal(loses(ledger, one), 1);
}

static void result_of_a_unit_set_aside_is_welcome(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    ledger_limit(ledger, 1);
    const struct lease lease = lease_to(ledger, one, 0);
    assert_int_equal(loses(ledger, one), 1);
    expect(OK, finish(ledger, &lease, one, 7));
    assert_int_equal(ledger_state(ledger, 0), UNIT_DONE);
}

static void retry_gives_a_clean_record_but_new_attempts(void **state)
{
    struct ledger *ledger = *state;
    uint64_t count;
    expect(OK, ledger_plan(ledger, 2, 1));
    ledger_limit(ledger, 2);
    fails(ledger, one, true);
    assert_true(fails(ledger, one, true));
    expect(OK, ledger_retry(ledger, 5, &count));
    assert_int_equal(count, 1);
    assert_false(fails(ledger, one, true));
    expect_sql(ledger, "3", "SELECT max(attempt) FROM attempt WHERE unit = 0");
    expect(OK, ledger_retry(ledger, 5, &count));
    assert_int_equal(count, 0);
}

/* ---- a worker that comes back ------------------------------------------------------------ */

static void lease_follows_its_process_to_a_new_number(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    const struct lease lease = lease_to(ledger, one, 0);
    expect(OK, ledger_adopt(ledger, lease.unit, lease.attempt, two, 5, HOUR_MS));
    assert_int_equal(ledger_held(ledger, one), 0);
    assert_int_equal(ledger_held(ledger, two), 1);
    assert_int_equal(loses(ledger, one), 0);
    assert_int_equal(ledger_state(ledger, 0), UNIT_LEASED);
    expect_sql(ledger, "2", "SELECT worker FROM attempt");
}

static void worker_that_comes_back_was_not_dead(void **state)
{
    struct ledger *ledger = *state;
    expect(OK, ledger_plan(ledger, 1, 1));
    ledger_limit(ledger, 1);
    const struct lease lease = lease_to(ledger, one, 0);
    assert_int_equal(loses(ledger, one), 1);
    expect(OK, ledger_adopt(ledger, lease.unit, lease.attempt, two, 5, HOUR_MS));
    assert_int_equal(ledger_state(ledger, 0), UNIT_LEASED);
    expect(OK, ledger_release(ledger, lease.unit, lease.attempt, 6));
    assert_int_equal(ledger_state(ledger, 0), UNIT_READY);
    assert_false(lease_to(ledger, one, 7).alone);
}

static void only_the_newest_lease_can_be_adopted(void **state)
{
    struct ledger *ledger = *state;
    uint64_t ended;
    bool set_aside;
    expect(OK, ledger_plan(ledger, 1, 1));
    const struct lease first = lease_to(ledger, one, 0);
    expect(OK, ledger_reap(ledger, HOUR_MS, &ended));
    const struct lease second = lease_to(ledger, two, 0);
    expect(ERR_STALE, ledger_adopt(ledger, 0, first.attempt, one, 5, HOUR_MS));
    expect(OK, ledger_fail(ledger, 0, second.attempt, two, 5, true, "why", &set_aside));
    expect(ERR_STALE, ledger_adopt(ledger, 0, second.attempt, two, 5, HOUR_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ledger_case(two_distinct_workers_set_a_unit_aside),
        ledger_case(failures_up_to_the_limit_set_a_unit_aside),
        ledger_case(without_limit_one_worker_may_fail_for_ever),
        ledger_case(fault_of_the_worker_is_not_charged),
        ledger_case(late_failure_still_counts_and_only_once),
        ledger_case(death_with_one_unit_charges_it),
        ledger_case(death_with_several_units_makes_each_be_leased_alone),
        ledger_case(result_of_a_unit_set_aside_is_welcome),
        ledger_case(retry_gives_a_clean_record_but_new_attempts),
        ledger_case(lease_follows_its_process_to_a_new_number),
        ledger_case(worker_that_comes_back_was_not_dead),
        ledger_case(only_the_newest_lease_can_be_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
