/* nothing_worker - millrace-worker whose only program does nothing. */
#include "common/wire.h"
#include "tests/bench/nothing.h"
#include "worker/program.h"
#include "worker/worker_main.h"

static uint64_t loaded; /* units loaded and not yet taken: the runner's thread alone */

static enum err nothing_measure(const struct program_job *job, void **state, uint64_t *bytes)
{
    (void)job;
    *state = &loaded;
    *bytes = 0;
    return OK;
}

static enum err nothing_open(void *state, void *memory, uint64_t bytes)
{
    (void)state;
    (void)memory;
    (void)bytes;
    return OK;
}

static void nothing_close(void **state)
{
    *state = NULL;
}

static bool nothing_hungry(const void *state)
{
    return *(const uint64_t *)state == 0;
}

static enum err nothing_load(void *state, uint64_t unit)
{
    (void)unit;
    ++*(uint64_t *)state;
    return OK;
}

static enum err nothing_advance(void *state)
{
    (void)state;
    return OK;
}

static bool nothing_finished(const void *state)
{
    return *(const uint64_t *)state > 0;
}

static uint64_t nothing_tally_bytes(const void *state)
{
    (void)state;
    return 0;
}

static void nothing_tally(void *state, uint8_t *bytes, struct program_work *work)
{
    (void)bytes;
    (void)work;
    --*(uint64_t *)state;
}

static void nothing_cancel(void *state)
{
    *(uint64_t *)state = 0;
}

static uint64_t nothing_column(const void *state)
{
    (void)state;
    return WIRE_NO_COLUMN;
}

int main(int argc, char **argv)
{
    static const struct program nothing = {
        .name = NOTHING_NAME,
        .measure = nothing_measure,
        .open = nothing_open,
        .close = nothing_close,
        .hungry = nothing_hungry,
        .load = nothing_load,
        .advance = nothing_advance,
        .finished = nothing_finished,
        .tally_bytes = nothing_tally_bytes,
        .tally = nothing_tally,
        .cancel = nothing_cancel,
        .column = nothing_column,
    };
    program_register(&nothing, 1);
    return worker_main(argc, argv);
}
