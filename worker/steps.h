/*
 * steps - the computations that every backend provides, one row each: STEP(name, struct of its
 * arguments). The CPU row is complete by rule: it is the reference and the fallback.
 *
 * To add one: write step/NAME.{h,c} (and .cu), and add a row.
 */
#ifndef WORKER_STEPS_H
#define WORKER_STEPS_H

#include "worker/step/choose.h"
#include "worker/step/derive.h"
#include "worker/step/encode.h"
#include "worker/step/rank.h"

#define STEPS(STEP)                  \
    STEP(rank, struct rank_args)     \
    STEP(derive, struct derive_args) \
    STEP(encode, struct encode_args) \
    STEP(choose, struct choose_args)

#endif
