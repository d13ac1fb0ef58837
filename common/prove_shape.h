/*
 * prove_shape - the fixed shape of a proof search, and the memory a worker needs for it.
 *
 * [lanes][successors][atoms] atoms, and what one thread needs for a successor that is being made:
 * fixed for a run. The plan prints prove_shape_bytes, and the worker's program allocates no more.
 */
#ifndef COMMON_PROVE_SHAPE_H
#define COMMON_PROVE_SHAPE_H

#include "common/items.h"
#include "common/network.h"

enum {
    PROVE_SKIPS = 20,        /* skip_unary: states passed through in one step, at most */
    PROVE_DEPTH_MOST = 1000, /* of the setting; a record has 16 bits for it */
};

struct prove_shape {
    uint32_t lanes;
    uint32_t atoms, successors, depth; /* settings */
    uint32_t body_most;                /* of the rules */
    uint32_t visited;                  /* states that a search's memory has room for */
    bool memory_pruning, end_action, skip_unary;
    uint32_t width, hidden; /* of the network; 0 without one */
    uint64_t codes;         /* encodings of each of the two generations (worker/program/codes.h) */
    uint64_t unit_records;  /* places of a unit */
    uint32_t unit_slots;    /* units that can be loaded at once */
};

/* The lanes of a CPU worker: the setting, or what is best when it says 0. */
uint32_t prove_lanes(const struct settings *settings);

/* `network` may be NULL. Lanes are prove_lanes, but no more than the grid has places. */
void prove_shape_choose(const struct settings *settings, const struct theory *theory,
                        const struct items *items, const struct network *network,
                        struct prove_shape *out);

/* An upper bound of the bytes that one worker holds for units of this shape, besides the theory
 * and the mapped input files; a multiple of 64. It does not overflow: the
 * largest such number stands for more. */
uint64_t prove_shape_bytes(const struct prove_shape *shape, const struct network *network,
                           uint64_t threads);

#endif
