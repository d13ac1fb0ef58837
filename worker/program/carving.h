/*
 * carving - a program's memory, handed out piece by piece from the front.
 *
 * The pieces together are never more than there is: the program said how much it would need.
 */
#ifndef WORKER_PROGRAM_CARVING_H
#define WORKER_PROGRAM_CARVING_H

#include "common/err.h"

#include <stdint.h>

struct carving {
    uint8_t *at, *end;
};

/* Room for `count` things of `size` bytes, not cleared. */
static inline void *carve(struct carving *carving, uint64_t count, uint64_t size,
                          uint64_t alignment)
{
    carving->at += (alignment - (uintptr_t)carving->at % alignment) % alignment;
    void *out = carving->at;
    check((uint64_t)(carving->end - carving->at) >= count * size);
    carving->at += count * size;
    return out;
}

#endif
