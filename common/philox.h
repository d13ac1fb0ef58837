/*
 * philox - random words that are a function of a key and a counter alone: Philox 4x32-10 of
 * Random123 (Salmon et al., SC'11). Any worker can make any of them, in any order; results depend
 * on them, so they are the same forever.
 *
 * The only user of Random123.
 *
 * Threads: a pure function.
 */
#ifndef COMMON_PHILOX_H
#define COMMON_PHILOX_H

#include "common/hd.h"

#include <stdint.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

/* The first of the four words at the counter {a, b, c, d}. */
HD uint32_t philox_word(uint64_t key, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const philox4x32_ctr_t counter = {{a, b, c, d}};
    const philox4x32_key_t words = {{(uint32_t)key, (uint32_t)(key >> 32)}};
    return philox4x32_R(10, counter, words).v[0];
}

#endif
