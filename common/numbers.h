/* numbers - the least, the most, and division upwards of whole numbers. */
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

#endif
