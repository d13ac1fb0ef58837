/*
 * permute - a keyed permutation of 0 .. count-1, place by place.
 *
 * A balanced Feistel network of PERMUTE_ROUNDS rounds whose round function is Philox 4x32-10
 * (Random123, Salmon et al., SC'11), with cycle walking for counts that are no power of four
 * (Black and Rogaway, CT-RSA 2002). Place k gives its number directly, so any worker can make
 * any part of it; nothing is stored. The same key and count give the same permutation on every
 * machine, forever: results depend on it.
 */
#ifndef COMMON_PERMUTE_H
#define COMMON_PERMUTE_H

#include <stdint.h>

enum { PERMUTE_ROUNDS = 6 };

/* The number at `place` < count of the permutation with key (seed, stream). */
uint64_t permute(uint64_t seed, uint64_t stream, uint64_t count, uint64_t place);

#endif
