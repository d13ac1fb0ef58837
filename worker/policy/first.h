/* first - the first successor, as Prolog would. No chance in it: the log-probability is 0. */
#ifndef WORKER_POLICY_FIRST_H
#define WORKER_POLICY_FIRST_H

#include "worker/step/choose.h"

HD uint32_t choose_first(const struct choose_args *args, uint32_t lane, float *logprob)
{
    (void)args, (void)lane;
    *logprob = 0;
    return 0;
}

#endif
