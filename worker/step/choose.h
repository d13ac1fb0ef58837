/*
 * choose - for each live lane, which successor its policy takes, and the log-probability of that.
 *
 * A policy is a row of schema/policies.h and a function in worker/policy/NAME.h. With one
 * successor there is no choice: action 0, log-probability +0, whatever the policy. Ties go to the
 * first. The end "give up" is a successor like the others, unless a policy says otherwise.
 *
 * network: logit i = <code(state), code(successor i)> / scale, the product being a sum as in
 * encode.h; m the largest logit; e_i = exp(logit_i - m), 0 where logit_i - m < -87; log-probability
 * (logit_a - m) - log(sum of e_i), the sum being 32 partials over i & 31 folded by halves. exp and
 * log are fmath_expf and fmath_logf.
 *
 * Threads: choose_cpu shares the lanes out over the pool.
 */
#ifndef WORKER_STEP_CHOOSE_H
#define WORKER_STEP_CHOOSE_H

#include "common/atom.h"
#include "schema/policies.h"
#include "worker/pool.h"
#include "worker/step/encode.h"

#define CHOOSE_NO_ACTION UINT32_MAX

/* Pointers are borrowed, and point where the step runs. */
struct choose_args {
    enum policy policy;
    uint32_t atoms, successors;
    uint32_t give_up;             /* predicate of that end: P + 3 */
    uint32_t live;                /* lanes to choose for */
    const uint32_t *lane_list;    /* [live], their numbers */
    const uint32_t *count;        /* [lanes], successors of each, at least 1 */
    const struct atom *successor; /* [lanes][successors][atoms] */
    uint32_t *action; /* [lanes], written; CHOOSE_NO_ACTION where a logit is no number */
    float *logprob;   /* [lanes], written */

    /* random */
    uint64_t seed;
    const uint64_t *stream; /* [lanes], see items_stream */
    const uint32_t *place;  /* [lanes], the candidate's */
    const uint32_t *step;   /* [lanes], steps taken so far */

    /* network */
    const struct encode_kernel *kernel; /* for choose_cpu; a backend sets its own */
    const struct encode_weights *weights;
    const float *code;              /* [slots][encode_padded(width)] */
    const uint32_t *state_slot;     /* [lanes], code of the state, where count > 1 */
    const uint32_t *successor_slot; /* [lanes][successors], likewise */
    float *logit;                   /* [lanes][successors], scratch */
};

/* One lane's choice; each policy is one of these. */
typedef uint32_t choose_policy(const struct choose_args *args, uint32_t lane, float *logprob);

MUST enum err choose_cpu(struct pool *pool, const struct choose_args *args);

#endif
