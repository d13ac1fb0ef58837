/* Chooses the instruction set, checks the states, and cuts the step into tiles for the pool. */
#include "worker/step/encode.h"

#include "worker/step/isa.h"
#include "common/numbers.h"

enum {
    TILE_ROWS = 96, /* most of a tile: enough for each weight to be used often, few enough for
                             their activations to stay in the second-level cache */
    TILE_ROOM = TILE_ROWS + 1, /* see struct tile */
    TILES_PER_THREAD = 2,      /* of a large step, so that no thread waits long for another */
};

enum err encode_kernel_find(const char *name, const struct encode_kernel **out)
{
    const void *const kernel[ISA_COUNT] = {
#define ROW(name) encode_##name(),
        INSTRUCTION_SETS(ROW)
#undef ROW
    };
    enum isa isa;
    const enum err err = isa_find(name, kernel, &isa);
    *out = err ? NULL : kernel[isa];
    return err;
}

static uint64_t scratch_floats(uint32_t width, uint32_t hidden)
{
    return UINT64_C(2) * TILE_ROOM * encode_padded(width > hidden ? width : hidden);
}

uint64_t encode_scratch_bytes(const struct network *network)
{
    return scratch_floats(network->width, network->hidden) * sizeof(float);
}

struct cut {
    const struct encode_args *args;
    const struct encode_kernel *kernel;
    uint64_t scratch_floats; /* of a thread */
    uint32_t tiles;
};

static void run_tile(void *context, uint32_t number, uint32_t thread)
{
    const struct cut *cut = context;
    const uint32_t each = cut->args->rows / cut->tiles, longer = cut->args->rows % cut->tiles;
    const uint32_t first = number * each + (uint32_t)numbers_least(number, longer);
    cut->kernel->tile(cut->args, first, each + (number < longer),
                      cut->args->scratch + thread * cut->scratch_floats);
}

/* A search may make more variables than the network has embeddings for. */
static enum err check_states(const struct encode_args *args)
{
    const struct encode_weights *weights = args->weights;
    uint32_t most = 0;
    for (uint32_t i = 0; i < args->rows; i++) {
        const struct atom *state = args->key + (size_t)args->slot[i] * args->atoms;
        for (uint32_t a = 0; a < args->atoms && state[a].predicate; a++) {
            check(state[a].predicate < weights->predicate_rows);
            const uint32_t larger =
                state[a].first > state[a].second ? state[a].first : state[a].second;
            most = larger > most ? larger : most;
        }
    }
    if (most < weights->constant_rows) return OK;
    return err_note(ERR_INPUT,
                    "model: constants.weight: %u rows, but a search has a variable number %u; add "
                    "rows for variables, or search less deep",
                    weights->constant_rows, most);
}

enum err encode_cpu(struct pool *pool, const struct encode_kernel *kernel,
                    const struct encode_args *args)
{
    const struct encode_weights *weights = args->weights;
    const enum err err = check_states(args);
    if (err || args->rows == 0) return err;

    const uint32_t threads = pool_threads(pool);
    const uint32_t enough = (uint32_t)numbers_ceiling(args->rows, TILE_ROWS);
    const uint32_t rounds =
        enough > threads
            ? (uint32_t)numbers_ceiling(enough, threads * TILES_PER_THREAD) * TILES_PER_THREAD
            : 1;
    struct cut cut = {
        .args = args,
        .kernel = kernel,
        .scratch_floats = scratch_floats(weights->width, weights->hidden),
        .tiles = (uint32_t)numbers_least(rounds * threads, args->rows),
    };
    pool_run(pool, cut.tiles, run_tile, &cut);
    return OK;
}
