/* The encode step with what every processor has. */
#include "worker/step/encode_kernel.h"

const struct encode_kernel *encode_base(void)
{
    static const struct encode_kernel kernel = {"base", kernel_tile, kernel_dot};
    return &kernel;
}
