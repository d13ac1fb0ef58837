/* Shares the lanes out over the pool; how one is chosen for is its policy's. */
#include "worker/step/choose.h"

#include "worker/policy/first.h"
#include "worker/policy/hash.h"
#include "worker/policy/network.h"
#include "worker/policy/random.h"

enum { PART_LANES = 16 }; /* shared out together: some microseconds, or tens with a network */

/* A copy of each policy, so that the table can point to it. */
#define ROW(name, network)                                                                    \
    static uint32_t run_##name(const struct choose_args *args, uint32_t lane, float *logprob) \
    {                                                                                         \
        return choose_##name(args, lane, logprob);                                            \
    }
POLICIES(ROW)
#undef ROW

static choose_policy *const policies[POLICY_COUNT] = {
#define ROW(name, network) run_##name,
    POLICIES(ROW)
#undef ROW
};

static void choose_part(void *context, uint32_t part, uint32_t thread)
{
    (void)thread;
    const struct choose_args *args = context;
    const uint32_t first = part * PART_LANES;
    const uint32_t end = args->live - first < PART_LANES ? args->live : first + PART_LANES;
    for (uint32_t i = first; i < end; i++) {
        const uint32_t lane = args->lane_list[i];
        check(args->count[lane] > 0 && args->count[lane] <= args->successors);
        args->action[lane] = 0;
        args->logprob[lane] = 0;
        if (args->count[lane] > 1)
            args->action[lane] = policies[args->policy](args, lane, &args->logprob[lane]);
    }
}

enum err choose_cpu(struct pool *pool, const struct choose_args *args)
{
    check(args->policy < POLICY_COUNT);
    struct choose_args own = *args; /* the pool asks for what it might write to */
    pool_run(pool, args->live / PART_LANES + (args->live % PART_LANES != 0), choose_part, &own);
    return OK;
}
