#include "common/permute.h"

#include "common/err.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

/* Bits in each half of a number: the least for which the square holds `count` numbers. */
static unsigned half_bits(uint64_t count)
{
    unsigned bits = 1;
    while (bits < 32 && (count - 1) >> 2 * bits) bits++;
    return bits;
}

/* Round function: the first word of Philox 4x32-10 of (half, round, stream) under the seed. */
static uint32_t mix(uint64_t seed, uint64_t stream, uint32_t round, uint32_t half)
{
    const philox4x32_ctr_t counter = {{half, round, (uint32_t)stream, (uint32_t)(stream >> 32)}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    return philox4x32_R(10, counter, key).v[0];
}

uint64_t permute(uint64_t seed, uint64_t stream, uint64_t count, uint64_t place)
{
    check(place < count);
    const unsigned bits = half_bits(count);
    const uint32_t mask = bits == 32 ? UINT32_MAX : ((uint32_t)1 << bits) - 1;

    /* The network permutes 4^bits numbers, less than four times `count`. Walking along its cycle
     * until a number below `count` comes makes it a permutation of those alone. */
    uint64_t number = place;
    do {
        uint32_t left = (uint32_t)(number >> bits);
        uint32_t right = (uint32_t)number & mask;
        for (uint32_t round = 0; round < PERMUTE_ROUNDS; round++) {
            const uint32_t next = left ^ (mix(seed, stream, round, right) & mask);
            left = right;
            right = next;
        }
        number = (uint64_t)left << bits | right;
    } while (number >= count);
    return number;
}
