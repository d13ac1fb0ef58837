/*
 * runner - works on units, in a thread of its own, so that the link can talk meanwhile.
 *
 *     runner_open --> runner_put (a lease) ... runner_take (a result) ... --> runner_close
 *
 * Leases are worked on in the order they were put. runner_event is a file descriptor that is
 * readable while a result waits, once when it has opened, until runner_ready is called, and when
 * more units are worked on at the same time, until runner_take is called.
 * runner_progress moves with every step, and with every part of one that a thread has done: a hung
 * computation shows, and a long step does not look like one.
 *
 * Owner:   runner_open gives, runner_close takes (and cancels what is left). A result's bytes
 *          are given: free() them.
 * Errors:  runner_open: of the inputs, or ERR_MEMORY when the shape does not fit.
 * Threads: all calls come from one thread, the link's.
 */
#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

#include "worker/program.h"

struct runner;

struct runner_config {
    const char *device; /* "cpu" */
    uint32_t threads;   /* 0: as many as processors */
};

struct runner_result {
    uint64_t unit, attempt;
    enum err err;     /* OK, or why there is no tally */
    char reason[512]; /* when err */
    uint8_t *bytes;   /* the tally */
    size_t size;
    struct program_work work;
    uint64_t busy_us;
};

/* Opens device and program, and reads the inputs: this can take seconds; the thread that opens
 * is the runner's own, and runner_ready tells how it went. The settings are kept. */
MUST enum err runner_open(const struct settings *settings, const struct runner_config *config,
                          struct runner **out);
void runner_close(struct runner **runner);

/* ERR_NONE while it still opens; then OK, or why it could not. */
MUST enum err runner_ready(struct runner *runner);

MUST enum err runner_put(struct runner *runner, uint64_t unit, uint64_t attempt);
MUST enum err runner_take(struct runner *runner, struct runner_result *out); /* ERR_NONE: none */

int runner_event(const struct runner *runner);
uint64_t runner_progress(const struct runner *runner);
uint64_t runner_column(const struct runner *runner);  /* the block of candidates it holds */
uint64_t runner_in_work(const struct runner *runner); /* units worked on at the same time */

#endif
