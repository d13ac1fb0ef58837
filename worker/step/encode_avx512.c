/* The encode step for x86 processors with AVX-512. Compiled without it, it is not there. */
#if defined(__AVX512F__)
#include "worker/step/encode_kernel.h"

const struct encode_kernel *encode_avx512(void)
{
    static const struct encode_kernel kernel = {"avx512", kernel_tile, kernel_dot};
    return &kernel;
}
#else
#include "worker/step/encode.h"

const struct encode_kernel *encode_avx512(void)
{
    return NULL;
}
#endif
