#include "common/prove_shape.h"

#include "common/outcome.h"
#include "common/numbers.h"

enum {
    LANES_STANDARD = 512,
    CODES_LEAST = 1 << 16, /* so many states that most of those that recur are found again */
    UNITS_AHEAD = 4,       /* units that can be loaded while the first of them is finished */
    LANES_AHEAD = 4,       /* places that can be loaded for each lane, where units are small: the
                              longest searches of a unit take some times longer than most */
    ALIGNMENT = 64,
    PANEL = 32, /* ENCODE_PANEL of worker/step/encode.h */
};

/* Bytes and numbers of what is not known on this side: generous, for an upper bound. */
enum {
    LANE_BYTES = 512,   /* of a lane, beside what grows with the shape */
    ROW_BYTES = 32,     /* of a successor, beside its atoms: hash, slot, logit */
    VISITED_BYTES = 16, /* of a visited state, beside its atoms: its hash */
    THREAD_BYTES = 1 << 16,
    CHILD_BYTES = 64,        /* of a successor that a thread is making, beside its atoms */
    TILE_ROWS = 256,         /* states that a thread encodes together, at most, */
    TILE_VECTORS = 4,        /* and vectors of each of them */
    LAYER_VECTORS = 3,       /* bias, weight and bias of the norm */
    CODE_BYTES = 32,         /* of an encoding, beside state and vector: hash, list of fresh ones */
    TABLE_SLOTS = 4,         /* of a table, for each entry: a power of two, at most half full */
    UNIT_BYTES = 256,        /* of a loaded unit, beside its records */
    PROGRAM_BYTES = 1 << 16, /* of everything else, and to align each array */
};

/* The choices of settings, by their place in schema/run.def. */
enum { SWITCH_ON = 1 };

/* Sums and products that stay at the largest number instead of overflowing. */
static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Of a vector, as the network's step wants it. */
static uint64_t vector_bytes(uint64_t numbers)
{
    return (numbers + PANEL - 1) / PANEL * PANEL * sizeof(float);
}

uint32_t prove_lanes(const struct settings *settings)
{
    const uint64_t lanes = settings_count(settings, SET_lanes);
    return lanes ? (uint32_t)lanes : LANES_STANDARD;
}

static bool is_on(const struct settings *settings, enum setting setting)
{
    return settings_choice(settings, setting) == SWITCH_ON;
}

static uint64_t choose_visited(const struct prove_shape *shape)
{
    return (shape->depth + UINT64_C(1)) * (shape->skip_unary ? PROVE_SKIPS + 1 : 1);
}

/* A step looks for every lane's state and its successors at most. */
static uint64_t choose_codes(const struct prove_shape *shape)
{
    return numbers_most(shape->lanes * (shape->successors + UINT64_C(1)), CODES_LEAST);
}

static uint64_t choose_slots(const struct prove_shape *shape)
{
    return UNITS_AHEAD + LANES_AHEAD * (uint64_t)shape->lanes / shape->unit_records;
}

void prove_shape_choose(const struct settings *settings, const struct theory *theory,
                        const struct items *items, const struct network *network,
                        struct prove_shape *out)
{
    const uint64_t grid = numbers_most(items->target_count * items->places, 1);
    *out = (struct prove_shape){
        .lanes = (uint32_t)numbers_least(prove_lanes(settings), grid),
        .atoms = (uint32_t)settings_count(settings, SET_atoms),
        .successors = (uint32_t)settings_count(settings, SET_successors),
        .depth = (uint32_t)settings_count(settings, SET_depth),
        .body_most = theory->rules.body_most,
        .memory_pruning = is_on(settings, SET_memory_pruning),
        .end_action = is_on(settings, SET_end_action),
        .skip_unary = is_on(settings, SET_skip_unary),
        .width = network ? network->width : 0,
        .hidden = network ? network->hidden : 0,
        .unit_records = items->unit_targets * items->unit_candidates,
    };
    check(out->depth <= PROVE_DEPTH_MOST);
    out->visited = (uint32_t)choose_visited(out);
    out->codes = network ? choose_codes(out) : 0;
    out->unit_slots = (uint32_t)choose_slots(out);
}

static uint64_t lane_bytes(const struct prove_shape *shape)
{
    const uint64_t state = shape->atoms * sizeof(struct atom);
    return LANE_BYTES + state + shape->successors * (state + ROW_BYTES) +
           shape->visited * (state + VISITED_BYTES);
}

static uint64_t thread_bytes(const struct prove_shape *shape)
{
    const uint64_t child_atoms = (uint64_t)shape->atoms + shape->body_most;
    const uint64_t child = child_atoms * sizeof(struct atom) + CHILD_BYTES;
    const uint64_t vector = vector_bytes(numbers_most(shape->width, shape->hidden));
    return THREAD_BYTES + child * (shape->successors + UINT64_C(1)) +
           TILE_ROWS * TILE_VECTORS * vector;
}

/* Of both generations. */
static uint64_t encodings_bytes(const struct prove_shape *shape)
{
    const uint64_t code = shape->atoms * sizeof(struct atom) + vector_bytes(shape->width) +
                          CODE_BYTES + TABLE_SLOTS * sizeof(uint32_t);
    return times(2 * shape->codes, code);
}

/* A layer's weights are padded to whole panels of outputs. */
static uint64_t layer_bytes(uint64_t in, uint64_t out)
{
    return (in + LAYER_VECTORS) * vector_bytes(out);
}

static uint64_t weights_bytes(const struct network *network)
{
    if (!network) return 0;
    const uint64_t width = network->width, hidden = network->hidden;
    const uint64_t rows = plus(network->constants.rows, network->predicates.rows);
    const uint64_t layers = layer_bytes(width, hidden) + layer_bytes(hidden, width) +
                            (network->blocks + UINT64_C(1)) * layer_bytes(hidden, hidden);
    return plus(times(rows, vector_bytes(width)), layers);
}

uint64_t prove_shape_bytes(const struct prove_shape *shape, const struct network *network,
                           uint64_t threads)
{
    const uint64_t unit = plus(times(shape->unit_records, OUTCOME_BYTES), UNIT_BYTES);
    const uint64_t parts[] = {
        times(shape->lanes, lane_bytes(shape)),
        times(threads, thread_bytes(shape)),
        encodings_bytes(shape),
        weights_bytes(network),
        times(shape->unit_slots, unit),
        PROGRAM_BYTES,
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) bytes = plus(bytes, parts[i]);
    return plus(bytes, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}
