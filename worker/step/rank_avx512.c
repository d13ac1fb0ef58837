/* The rank step for x86 processors with AVX-512. Compiled without it, it is not there. */
#if defined(__AVX512F__)
#include "worker/step/rank_kernel.h"

const struct rank_kernel *rank_avx512(void)
{
    static const struct rank_kernel kernel = {"avx512", kernel_part, kernel_score,
                                              kernel_score_panel};
    return &kernel;
}
#else
#include "worker/step/rank_cpu.h"

const struct rank_kernel *rank_avx512(void)
{
    return NULL;
}
#endif
