/*
 * prove_rig - the program `prove`, opened as a runner opens it, for tests that walk it by hand.
 */
#ifndef TESTS_PROVE_RIG_H
#define TESTS_PROVE_RIG_H

#include "common/items.h"
#include "tests/test.h"
#include "worker/program.h"
#include "worker/program/prove.h"

#include <stdlib.h>
#include <string.h>

/* How the program is run. */
struct way {
    const char *lanes, *unit_items;
    uint32_t threads;
    enum prove_refill refill;
    bool alone; /* no unit is loaded before the last one is done */
};

struct rig {
    struct program_job job;
    const struct program *program;
    struct theory *theory;
    struct items items;
    struct pool *pool;
    void *state, *memory;
    uint64_t loaded;
};

__attribute__((unused)) static void rig_open(struct rig *rig, struct settings *settings,
                                             const struct way *way, const struct backend *backend)
{
    uint64_t bytes;
    expect(OK, settings_set(settings, SET_lanes, way->lanes, NULL, "test"));
    expect(OK, settings_set(settings, SET_unit_items, way->unit_items, NULL, "test"));
    *rig = (struct rig){.program = program_find("prove")};
    expect(OK, theory_open(settings, THEORY_SEARCH, &rig->theory));
    expect(OK, items_open(settings, rig->theory, &rig->items));
    expect(OK, pool_open(way->threads, &rig->pool));
    rig->job = (struct program_job){
        .settings = settings, .backend = backend, .pool = rig->pool};
    expect(OK, rig->job.backend->open(rig->pool, &rig->job.device));
    expect(OK, rig->program->measure(&rig->job, &rig->state, &bytes));
    const uint64_t rounded = (bytes / PROGRAM_ALIGNMENT + 1) * PROGRAM_ALIGNMENT;
    rig->memory = aligned_alloc(PROGRAM_ALIGNMENT, rounded);
    assert_non_null(rig->memory);
    memset(rig->memory, 0xff, bytes); /* nothing may depend on what was there */
    expect(OK, rig->program->open(rig->state, rig->memory, bytes));
    prove_set_refill(rig->state, way->refill);
}

__attribute__((unused)) static void rig_close(struct rig *rig)
{
    rig->program->close(&rig->state);
    rig->job.backend->close(&rig->job.device);
    pool_close(&rig->pool);
    items_close(&rig->items);
    theory_close(&rig->theory);
    free(rig->memory);
}

__attribute__((unused)) static uint64_t rig_units(const struct rig *rig)
{
    return items_rows(&rig->items) * items_columns(&rig->items);
}

#endif
