/* Tests of hub and session: failure, death, silence, clocks that jump, and coming back. */
#include "tests/hub_bench.h"

/* ---- failures ---------------------------------------------------------------------------- */

static void units_that_fail_twice_are_set_aside_and_the_rest_goes_on(void **state)
{
    (void)state;
    for (uint64_t peer = 1; peer <= 2; peer++) {
        const struct wire_leases leases = join(peer, ROWS * COLUMNS);
        for (uint32_t i = 0; i < leases.count; i++)
            if (leases.at[i].unit == 0)
                expect(OK, say_fail(peer, leases.at[i], BLAME_UNIT));
            else if (peer == 2)
                result(peer, leases.at[i]);
        if (peer == 1) bye(1);
        turn();
    }
    assert_int_equal(hub_state(bench.hub), HUB_ENDED);
    expect_stop(2, STOP_DONE);
    expect_sql("model: NaN", "SELECT error FROM failed WHERE unit = 0");
}

static void fault_of_the_input_ends_the_run(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 2);
    join(2, 1);
    result(1, leases.at[0]);
    expect(ERR_INPUT, say_fail(1, leases.at[1], BLAME_INPUT));
    assert_string_equal(err_text(), "model: NaN");
    assert_int_equal(hub_state(bench.hub), HUB_REFUSED);
    hub_close(&bench.hub); /* what was stored before stays, even without hub_end */
    expect_sql("1", "SELECT count(*) FROM tally");
    expect_sql("model: NaN", "SELECT detail FROM event WHERE kind = 'input'");
}

static void worker_that_only_fails_is_sent_away(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        const struct wire_leases leases = join(1, 1);
        assert_int_equal(leases.count, 1);
        expect(OK, say_fail(1, leases.at[0], BLAME_WORKER));
    }
    turn();
    expect_stop(1, STOP_REFUSED);
    expect_sql("16", "SELECT count(*) FROM unit WHERE state = 'ready'");

    hello(2);
    expect(OK, say_fail(2, (struct wire_lease){0, 0}, BLAME_WORKER)); /* before it began a unit */
    turn();
    expect_sql("1", "SELECT count(*) FROM event WHERE kind = 'worker'");
}

static void dead_process_is_charged_for_the_one_unit_it_held(void **state)
{
    (void)state;
    join(1, 1);
    expect(OK, hub_died(bench.hub, 999, "killed by signal 9")); /* nobody */
    assert_int_equal(hub_workers(bench.hub), 1);
    expect(OK, hub_died(bench.hub, 101, "killed by signal 9"));
    turn();
    assert_int_equal(hub_workers(bench.hub), 0);
    expect_sql("1", "SELECT charged FROM attempt");
    expect_sql("killed by signal 9", "SELECT how FROM worker");
}

static void suspects_are_leased_alone(void **state)
{
    (void)state;
    join(1, ROWS * COLUMNS - 1);
    const struct wire_leases sound = join(3, 1);
    expect(OK, hub_died(bench.hub, 101, "killed by signal 9"));
    const struct wire_leases leases = join(2, 4);
    assert_int_equal(leases.count, 1);
    bye(3); /* a unit that is no suspect is ready again */
    turn();
    assert_int_equal(granted(2).count, 0); /* its wish stands, but it holds a suspect */
    result(2, leases.at[0]);
    turn();
    assert_int_equal(granted(2).count, 1);
    assert_int_equal(granted(2).at[0].unit, sound.at[0].unit);
}

/* ---- silence, hanging, time -------------------------------------------------------------- */

static void silent_worker_has_gone(void **state)
{
    const struct wire_leases none = {.count = 0};
    (void)state;
    join(1, 1);
    join(2, 1);
    for (int i = 0; i < 4; i++) {
        wait_ms(BEAT_MS);
        beat(2, 0, &none);
    }
    turn();
    assert_int_equal(hub_workers(bench.hub), 1);
    assert_non_null(heard(2, WIRE_BEAT_MESSAGE));
    expect_sql("silent", "SELECT how FROM worker WHERE worker = 1");
    expect_sql("died", "SELECT outcome FROM attempt WHERE worker = 1");
}

static void progress_keeps_a_lease_and_beats_alone_do_not(void **state)
{
    (void)state;
    const struct wire_leases first = join(1, 1), second = join(2, 1);
    for (uint64_t i = 1; i <= LEASE_MS / BEAT_MS; i++) {
        beat(1, i, &first);
        beat(2, 5, &second);
        wait_ms(BEAT_MS);
    }
    expect_sql("leased", "SELECT state FROM unit WHERE worker = 1");
    beat(2, 5, &second);
    wait_ms(BEAT_MS);
    expect_sql("expired", "SELECT outcome FROM attempt WHERE worker = 2");
    assert_int_equal(hub_workers(bench.hub), 2);
}

static void lost_grant_runs_out_while_its_worker_moves(void **state)
{
    const struct wire_leases none = {.count = 0};
    (void)state;
    join(1, 1);
    for (uint64_t i = 1; i <= LEASE_MS / BEAT_MS; i++) {
        beat(1, i, &none);
        wait_ms(BEAT_MS);
    }
    turn();
    expect_sql("expired", "SELECT outcome FROM attempt");
}

static void hung_worker_gets_no_more_until_it_moves(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 100);
    assert_int_equal(leases.count, ROWS * COLUMNS);
    for (int i = 0; i < LEASE_MS / BEAT_MS + 3; i++) {
        beat(1, 0, &leases);
        wait_ms(BEAT_MS);
        assert_int_equal(granted(1).count, 0); /* though it has asked for 84 more */
    }
    assert_int_equal(ledger_held(bench.ledger, 1), 0);
    result(1, leases.at[0]); /* late, and welcome */
    turn();
    assert_int_equal(granted(1).count, ROWS * COLUMNS - 1);
}

static void worker_that_never_got_its_grant_is_not_hung(void **state)
{
    const struct wire_leases none = {.count = 0};
    (void)state;
    join(1, 100);
    for (int i = 0; i < LEASE_MS / BEAT_MS; i++) {
        beat(1, 0, &none);
        wait_ms(BEAT_MS);
    }
    turn();
    assert_int_equal(ledger_held(bench.ledger, 1), 0);
    beat(1, 0, &none);
    turn();
    assert_int_equal(granted(1).count, ROWS * COLUMNS);
}

static void leases_that_ran_out_come_back_to_who_moves_again(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 100);
    for (int i = 0; i < LEASE_MS / BEAT_MS + 3; i++) {
        beat(1, 0, &leases);
        wait_ms(BEAT_MS);
    }
    const struct wire_leases other = join(2, 1);
    beat(1, 1, &leases);
    turn();
    assert_int_equal(ledger_held(bench.ledger, 1), ROWS * COLUMNS - 1);
    assert_int_equal(ledger_held(bench.ledger, 2), 1);
    assert_int_equal(other.at[0].attempt, 2);
}

static void jumps_of_the_clock_end_nothing(void **state)
{
    static const int64_t jumps_ms[] = {86400000, -86400000 * 2, 3600000};
    (void)state;
    join(1, 1);
    for (size_t i = 0; i < sizeof(jumps_ms) / sizeof(jumps_ms[0]); i++) {
        bench.now_ms += jumps_ms[i];
        turn();
        turn();
        assert_int_equal(hub_workers(bench.hub), 1);
        expect_sql("leased", "SELECT state FROM unit WHERE worker = 1");
        assert_true(hub_deadline(bench.hub) <= bench.now_ms + BEAT_MS);
    }
    wait_ms(5 * BEAT_MS); /* and time goes on from there */
    assert_int_equal(hub_workers(bench.hub), 0);
}

/* ---- coming back, and leaving ------------------------------------------------------------ */

static void worker_that_connects_again_keeps_what_it_holds(void **state)
{
    struct wire message = hello_of(101);
    (void)state;
    const struct wire_leases leases = join(1, 3);
    message.hello.held.count = 2;
    message.hello.held.at[0] = leases.at[0];
    message.hello.held.at[1] = leases.at[1];
    say(9, &message);
    turn();
    assert_int_equal(ledger_held(bench.ledger, 2), 2);
    assert_int_equal(hub_workers(bench.hub), 1); /* its older session has ended */
    expect_sql("released", "SELECT outcome FROM attempt WHERE outcome IS NOT NULL");
    result(9, leases.at[0]);
    turn();
    assert_non_null(heard(9, WIRE_ACK_MESSAGE));
}

static void namesakes_do_not_end_each_other(void **state)
{
    const struct wire message = hello_of(101);
    (void)state;
    join(1, 3);
    say(9, &message); /* another container's first process, say */
    turn();
    assert_int_equal(hub_workers(bench.hub), 2);
    assert_int_equal(ledger_held(bench.ledger, 1), 3);
}

static void repeated_hello_changes_nothing(void **state)
{
    (void)state;
    join(1, 3);
    hello(1);
    turn();
    assert_non_null(heard(1, WIRE_WELCOME_MESSAGE));
    assert_int_equal(hub_workers(bench.hub), 1);
    assert_int_equal(ledger_held(bench.ledger, 1), 3);
}

static void bye_gives_everything_back(void **state)
{
    (void)state;
    join(1, 3);
    bye(1);
    turn();
    expect_sql("3", "SELECT count(*) FROM attempt WHERE outcome = 'released'");
    expect_sql("time limit", "SELECT how FROM worker");
    assert_int_equal(hub_workers(bench.hub), 0);
}

static void drained_hub_lets_workers_finish(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 1);
    hello(2);
    ask(2, 1, WIRE_NO_COLUMN);
    ask(1, 1, WIRE_NO_COLUMN);
    hub_drain(bench.hub);
    turn();
    assert_int_equal(granted(1).count + granted(2).count, 0);
    expect_stop(2, STOP_DRAIN);
    assert_null(heard(1, WIRE_STOP_MESSAGE));
    assert_int_equal(hub_state(bench.hub), HUB_WORKING);
    result(1, leases.at[0]);
    turn();
    assert_non_null(heard(1, WIRE_ACK_MESSAGE));
    expect_stop(1, STOP_DRAIN);
    assert_int_equal(hub_state(bench.hub), HUB_DRAINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bench_case(units_that_fail_twice_are_set_aside_and_the_rest_goes_on),
        bench_case(fault_of_the_input_ends_the_run),
        bench_case(worker_that_only_fails_is_sent_away),
        bench_case(dead_process_is_charged_for_the_one_unit_it_held),
        bench_case(suspects_are_leased_alone),
        bench_case(silent_worker_has_gone),
        bench_case(progress_keeps_a_lease_and_beats_alone_do_not),
        bench_case(lost_grant_runs_out_while_its_worker_moves),
        bench_case(hung_worker_gets_no_more_until_it_moves),
        bench_case(worker_that_never_got_its_grant_is_not_hung),
        bench_case(leases_that_ran_out_come_back_to_who_moves_again),
        bench_case(jumps_of_the_clock_end_nothing),
        bench_case(worker_that_connects_again_keeps_what_it_holds),
        bench_case(namesakes_do_not_end_each_other),
        bench_case(repeated_hello_changes_nothing),
        bench_case(bye_gives_everything_back),
        bench_case(drained_hub_lets_workers_finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
