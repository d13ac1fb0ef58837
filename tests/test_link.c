/*
 * Tests of the worker's side of the protocol, over a real socket: a scripted coordinator in the
 * test, and a real worker with a toy program.
 */
#include "tests/link_stage.h"
#include "tests/test.h"
#include "tests/toy_program.h"
#include "worker/worker_main.h"

enum { FAILING = 1000, SPOILT = 1001, ENDLESS = 1002, WIDE = 9 };

/* ---- a program that works on WIDE units at the same time, and never ends --------------------- */

#define TOY_WIDE "TOY_WIDE"

static uint32_t wide_loaded;

static bool wide_hungry(const void *state)
{
    (void)state;
    return wide_loaded < WIDE;
}

static enum err wide_load(void *state, uint64_t unit)
{
    (void)state, (void)unit;
    wide_loaded++;
    return OK;
}

static bool wide_finished(const void *state)
{
    (void)state;
    return false;
}

static int work(int argc, char **argv)
{
    static struct program program;
    program = toy_program;
    if (getenv(TOY_WIDE)) {
        program.hungry = wide_hungry;
        program.load = wide_load;
        program.finished = wide_finished;
    }
    program_register(&program, 1);
    return worker_main(argc, argv);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_unit_is_asked_for_done_delivered_and_forgotten(void **state)
{
    struct stage *stage = *state;
    struct wire *message = await(stage, WIRE_HELLO_MESSAGE);
    assert_int_equal(message->hello.pid, stage->worker);
    assert_int_equal(message->hello.threads, 1);
    assert_int_equal(message->hello.held.count, 0);
    assert_true(wire_text_is(&message->hello.device, "cpu"));
    welcome(stage);
    message = await(stage, WIRE_ASK_MESSAGE);
    assert_in_range(message->ask.credit, 1, 4);
    say_lease(stage, WIRE_GRANT_MESSAGE, 5, 1);
    message = await(stage, WIRE_RESULT_MESSAGE);
    uint8_t tally[RANK_COUNT_BYTES];
    fake_tally(5, tally);
    assert_int_equal(message->result.unit, 5);
    assert_int_equal(message->result.attempt, 1);
    assert_int_equal(message->result.pairs, 10);
    assert_true(wire_text_is(&message->result.class, "exact"));
    assert_int_equal(stage->body_size, sizeof tally);
    assert_memory_equal(stage->body, tally, sizeof tally);
    holds(&await(stage, WIRE_BEAT_MESSAGE)->beat.held, 5);
    answer_beat(stage);
    say_lease(stage, WIRE_ACK_MESSAGE, 5, 1);
    while (await(stage, WIRE_BEAT_MESSAGE)->beat.held.count) answer_beat(stage);
    say_stop(stage, STOP_DONE, "");
    ends_with(stage, 0, "");
}

static void credit_grows_when_units_are_short(void **state)
{
    struct stage *stage = *state;
    grant(stage, 0);
    for (uint64_t unit = 0; unit < 8; unit++) {
        await(stage, WIRE_RESULT_MESSAGE);
        say_lease(stage, WIRE_ACK_MESSAGE, unit, 1);
        say_lease(stage, WIRE_GRANT_MESSAGE, unit + 1, 1);
        struct wire *message = next_message(stage);
        if (message->type == WIRE_ASK_MESSAGE && message->ask.credit > 16) {
            say_stop(stage, STOP_DONE, "");
            ends_with(stage, 0, "");
            return;
        }
    }
    fail_msg("credit stayed small");
}

/* A program that can work on more units than it holds is given more, however long they take. */
static void a_unit_waits_behind_all_that_are_worked_on(void **state)
{
    struct stage *stage = *state;
    kill(stage->worker, SIGKILL);
    waitpid(stage->worker, NULL, 0);
    setenv(TOY_WIDE, "1", 1);
    start_worker(stage, stage->address, "60");
    unsetenv(TOY_WIDE);
    const struct wire *message = next_message(stage);
    while (message->type != WIRE_HELLO_MESSAGE || message->hello.pid != (uint64_t)stage->worker)
        message = next_message(stage);
    welcome(stage);
    uint64_t granted = 0;
    for (int heard = 0; heard < 50 && granted <= WIDE; heard++) {
        message = next_message(stage);
        if (message->type == WIRE_BEAT_MESSAGE) answer_beat(stage);
        const uint64_t credit = message->type == WIRE_ASK_MESSAGE ? message->ask.credit : 0;
        assert_in_range(credit, 0, WIDE);
        for (uint64_t i = 0; i < credit; i++) say_lease(stage, WIRE_GRANT_MESSAGE, granted++, 1);
    }
    assert_in_range(granted, WIDE + 1, 2 * WIDE);
}

static void a_failing_unit_is_told_with_its_reason(void **state)
{
    struct stage *stage = *state;
    grant(stage, FAILING);
    const struct wire *message = await(stage, WIRE_FAIL_MESSAGE);
    assert_int_equal(message->fail.unit, FAILING);
    assert_int_equal(message->fail.attempt, 1);
    assert_int_equal(message->fail.blame, BLAME_UNIT);
    assert_true(wire_text_is(&message->fail.reason, "toy: this unit fails"));
    say_lease(stage, WIRE_GRANT_MESSAGE, 6, 1); /* it goes on with others */
    assert_int_equal(await(stage, WIRE_RESULT_MESSAGE)->result.unit, 6);
    say_stop(stage, STOP_DONE, "");
    ends_with(stage, 0, "");
}

static void a_spoilt_input_is_blamed_on_the_input(void **state)
{
    struct stage *stage = *state;
    grant(stage, SPOILT);
    assert_int_equal(await(stage, WIRE_FAIL_MESSAGE)->fail.blame, BLAME_INPUT);
}

static void a_result_without_acknowledgement_is_sent_again_after_a_reconnect(void **state)
{
    struct stage *stage = *state;
    grant(stage, 5);
    await(stage, WIRE_RESULT_MESSAGE);
    /* The coordinator dies, and another takes its place. */
    zsock_destroy(&stage->socket);
    bind_socket(stage);
    holds(&await(stage, WIRE_HELLO_MESSAGE)->hello.held, 5);
    welcome(stage);
    assert_int_equal(await(stage, WIRE_RESULT_MESSAGE)->result.unit, 5);
    say_lease(stage, WIRE_ACK_MESSAGE, 5, 1);
    while (await(stage, WIRE_BEAT_MESSAGE)->beat.held.count) answer_beat(stage);
    say_stop(stage, STOP_DONE, "");
    ends_with(stage, 0, "");
}

static void a_result_that_got_lost_is_sent_again(void **state)
{
    struct stage *stage = *state;
    grant(stage, 5);
    await(stage, WIRE_RESULT_MESSAGE);
    await(stage, WIRE_HELLO_MESSAGE); /* although beats are answered */
    welcome(stage);
    assert_int_equal(await(stage, WIRE_RESULT_MESSAGE)->result.unit, 5);
}

static void a_coordinator_that_falls_silent_is_left_and_met_again(void **state)
{
    struct stage *stage = *state;
    grant(stage, 5);
    await(stage, WIRE_RESULT_MESSAGE);
    const size_t id_size = stage->id_size;
    uint8_t id[sizeof stage->id];
    memcpy(id, stage->id, sizeof id);
    while (next_message(stage)->type != WIRE_HELLO_MESSAGE) continue; /* beats unanswered */
    assert_true(stage->id_size != id_size || memcmp(id, stage->id, id_size) != 0);
    holds(&stage->message.hello.held, 5);
}

static void an_unknown_worker_says_hello_again_on_the_same_connection(void **state)
{
    struct stage *stage = *state;
    grant(stage, 5);
    await(stage, WIRE_RESULT_MESSAGE);
    uint8_t id[sizeof stage->id];
    memcpy(id, stage->id, sizeof id);
    say_stop(stage, STOP_UNKNOWN, "");
    say_stop(stage, STOP_UNKNOWN, ""); /* of another message that was on its way */
    holds(&await(stage, WIRE_HELLO_MESSAGE)->hello.held, 5);
    assert_memory_equal(id, stage->id, stage->id_size);
    welcome(stage);
    assert_int_equal(await(stage, WIRE_RESULT_MESSAGE)->result.unit, 5);
}

static void a_lease_that_ended_without_result_is_still_held_after_a_reconnect(void **state)
{
    struct stage *stage = *state;
    grant(stage, ENDLESS);
    while (await(stage, WIRE_BEAT_MESSAGE)->beat.held.count == 0) answer_beat(stage);
    say_stop(stage, STOP_UNKNOWN, "");
    holds(&await(stage, WIRE_HELLO_MESSAGE)->hello.held, ENDLESS);
}

static void progress_moves_while_a_unit_is_worked_on(void **state)
{
    struct stage *stage = *state;
    grant(stage, ENDLESS);
    uint64_t before = await(stage, WIRE_BEAT_MESSAGE)->beat.progress;
    for (int beats = 0; beats < 3; beats++) {
        answer_beat(stage);
        const uint64_t now = await(stage, WIRE_BEAT_MESSAGE)->beat.progress;
        assert_true(now > before);
        before = now;
    }
}

static void a_worker_that_is_terminated_gives_its_units_back(void **state)
{
    struct stage *stage = *state;
    grant(stage, ENDLESS);
    while (await(stage, WIRE_BEAT_MESSAGE)->beat.held.count == 0) answer_beat(stage);
    kill(stage->worker, SIGTERM);
    holds(&await(stage, WIRE_BYE_MESSAGE)->bye.held, ENDLESS);
    ends_with(stage, 143, "interrupted");
}

static void an_interrupted_worker_ends_with_130(void **state)
{
    struct stage *stage = *state;
    await(stage, WIRE_HELLO_MESSAGE);
    kill(stage->worker, SIGINT);
    ends_with(stage, 130, "interrupted");
}

static void a_drained_worker_gives_its_units_back_and_ends_well(void **state)
{
    struct stage *stage = *state;
    grant(stage, ENDLESS);
    while (await(stage, WIRE_BEAT_MESSAGE)->beat.held.count == 0) answer_beat(stage);
    say_stop(stage, STOP_DRAIN, "");
    holds(&await(stage, WIRE_BYE_MESSAGE)->bye.held, ENDLESS);
    ends_with(stage, 0, "");
}

static void a_refused_worker_says_why_and_ends(void **state)
{
    struct stage *stage = *state;
    await(stage, WIRE_HELLO_MESSAGE);
    say_stop(stage, STOP_REFUSED, "another version");
    ends_with(stage, 1, "another version");
}

static void another_file_than_the_runs_is_refused_by_the_worker(void **state)
{
    struct stage *stage = *state;
    const struct digest another = {{1, 2, 3}};
    await(stage, WIRE_HELLO_MESSAGE);
    welcome_with(stage, &another);
    const struct wire *message = await(stage, WIRE_FAIL_MESSAGE);
    assert_int_equal(message->fail.attempt, 0);
    assert_int_equal(message->fail.blame,
                     BLAME_WORKER); /* another machine may have the right one */
    await(stage, WIRE_BYE_MESSAGE);
    ends_with(stage, 3, "SHA-256");
}

static void a_missing_file_is_named(void **state)
{
    struct stage *stage = *state;
    struct digest digest;
    await(stage, WIRE_HELLO_MESSAGE);
    expect(OK, digest_file(stage->input, &digest));
    unlink(stage->input);
    welcome_with(stage, &digest);
    await(stage, WIRE_FAIL_MESSAGE);
    ends_with(stage, 3, stage->input);
}

static void nonsense_from_a_coordinator_ends_the_worker(void **state)
{
    struct stage *stage = *state;
    await(stage, WIRE_HELLO_MESSAGE);
    assert_true(zmq_send(zsock_resolve(stage->socket), stage->id, stage->id_size, ZMQ_SNDMORE) > 0);
    assert_true(zmq_send(zsock_resolve(stage->socket), "nonsense", 8, 0) > 0);
    ends_with(stage, 1, "not a message of millrace");
}

static void a_grant_before_the_welcome_ends_the_worker(void **state)
{
    struct stage *stage = *state;
    await(stage, WIRE_HELLO_MESSAGE);
    say_lease(stage, WIRE_GRANT_MESSAGE, 5, 1);
    ends_with(stage, 1, "GRANT, out of turn");
}

static void patience_ends(void **state)
{
    struct stage *stage = *state;
    char nobody[160];
    kill(stage->worker, SIGKILL);
    waitpid(stage->worker, NULL, 0);
    snprintf(nobody, sizeof nobody, "%s-nobody", stage->address);
    start_worker(stage, nobody, "1");
    ends_with(stage, 4, "no answer for 1 s");
}

static void endpoints_that_cannot_be_used_are_refused(void **state)
{
    struct stage *stage = *state;
    const struct {
        const char *endpoint, *words;
    } bad[] = {{"tcp://127.0.0.1:5555", "needs CURVE keys"}, {"elsewhere", "ipc://PATH"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kill(stage->worker, SIGKILL);
        waitpid(stage->worker, NULL, 0);
        start_worker(stage, bad[i].endpoint, "1");
        ends_with(stage, 2, bad[i].words);
        start_worker(stage, stage->address, "1");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) return work(argc, argv);
    setenv(TOY_FAILING, "1000", 1);
    setenv(TOY_SPOILT, "1001", 1);
    setenv(TOY_ENDLESS, "1002", 1);
    const struct CMUnitTest tests[] = {
        test_case(a_unit_is_asked_for_done_delivered_and_forgotten),
        test_case(credit_grows_when_units_are_short),
        test_case(a_unit_waits_behind_all_that_are_worked_on),
        test_case(a_failing_unit_is_told_with_its_reason),
        test_case(a_spoilt_input_is_blamed_on_the_input),
        test_case(a_result_without_acknowledgement_is_sent_again_after_a_reconnect),
        test_case(a_result_that_got_lost_is_sent_again),
        test_case(a_coordinator_that_falls_silent_is_left_and_met_again),
        test_case(an_unknown_worker_says_hello_again_on_the_same_connection),
        test_case(a_lease_that_ended_without_result_is_still_held_after_a_reconnect),
        test_case(progress_moves_while_a_unit_is_worked_on),
        test_case(a_worker_that_is_terminated_gives_its_units_back),
        test_case(an_interrupted_worker_ends_with_130),
        test_case(a_drained_worker_gives_its_units_back_and_ends_well),
        test_case(a_refused_worker_says_why_and_ends),
        test_case(another_file_than_the_runs_is_refused_by_the_worker),
        test_case(a_missing_file_is_named),
        test_case(nonsense_from_a_coordinator_ends_the_worker),
        test_case(a_grant_before_the_welcome_ends_the_worker),
        test_case(patience_ends),
        test_case(endpoints_that_cannot_be_used_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
