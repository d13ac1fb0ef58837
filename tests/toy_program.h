/*
 * toy_program - a program without inputs for real workers. It goes by the name "rank", which hides
 * the real one in the process that registers it; its tallies are those of fake_plan.h.
 *
 * A unit whose number is in the environment under one of the names below comes to a bad end.
 */
#ifndef TESTS_TOY_PROGRAM_H
#define TESTS_TOY_PROGRAM_H

#include "common/tally.h"
#include "common/wire.h"
#include "tests/fake_plan.h"
#include "worker/program.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define TOY_FAILING "TOY_FAILING" /* fails */
#define TOY_SPOILT "TOY_SPOILT"   /* finds the input at fault */
#define TOY_ENDLESS "TOY_ENDLESS" /* is never finished */
#define TOY_DEADLY "TOY_DEADLY"   /* kills the worker */
#define TOY_CALLING "TOY_CALLING" /* sends the worker's parent SIGTERM and SIGINT */

struct toy {
    uint64_t unit;
    bool loaded;
};

static bool toy_is(const char *name, uint64_t unit)
{
    const char *text = getenv(name);
    return text && strtoull(text, NULL, 10) == unit;
}

static enum err toy_measure(const struct program_job *job, void **state, uint64_t *bytes)
{
    (void)job;
    *state = calloc(1, sizeof(struct toy));
    *bytes = 64;
    return *state ? OK : ERR_MEMORY;
}

static enum err toy_open(void *state, void *memory, uint64_t bytes)
{
    (void)state, (void)memory, (void)bytes;
    return OK;
}

static void toy_close(void **state)
{
    free(*state);
    *state = NULL;
}

static bool toy_hungry(const void *state)
{
    return !((const struct toy *)state)->loaded;
}

static enum err toy_load(void *state, uint64_t unit)
{
    struct toy *toy = state;
    if (toy_is(TOY_FAILING, unit)) return err_note(ERR_FAILED, "toy: this unit fails");
    if (toy_is(TOY_SPOILT, unit)) return err_note(ERR_INPUT, "toy: the input is spoilt");
    if (toy_is(TOY_DEADLY, unit)) kill(getpid(), SIGKILL);
    if (toy_is(TOY_CALLING, unit) && (kill(getppid(), SIGTERM) || kill(getppid(), SIGINT)))
        return err_note(ERR_FAILED, "toy: nobody to call");
    *toy = (struct toy){unit, true};
    return OK;
}

static enum err toy_advance(void *state)
{
    (void)state;
    return OK;
}

static bool toy_finished(const void *state)
{
    const struct toy *toy = state;
    return toy->loaded && !toy_is(TOY_ENDLESS, toy->unit);
}

static uint64_t toy_tally_bytes(const void *state)
{
    (void)state;
    return RANK_COUNT_BYTES;
}

static void toy_tally(void *state, uint8_t *bytes, struct program_work *work)
{
    struct toy *toy = state;
    fake_tally(toy->unit, bytes);
    work->pairs += 10;
    toy->loaded = false;
}

static void toy_cancel(void *state)
{
    ((struct toy *)state)->loaded = false;
}

static uint64_t toy_column(const void *state)
{
    (void)state;
    return WIRE_NO_COLUMN;
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

#endif
