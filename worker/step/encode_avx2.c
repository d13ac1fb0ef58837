/* The encode step for x86 processors with AVX2 and FMA. Compiled without them, it is not there. */
#if defined(__AVX2__) && defined(__FMA__)
#include "worker/step/encode_kernel.h"

const struct encode_kernel *encode_avx2(void)
{
    static const struct encode_kernel kernel = {"avx2", kernel_tile, kernel_dot};
    return &kernel;
}
#else
#include "worker/step/encode.h"

const struct encode_kernel *encode_avx2(void)
{
    return NULL;
}
#endif
