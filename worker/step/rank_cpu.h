/*
 * rank_cpu - the rank step on the processor, once for each instruction set.
 *
 * rank_kernel.h is compiled by rank_base.c, rank_avx2.c and rank_avx512.c with the flags of each;
 * the results are the same, bit for bit. worker/step/isa.h chooses among them.
 *
 * Errors:  ERR_USAGE when a set is named that is unknown or that is not there.
 * Threads: pure functions of their arguments; rank_cpu shares its work out over the pool.
 */
#ifndef WORKER_STEP_RANK_CPU_H
#define WORKER_STEP_RANK_CPU_H

#include "worker/pool.h"
#include "worker/step/rank.h"

/* Lanes and panels of one part: small enough to share out well, while the panels of a part stay
 * in the second-level cache. */
struct rank_part {
    uint32_t first_lane, lanes;
    uint32_t first_panel, panels; /* at most RANK_BLOCK */
};

enum { RANK_BLOCK = 16 };

struct rank_kernel {
    const char *name;
    void (*part)(const struct rank_args *args, const struct rank_part *part);
    /* The canonical score of one row, [dim], and of a whole panel, [dim][RANK_PANEL]. */
    double (*score)(enum rank_form form, const float *query, const float *row, uint32_t dim);
    void (*score_panel)(enum rank_form form, const float *query, const float *panel, uint32_t dim,
                        double score[RANK_PANEL]);
};

/* NULL where the compiler does not know the set. */
const struct rank_kernel *rank_base(void);
const struct rank_kernel *rank_avx2(void);
const struct rank_kernel *rank_avx512(void);

/* The set of that name, as isa_find. */
MUST enum err rank_kernel_find(const char *name, const struct rank_kernel **out);

MUST enum err rank_cpu(struct pool *pool, const struct rank_kernel *kernel,
                       const struct rank_args *args);

#endif
