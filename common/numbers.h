/* numbers - the least, the most, and division upwards of whole numbers, and a place in a list. */
#ifndef COMMON_NUMBERS_H
#define COMMON_NUMBERS_H

#include "common/hd.h"

#include <stdint.h>

HD uint64_t numbers_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

HD uint64_t numbers_most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* number / divisor, rounded up. */
HD uint64_t numbers_ceiling(uint64_t number, uint64_t divisor)
{
    return number / divisor + (number % divisor != 0);
}

/* The place of the first of `count` ascending numbers that is not below `number`; count if none. */
HD uint32_t numbers_place(const uint32_t *at, uint32_t count, uint64_t number)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (at[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
