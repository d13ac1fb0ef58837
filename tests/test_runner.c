/* Tests of the runner, with a toy program whose units say by their number what they do. */
#include "tests/test.h"
#include "common/wire.h"
#include "worker/runner.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 1000000, BAD_LOAD = 7, BAD_STEP = 11, ENDLESS = 13, OVERLAP = 3 };

/* The toy: a unit's tally is its number; unit n takes n mod 4 steps. Up to OVERLAP are loaded at
 * the same time, and are finished in order. */
struct toy {
    uint64_t unit[OVERLAP];
    uint64_t steps_left[OVERLAP];
    uint32_t loaded;
    const uint8_t *memory;
};

static enum err toy_measured; /* what measure answers */
static uint64_t toy_bytes;
static atomic_int toys, cancels; /* open ones; calls of cancel */
static atomic_bool endless_began;

static enum err toy_measure(const struct program_job *job, void **state, uint64_t *bytes)
{
    (void)job;
    *state = NULL;
    *bytes = toy_bytes;
    if (toy_measured) return err_note(toy_measured, "toy: refused");
    *state = calloc(1, sizeof(struct toy));
    check(*state);
    atomic_fetch_add(&toys, 1);
    return OK;
}

static enum err toy_open(void *state, void *memory, uint64_t bytes)
{
    check(bytes == toy_bytes && (uintptr_t)memory % PROGRAM_ALIGNMENT == 0);
    memset(memory, 0, bytes);
    ((struct toy *)state)->memory = memory;
    return OK;
}

static void toy_close(void **state)
{
    free(*state);
    *state = NULL;
    atomic_fetch_sub(&toys, 1);
}

static bool toy_hungry(const void *state)
{
    return ((const struct toy *)state)->loaded < OVERLAP;
}

static enum err toy_load(void *state, uint64_t unit)
{
    struct toy *toy = state;
    if (unit == BAD_LOAD) return err_note(ERR_IO, "toy: unit %d cannot be loaded", BAD_LOAD);
    toy->unit[toy->loaded] = unit;
    toy->steps_left[toy->loaded++] = unit % 4;
    return OK;
}

static enum err toy_advance(void *state)
{
    struct toy *toy = state;
    if (toy->unit[0] == BAD_STEP) return err_note(ERR_INPUT, "toy: unit %d is bad", BAD_STEP);
    if (toy->unit[0] == ENDLESS) atomic_store(&endless_began, true);
    for (uint32_t i = 0; i < toy->loaded; i++) {
        const bool ends = toy->unit[i] != ENDLESS && toy->unit[i] != BAD_STEP;
        if (ends && toy->steps_left[i]) toy->steps_left[i]--;
    }
    return OK;
}

static bool toy_finished(const void *state)
{
    const struct toy *toy = state;
    return toy->loaded > 0 && toy->steps_left[0] == 0;
}

static uint64_t toy_tally_bytes(const void *state)
{
    (void)state;
    return sizeof(uint64_t);
}

static void toy_tally(void *state, uint8_t *bytes, struct program_work *work)
{
    struct toy *toy = state;
    memcpy(bytes, &toy->unit[0], sizeof(toy->unit[0]));
    work->pairs = toy->unit[0];
    toy->loaded--;
    memmove(toy->unit, toy->unit + 1, (OVERLAP - 1) * sizeof(toy->unit[0]));
    memmove(toy->steps_left, toy->steps_left + 1, (OVERLAP - 1) * sizeof(toy->steps_left[0]));
}

static void toy_cancel(void *state)
{
    ((struct toy *)state)->loaded = 0;
    atomic_fetch_add(&cancels, 1);
}

static uint64_t toy_column(const void *state)
{
    const struct toy *toy = state;
    return toy->loaded ? toy->unit[toy->loaded - 1] : WIRE_NO_COLUMN;
}

static const struct program toy_program = {
    .name = "rank",
    .measure = toy_measure,
    .open = toy_open,
    .close = toy_close,
    .hungry = toy_hungry,
    .load = toy_load,
    .advance = toy_advance,
    .finished = toy_finished,
    .tally_bytes = toy_tally_bytes,
    .tally = toy_tally,
    .cancel = toy_cancel,
    .column = toy_column,
};

static struct settings *settings;
static struct runner *runner;

static int setup(void **state)
{
    (void)state;
    toy_measured = OK;
    toy_bytes = 100;
    atomic_store(&cancels, 0);
    expect(OK, settings_open(&settings));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    runner_close(&runner);
    settings_close(&settings);
    assert_int_equal(0, toys);
    return 0;
}

/* Opens a runner, and waits for it as a link would, but without pauses. */
static enum err open_runner(const char *device)
{
    const struct runner_config config = {.device = device, .threads = 1};
    expect(OK, runner_open(settings, &config, &runner));
    enum err err = ERR_NONE;
    while (err == ERR_NONE) err = runner_ready(runner);
    return err;
}

static void await_result(struct runner_result *result)
{
    struct pollfd ready = {.fd = runner_event(runner), .events = POLLIN};
    enum err err = ERR_NONE;
    while (err == ERR_NONE) {
        assert_int_equal(1, poll(&ready, 1, 20000));
        err = runner_take(runner, result);
    }
    expect(OK, err);
}

static void expect_result(uint64_t unit, uint64_t attempt)
{
    struct runner_result result;
    await_result(&result);
    assert_int_equal(unit, result.unit);
    assert_int_equal(attempt, result.attempt);
    expect(OK, result.err);
    assert_int_equal(sizeof(unit), result.size);
    assert_memory_equal(&unit, result.bytes, sizeof(unit));
    assert_int_equal(unit, result.work.pairs);
    free(result.bytes);
}

static void expect_failure(uint64_t unit, enum err err, const char *reason)
{
    struct runner_result result;
    await_result(&result);
    assert_int_equal(unit, result.unit);
    expect(err, result.err);
    assert_string_equal(reason, result.reason);
    assert_null(result.bytes);
}

static void units_come_back_in_the_order_they_were_put(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    for (uint64_t unit = 20; unit < 60; unit++) expect(OK, runner_put(runner, unit, unit % 3));
    for (uint64_t unit = 20; unit < 60; unit++) expect_result(unit, unit % 3);
    struct runner_result result;
    expect(ERR_NONE, runner_take(runner, &result));
}

static void event_is_readable_only_while_a_result_waits(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    struct pollfd ready = {.fd = runner_event(runner), .events = POLLIN};
    for (int round = 0; round < 50; round++) {
        assert_int_equal(0, poll(&ready, 1, 0));
        expect(OK, runner_put(runner, 4, 1));
        expect_result(4, 1);
    }
    assert_int_equal(0, poll(&ready, 1, 0));
}

static void a_bad_unit_fails_alone(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    const uint64_t units[] = {6, BAD_LOAD, BAD_STEP, 14, 15, BAD_STEP, 17};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        expect(OK, runner_put(runner, units[i], 1));
    /* Whether the bad load or unit 6 is told first depends on when it is loaded. */
    struct runner_result result;
    bool six = false, seven = false;
    for (int i = 0; i < 2; i++) {
        await_result(&result);
        six |= result.unit == 6 && result.err == OK;
        seven |= result.unit == BAD_LOAD && result.err == ERR_IO;
        free(result.bytes);
    }
    assert_true(six && seven);
    expect_failure(BAD_STEP, ERR_INPUT, "toy: unit 11 is bad");
    expect_result(14, 1);
    expect_result(15, 1);
    expect_failure(BAD_STEP, ERR_INPUT, "toy: unit 11 is bad");
    expect_result(17, 1);
}

static void progress_moves_and_closing_stops_between_steps(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    assert_true(runner_column(runner) == WIRE_NO_COLUMN);
    atomic_store(&endless_began, false);
    expect(OK, runner_put(runner, ENDLESS, 1));
    expect(OK, runner_put(runner, 20, 1));
    while (!atomic_load(&endless_began)) continue;
    const uint64_t seen = runner_progress(runner);
    while (runner_progress(runner) < seen + 100) continue;
    assert_true(runner_column(runner) == ENDLESS || runner_column(runner) == 20);
    runner_close(&runner);
    assert_null(runner);
    assert_int_equal(1, cancels);
}

/* So that the link can fetch more before lanes run dry. */
static void how_many_units_are_in_work_is_told(void **state)
{
    (void)state;
    const uint64_t units[OVERLAP] = {ENDLESS, 20, 22};
    struct runner_result result;
    expect(OK, open_runner("cpu"));
    assert_int_equal(0, runner_in_work(runner));
    for (int i = 0; i < OVERLAP; i++) expect(OK, runner_put(runner, units[i], 1));
    while (runner_in_work(runner) < OVERLAP) {
        struct pollfd ready = {.fd = runner_event(runner), .events = POLLIN};
        assert_int_equal(1, poll(&ready, 1, 20000));
        expect(ERR_NONE, runner_take(runner, &result));
    }
}

static void results_that_nobody_took_are_freed(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    for (uint64_t unit = 20; unit < 40; unit++) expect(OK, runner_put(runner, unit, 1));
    expect(OK, runner_put(runner, BAD_LOAD, 1));
    expect_result(20, 1);
}

static void what_opening_met_is_told(void **state)
{
    (void)state;
    toy_measured = ERR_INPUT;
    expect(ERR_INPUT, open_runner("cpu"));
    assert_string_equal("toy: refused", err_text());
    err_clear();
    expect(ERR_INPUT, runner_ready(runner)); /* again, and the same */
    assert_string_equal("toy: refused", err_text());
}

static void a_device_that_is_not_there_is_refused(void **state)
{
    (void)state;
    expect(ERR_USAGE, open_runner("abacus"));
    assert_non_null(strstr(err_text(), "abacus"));
}

static void a_shape_that_does_not_fit_is_refused_at_once(void **state)
{
    (void)state;
    toy_bytes = UINT64_C(1) << 50;
    expect(ERR_MEMORY, open_runner("cpu"));
    assert_non_null(strstr(err_text(), "--unit-candidates"));
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void a_million_empty_units_take_a_second_or_so(void **state)
{
    (void)state;
    expect(OK, open_runner("cpu"));
    const double begin = now_s();
    uint64_t put = 0, taken = 0;
    while (taken < MANY) {
        while (put < MANY && put < taken + 256) expect(OK, runner_put(runner, 4 * put++ + 400, 1));
        struct pollfd ready = {.fd = runner_event(runner), .events = POLLIN};
        assert_int_equal(1, poll(&ready, 1, 20000));
        struct runner_result result;
        while (runner_take(runner, &result) == OK) {
            assert_int_equal(4 * taken++ + 400, result.unit);
            free(result.bytes);
        }
    }
    print_message("%.2f us per empty unit\n", (now_s() - begin) / MANY * 1e6);
    assert_true(now_s() - begin < 60); /* generous: sanitizers and busy machines */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(units_come_back_in_the_order_they_were_put),
        test_case(event_is_readable_only_while_a_result_waits),
        test_case(a_bad_unit_fails_alone),
        test_case(progress_moves_and_closing_stops_between_steps),
        test_case(how_many_units_are_in_work_is_told),
        test_case(results_that_nobody_took_are_freed),
        test_case(what_opening_met_is_told),
        test_case(a_device_that_is_not_there_is_refused),
        test_case(a_shape_that_does_not_fit_is_refused_at_once),
        test_case(a_million_empty_units_take_a_second_or_so),
    };
    program_register(&toy_program, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
