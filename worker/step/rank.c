/* Chooses the instruction set, and cuts the step into parts for the pool. */
#include "worker/step/isa.h"
#include "worker/step/rank_cpu.h"
#include "common/numbers.h"

enum {
    CACHE_BYTES = 512 << 10, /* of panels that a part keeps in the second-level cache */
    PART_LANES = 48,         /* so often they are used from there */
    PART_LANES_MIN = 12,
    PARTS_PER_THREAD = 4,
};

enum err rank_kernel_find(const char *name, const struct rank_kernel **out)
{
    const void *const kernel[ISA_COUNT] = {
#define ROW(name) rank_##name(),
        INSTRUCTION_SETS(ROW)
#undef ROW
    };
    enum isa isa;
    const enum err err = isa_find(name, kernel, &isa);
    *out = err ? NULL : kernel[isa];
    return err;
}

struct cut {
    const struct rank_args *args;
    const struct rank_kernel *kernel;
    uint32_t panels, panels_each; /* in all; of a part */
    uint32_t lanes_each, lane_parts;
};

static void run_part(void *context, uint32_t number, uint32_t thread)
{
    (void)thread;
    const struct cut *cut = context;
    const uint32_t lane = number % cut->lane_parts * cut->lanes_each;
    const uint32_t panel = number / cut->lane_parts * cut->panels_each;
    const struct rank_part part = {
        .first_lane = lane,
        .lanes = (uint32_t)numbers_least(cut->lanes_each, cut->args->lanes - lane),
        .first_panel = panel,
        .panels = (uint32_t)numbers_least(cut->panels_each, cut->panels - panel),
    };
    cut->kernel->part(cut->args, &part);
}

enum err rank_cpu(struct pool *pool, const struct rank_kernel *kernel, const struct rank_args *args)
{
    check(args->form < FORM_COUNT);
    check(args->dim > 0 && args->dim <= RANK_DIM_MAX);
    check(args->dim % (args->form == FORM_MODULUS ? 2 * RANK_CHAINS : RANK_CHAINS) == 0);
    if (args->lanes == 0 || args->candidates == 0) return OK;

    const size_t panel_bytes = (size_t)args->dim * RANK_PANEL * sizeof(float);
    const size_t fitting = CACHE_BYTES / panel_bytes;
    struct cut cut = {
        .args = args,
        .kernel = kernel,
        .panels = (uint32_t)numbers_ceiling(args->candidates, RANK_PANEL),
        .panels_each = fitting < 1            ? 1
                       : fitting > RANK_BLOCK ? RANK_BLOCK
                                              : (uint32_t)fitting,
        .lanes_each = PART_LANES,
    };
    const uint32_t panel_parts = (uint32_t)numbers_ceiling(cut.panels, cut.panels_each);
    cut.lane_parts = (uint32_t)numbers_ceiling(args->lanes, cut.lanes_each);
    if ((uint64_t)panel_parts * cut.lane_parts < (uint64_t)PARTS_PER_THREAD * pool_threads(pool)) {
        cut.lanes_each = PART_LANES_MIN;
        cut.lane_parts = (uint32_t)numbers_ceiling(args->lanes, cut.lanes_each);
    }
    check((uint64_t)panel_parts * cut.lane_parts < UINT32_MAX);
    pool_run(pool, panel_parts * cut.lane_parts, run_part, &cut);
    return OK;
}
