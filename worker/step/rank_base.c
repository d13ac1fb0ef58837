/* The rank step with what every processor has. */
#include "worker/step/rank_kernel.h"

const struct rank_kernel *rank_base(void)
{
    static const struct rank_kernel kernel = {"base", kernel_part, kernel_score,
                                              kernel_score_panel};
    return &kernel;
}
