/* Tests of hub and session: what a worker may say, what it is told, and what is stored once. */
#include "tests/hub_bench.h"

/* ---- greetings --------------------------------------------------------------------------- */

static void hello_is_welcomed_with_the_run(void **state)
{
    (void)state;
    expect(OK, settings_set(bench.settings, SET_seed, "7", NULL, "test"));
    plan_close(&bench.plan);
    hub_close(&bench.hub);
    ledger_close(&bench.ledger);
    const struct hub_config config = {.lease_ms = LEASE_MS, .beat_ms = BEAT_MS};
    expect(OK, ledger_open(":memory:", &bench.ledger));
    expect(OK, fake_plan_open(bench.settings, bench.ledger, 1, 1, &bench.plan));
    expect(OK, hub_open(bench.plan, bench.ledger, &config, &bench.hub));
    begin();
    hello(1);
    turn();
    const struct wire *message = heard(1, WIRE_WELCOME_MESSAGE);
    assert_non_null(message);
    assert_int_equal(message->welcome.worker, 1);
    assert_int_equal(message->welcome.beat_ms, BEAT_MS);
    assert_int_equal(message->welcome.lease_ms, LEASE_MS);
    assert_int_equal(message->welcome.settings.count, 1);
    assert_true(digest_equal(&message->welcome.run, plan_run_digest(bench.plan)));
    assert_int_equal(hub_workers(bench.hub), 1);
}

static void workers_that_do_not_fit_are_refused(void **state)
{
    struct wire message = hello_of(1);
    (void)state;
    message.hello.version = wire_text("9.9.9");
    say(1, &message);
    turn();
    expect_stop(1, STOP_REFUSED);
    assert_non_null(strstr(bench.stop_detail, "9.9.9"));

    message = hello_of(1);
    message.hello.programs = wire_text("prove,ranks,,generate");
    say(2, &message);
    turn();
    expect_stop(2, STOP_REFUSED);
    assert_non_null(strstr(bench.stop_detail, "rank"));
    assert_int_equal(hub_workers(bench.hub), 0);
    expect_sql("0", "SELECT count(*) FROM worker");
}

static void nonsense_is_refused_and_its_leases_given_back(void **state)
{
    static const uint8_t nonsense[] = {0xc1, 0xff, 0x00};
    (void)state;
    join(1, 3);
    expect(OK, hub_receive(bench.hub, 1, nonsense, sizeof(nonsense), NULL, 0));
    expect(OK, hub_receive(bench.hub, 2, NULL, 0, NULL, 0));
    turn();
    expect_stop(1, STOP_REFUSED);
    expect_stop(2, STOP_REFUSED);
    assert_int_equal(hub_workers(bench.hub), 0);
    expect_sql("0", "SELECT count(*) FROM unit WHERE state = 'leased'");
    expect_sql("2", "SELECT count(*) FROM event WHERE kind = 'refused'");
}

static void hostile_peer_cannot_fill_the_disk(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        expect(OK, hub_receive(bench.hub, i, NULL, 0, NULL, 0));
        if (i % 16 == 0) turn();
    }
    turn();
    expect_sql("100", "SELECT count(*) FROM event");
    assert_int_equal(hub_workers(bench.hub), 0);
}

static void only_workers_words_in_their_form_are_taken(void **state)
{
    struct wire message = {.type = WIRE_GRANT_MESSAGE};
    (void)state;
    hello(1);
    say(1, &message);
    hello(2);
    message.type = WIRE_BEAT_MESSAGE;
    expect(OK, try_say(2, &message, (const uint8_t *)"x", 1));
    turn();
    expect_stop(1, STOP_REFUSED);
    expect_stop(2, STOP_REFUSED);
}

static void stranger_is_told_to_say_hello(void **state)
{
    (void)state;
    ask(1, 1, WIRE_NO_COLUMN);
    turn();
    expect_stop(1, STOP_UNKNOWN);
    ask(1, 1, WIRE_NO_COLUMN);
    hello(1);
    turn();
    assert_null(heard(1, WIRE_STOP_MESSAGE));
    assert_non_null(heard(1, WIRE_WELCOME_MESSAGE));
}

/* ---- wishes ------------------------------------------------------------------------------ */

static void a_wish_stands_until_it_is_granted_or_replaced(void **state)
{
    (void)state;
    const struct wire_leases all = join(1, ROWS * COLUMNS);
    assert_int_equal(all.count, ROWS * COLUMNS);
    hello(2);
    ask(2, 3, WIRE_NO_COLUMN);
    hello(3);
    ask(3, 3, WIRE_NO_COLUMN);
    ask(3, 0, WIRE_NO_COLUMN);
    turn();
    assert_int_equal(granted(2).count, 0);
    bye(1);
    turn();
    assert_int_equal(granted(2).count, 3);
    turn();
    assert_int_equal(granted(2).count, 0);
    assert_int_equal(granted(3).count, 0);
}

static void what_is_left_is_shared_out(void **state)
{
    (void)state;
    hello(1);
    hello(2);
    ask(1, 100, WIRE_NO_COLUMN);
    ask(2, 100, WIRE_NO_COLUMN);
    turn();
    assert_int_equal(granted(1).count, ROWS * COLUMNS / 2);
    assert_int_equal(granted(2).count, ROWS * COLUMNS / 2);
}

static void units_of_the_held_block_come_first(void **state)
{
    (void)state;
    hello(1);
    ask(1, ROWS, 1);
    turn();
    struct wire_leases leases = granted(1);
    assert_int_equal(leases.count, ROWS);
    for (uint32_t i = 0; i < leases.count; i++) assert_int_equal(leases.at[i].unit % COLUMNS, 1);
    bye(1);
    leases = join(2, 3);
    for (uint32_t i = 0; i < leases.count; i++)
        assert_int_equal(leases.at[i].unit % COLUMNS, leases.at[0].unit % COLUMNS);
}

/* ---- results ----------------------------------------------------------------------------- */

static void results_of_a_turn_are_acknowledged_in_one_message(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 3);
    for (uint32_t i = 0; i < 3; i++) result(1, leases.at[i]);
    turn();
    assert_int_equal(bench.heard, 1);
    const struct wire *ack = heard(1, WIRE_ACK_MESSAGE);
    assert_non_null(ack);
    assert_int_equal(ack->ack.leases.count, 3);
    expect_sql("3 30 21 6 5", "SELECT units || ' ' || pairs || ' ' || rows || ' ' || recalled"
                              " || ' ' || peak_bytes FROM worker");
}

static void second_result_is_acknowledged_but_not_counted(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, 1);
    result(1, leases.at[0]);
    turn();
    result(1, leases.at[0]);
    turn();
    assert_non_null(heard(1, WIRE_ACK_MESSAGE));
    expect_sql("1", "SELECT units FROM worker");
}

static void two_results_that_differ_raise_an_alarm(void **state)
{
    char text[256];
    (void)state;
    const struct wire_leases leases = join(1, 1);
    result(1, leases.at[0]);
    assert_string_equal(hub_alarm(bench.hub, text, sizeof(text)), "");
    result_of_class(1, leases.at[0], "exact", 1);
    turn();
    assert_non_null(strstr(hub_alarm(bench.hub, text, sizeof(text)), "two results differ"));
    assert_string_equal(hub_alarm(bench.hub, text, sizeof(text)), "");
    assert_non_null(heard(1, WIRE_ACK_MESSAGE));
    expect_sql("1", "SELECT count(*) FROM event WHERE kind = 'mismatch'");
}

static void results_that_cannot_be_are_refused(void **state)
{
    const struct wire_lease lies[] = {{0, 9}, {ROWS * COLUMNS, 1}, {UINT64_MAX, 1}};
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        join(i, 1);
        result(i, lies[i]);
        turn();
        expect_stop(i, STOP_REFUSED);
    }
    const struct wire_leases leases = join(7, 1);
    result_of_class(7, leases.at[0], "cudnn", 0);
    turn();
    expect_stop(7, STOP_REFUSED);
    expect_sql("0", "SELECT count(*) FROM tally");
}

static void end_of_the_last_unit_ends_the_run(void **state)
{
    (void)state;
    const struct wire_leases leases = join(1, ROWS * COLUMNS);
    for (uint32_t i = 0; i < leases.count; i++) {
        assert_int_equal(hub_state(bench.hub), HUB_WORKING);
        result(1, leases.at[i]);
    }
    turn();
    assert_int_equal(hub_state(bench.hub), HUB_COMPLETE);
    expect_stop(1, STOP_DONE);
    expect_sql("8", "SELECT count(*) FROM rank");
    expect_sql("1000000", "SELECT value FROM run WHERE key = 'serving_since_ms'");
    bye(1);
    turn();
    assert_int_equal(hub_workers(bench.hub), 0);
    hello(2);
    turn();
    expect_stop(2, STOP_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bench_case(hello_is_welcomed_with_the_run),
        bench_case(workers_that_do_not_fit_are_refused),
        bench_case(nonsense_is_refused_and_its_leases_given_back),
        bench_case(hostile_peer_cannot_fill_the_disk),
        bench_case(only_workers_words_in_their_form_are_taken),
        bench_case(stranger_is_told_to_say_hello),
        bench_case(a_wish_stands_until_it_is_granted_or_replaced),
        bench_case(what_is_left_is_shared_out),
        bench_case(units_of_the_held_block_come_first),
        bench_case(results_of_a_turn_are_acknowledged_in_one_message),
        bench_case(second_result_is_acknowledged_but_not_counted),
        bench_case(two_results_that_differ_raise_an_alarm),
        bench_case(results_that_cannot_be_are_refused),
        bench_case(end_of_the_last_unit_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
