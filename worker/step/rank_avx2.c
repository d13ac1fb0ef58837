/* The rank step for x86 processors with AVX2 and FMA. Compiled without them, it is not there. */
#if defined(__AVX2__) && defined(__FMA__)
#include "worker/step/rank_kernel.h"

const struct rank_kernel *rank_avx2(void)
{
    static const struct rank_kernel kernel = {"avx2", kernel_part, kernel_score,
                                              kernel_score_panel};
    return &kernel;
}
#else
#include "worker/step/rank_cpu.h"

const struct rank_kernel *rank_avx2(void)
{
    return NULL;
}
#endif
