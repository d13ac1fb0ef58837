/*
 * tally - what a unit of `rank` adds up to: five integers for each of its targets.
 *
 * Tallies of the units of one row add up, target by target, in any order, to the row's ranks.
 * As bytes a tally is its counts in the order of struct rank_count, each a little-endian
 * uint32_t, target by target in the order of the questions; equal tallies have equal bytes.
 */
#ifndef COMMON_TALLY_H
#define COMMON_TALLY_H

#include "common/err.h"

#include <stdint.h>

/* Over the candidates compared: known answers are left out, the true one is not. */
struct rank_count {
    uint32_t above;      /* candidates that score above the true one */
    uint32_t level;      /* that score the same, the true one left out */
    uint32_t candidates; /* compared, the true one included */
    uint32_t filtered;   /* left out as known answers */
    uint32_t nonfinite;  /* compared whose score is not a number, the true one included */
};

enum { RANK_COUNT_BYTES = 20 };

void tally_write(const struct rank_count *counts, uint64_t count, uint8_t *bytes);

/* ERR_FORMAT unless `bytes` is a tally of `count` targets whose numbers can be true of a block of
 * `candidates`: what a worker sent is checked before it is stored. */
MUST enum err tally_check(const uint8_t *bytes, uint64_t size, uint64_t count, uint64_t candidates);

/* Adds the tally in `bytes` to `counts` [count]. ERR_FORMAT if it has not exactly `count`
 * targets, or a sum would overflow; `counts` are then as they were. */
MUST enum err tally_add(const uint8_t *bytes, uint64_t size, struct rank_count *counts,
                        uint64_t count);

#endif
