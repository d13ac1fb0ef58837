/* Shares the lanes out over the pool. */
#include "worker/step/derive_lane.h"

enum { PART_LANES = 8, SCRATCH_ALIGNMENT = 64 };

uint64_t derive_scratch_bytes(uint32_t atoms, uint32_t body_most)
{
    const uint64_t bytes = ((uint64_t)2 * atoms + body_most) * sizeof(struct atom) +
                           (uint64_t)2 * body_most * sizeof(uint32_t) + atoms * sizeof(bool);
    return (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
}

static void derive_part(void *context, uint32_t part, uint32_t thread)
{
    const struct derive_args *args = context;
    const uint64_t scratch_bytes = derive_scratch_bytes(args->atoms, args->rules->body_most);
    char *scratch = (char *)args->scratch + thread * scratch_bytes;
    const uint32_t first = part * PART_LANES;
    const uint32_t left = args->live - first;
    const uint32_t lanes = left < PART_LANES ? left : PART_LANES;
    for (uint32_t i = 0; i < lanes; i++) derive_for_lane(args, args->lane_list[first + i], scratch);
}

enum err derive_cpu(struct pool *pool, const struct derive_args *args)
{
    check(args->atoms > 0 && args->successors > 1);
    struct derive_args copy = *args;
    pool_run(pool, args->live / PART_LANES + (args->live % PART_LANES != 0), derive_part, &copy);
    return OK;
}
