/*
 * hash - the successor with the smallest hash, which has no meaning: a policy without floats, to
 * test everything else with. "Give up" is taken only where there is nothing else. No chance in it:
 * the log-probability is 0.
 *
 * A state's hash is the sum, modulo 2^64, over its atoms of splitmix64's finaliser (Steele, Lea,
 * Flood, OOPSLA 2014) of predicate << 42 ^ first << 21 ^ second.
 */
#ifndef WORKER_POLICY_HASH_H
#define WORKER_POLICY_HASH_H

#include "worker/step/choose.h"

HD uint64_t hash_atom(struct atom atom)
{
    uint64_t x = (uint64_t)atom.predicate << 42 ^ (uint64_t)atom.first << 21 ^ atom.second;
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

HD uint64_t hash_state(const struct atom *state, uint32_t atoms)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < atoms && state[i].predicate; i++) sum += hash_atom(state[i]);
    return sum;
}

HD uint32_t choose_hash(const struct choose_args *args, uint32_t lane, float *logprob)
{
    const struct atom *state = args->successor + (size_t)lane * args->successors * args->atoms;
    uint32_t best = CHOOSE_NO_ACTION;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < args->count[lane]; i++, state += args->atoms) {
        if (state->predicate == args->give_up) continue;
        const uint64_t hash = hash_state(state, args->atoms);
        if (best != CHOOSE_NO_ACTION && hash >= least) continue;
        best = i;
        least = hash;
    }
    *logprob = 0;
    return best == CHOOSE_NO_ACTION ? 0 : best;
}

#endif
