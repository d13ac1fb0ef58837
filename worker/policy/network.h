/*
 * network - the successor whose code fits the state's code best, and its log-probability among all;
 * every operation is as worker/step/choose.h says.
 */
#ifndef WORKER_POLICY_NETWORK_H
#define WORKER_POLICY_NETWORK_H

#include "common/fmath.h"
#include "worker/step/choose.h"

/* The largest of `count` numbers, the first one where several are; CHOOSE_NO_ACTION if one is not
 * finite. */
HD uint32_t network_largest(const float *logit, uint32_t count)
{
    uint32_t best = 0;
    bool finite = true;
    for (uint32_t i = 0; i < count; i++) {
        finite = finite && fabsf(logit[i]) < INFINITY;
        best = logit[i] > logit[best] ? i : best;
    }
    return finite ? best : CHOOSE_NO_ACTION;
}

/* The logarithm of the sum of exp(logit - most). */
HD float network_log_sum(const float *logit, uint32_t count, float most)
{
    float partial[ENCODE_PARTIALS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const float below = logit[i] - most;
        partial[i % ENCODE_PARTIALS] += below < -87 ? 0 : fmath_expf(below);
    }
    for (uint32_t half = ENCODE_PARTIALS / 2; half > 0; half /= 2)
        for (uint32_t i = 0; i < half; i++) partial[i] += partial[i + half];
    return fmath_logf(partial[0]);
}

HD uint32_t choose_network(const struct choose_args *args, uint32_t lane, float *logprob)
{
    const uint32_t width = args->weights->width, padded = encode_padded(width);
    const uint32_t count = args->count[lane];
    const uint32_t *slot = args->successor_slot + (size_t)lane * args->successors;
    const float *state = args->code + (size_t)args->state_slot[lane] * padded;
    float *logit = args->logit + (size_t)lane * args->successors;
    for (uint32_t i = 0; i < count; i++)
        logit[i] = args->kernel->dot(state, args->code + (size_t)slot[i] * padded, width) /
                   args->weights->scale;

    const uint32_t action = network_largest(logit, count);
    *logprob = 0;
    /* The largest logit is the one taken: their difference is 0. */
    if (action != CHOOSE_NO_ACTION) *logprob -= network_log_sum(logit, count, logit[action]);
    return action;
}

#endif
