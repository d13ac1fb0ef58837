/* rank - turns the integers of a target into its rank by each convention for ties. */
#ifndef COMMON_RANK_H
#define COMMON_RANK_H

#include <stdint.h>

/* Optimistic: above + 1. Pessimistic: above + level + 1. Realistic: their mean. */
enum rank_type { RANK_OPTIMISTIC, RANK_REALISTIC, RANK_PESSIMISTIC, RANK_TYPES };

static inline double rank_of(uint32_t above, uint32_t level, enum rank_type type)
{
    const double best = (double)above + 1;
    return type == RANK_OPTIMISTIC ? best : best + (double)level / (type == RANK_REALISTIC ? 2 : 1);
}

#endif
