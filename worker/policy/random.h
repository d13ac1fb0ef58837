/*
 * random - any successor, all equally likely: the first word of Philox 4x32-10, key the seed,
 * counter {low word of the stream, its high word, place, step}, times the number of successors,
 * shifted right by 32. The log-probability is minus the logarithm of that number.
 */
#ifndef WORKER_POLICY_RANDOM_H
#define WORKER_POLICY_RANDOM_H

#include "common/fmath.h"
#include "common/philox.h"
#include "worker/step/choose.h"

HD uint32_t choose_random(const struct choose_args *args, uint32_t lane, float *logprob)
{
    const uint64_t stream = args->stream[lane];
    const uint32_t word = philox_word(args->seed, (uint32_t)stream, (uint32_t)(stream >> 32),
                                      args->place[lane], args->step[lane]);
    const uint32_t count = args->count[lane];
    *logprob = -fmath_logf((float)count);
    return (uint32_t)((uint64_t)word * count >> 32);
}

#endif
