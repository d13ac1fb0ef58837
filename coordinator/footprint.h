/*
 * footprint - how much memory all processes of a run take together: the sum of their
 * proportional set sizes, in which a page that several map counts once.
 *
 * Time:    now_ms is passed in, from a clock that does not jump. Looking costs the kernel a walk
 *          over all pages, so footprint_look does it seldom enough to cost at most a half percent.
 */
#ifndef COORDINATOR_FOOTPRINT_H
#define COORDINATOR_FOOTPRINT_H

#include <stdint.h>

struct footprint {
    uint64_t peak_bytes; /* largest sum seen; 0: unknown */
    int64_t due_ms;      /* when to look next */
};

/* Looks at this process and those in pids [count] (0: none there), whether it is due or not. */
void footprint_look(struct footprint *footprint, const uint64_t *pids, uint32_t count);

#endif
