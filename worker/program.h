/*
 * program - a kind of evaluation, as the runner sees it: when things happen. One row each in
 * programs.c.
 *
 *     measure --> open --> { load, advance ..., tally } ... --> close
 *
 * The runner owns memory, the loop, progress and cancellation; the program owns meaning. A
 * program says first how many bytes it will ever use, gets them in one piece, and allocates
 * nothing afterwards. It may take a next unit while lanes of the last are still live: `hungry`
 * says when it would, so lanes flow across units; units are finished in the order of loading.
 *
 * Errors:  of load and advance: ERR_INPUT when the input is at fault (the run cannot go on), any
 *          other when this unit cannot be done; the note says why.
 * Threads: all calls come from the runner's thread.
 */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

#include "common/settings.h"
#include "schema/work.h"
#include "worker/backend.h"

enum { PROGRAM_ALIGNMENT = 64 };

struct program_job {
    const struct settings *settings;
    const struct backend *backend;
    struct device *device;
    struct pool *pool;
};

/* What a unit cost; added to while it is worked on. */
struct program_work {
#define COUNTER(name) uint64_t name;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
};

struct program {
    const char *name;
    bool (*runs_on)(const struct backend *backend); /* it has the steps; NULL: any does */
    /* Reads and checks the inputs, and says how many bytes `open` will be given. Its state is
     * the program's own, made here and ended by close. */
    enum err (*measure)(const struct program_job *job, void **state, uint64_t *bytes);
    /* The memory is aligned to PROGRAM_ALIGNMENT and lives until close. */
    enum err (*open)(void *state, void *memory, uint64_t bytes);
    void (*close)(void **state);
    bool (*hungry)(const void *state);
    enum err (*load)(void *state, uint64_t unit);
    enum err (*advance)(void *state);           /* one step over all lanes */
    bool (*finished)(const void *state);        /* the oldest loaded unit is */
    uint64_t (*tally_bytes)(const void *state); /* of that unit */
    /* Writes the tally, adds the cost, and lets the unit go. */
    void (*tally)(void *state, uint8_t *bytes, struct program_work *work);
    void (*cancel)(void *state);           /* lets all loaded units go */
    uint64_t (*column)(const void *state); /* held; WIRE_NO_COLUMN: any */
};

void program_work_add(struct program_work *sum, const struct program_work *more);

/* The built-in programs, one for each file in program/. */
extern const struct program program_rank;
extern const struct program program_prove;

/* The program of that name; NULL if there is none. */
const struct program *program_find(const char *name);
/* Programs that come before the built-in ones, for tests and benchmarks. The array is kept. */
void program_register(const struct program *programs, size_t count);
/* All names whose steps `backend` has, separated by commas. */
void program_names(const struct backend *backend, char *text, size_t size);

#endif
