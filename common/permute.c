#include "common/permute.h"

#include "common/err.h"
#include "common/philox.h"

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
    return philox_word(seed, half, round, (uint32_t)stream, (uint32_t)(stream >> 32));
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
