/* Proves each item, or fails to: a search whose steps a policy chooses (prove_state.h). */
#include "worker/program/prove_state.h"

#include "common/wire.h"
#include "worker/program/carving.h"

#include <stdlib.h>
#include <string.h>

static void close_prove(void **self)
{
    struct prove_state *state = *self;
    *self = NULL;
    if (!state) return;
    network_close(&state->network);
    items_close(&state->items);
    theory_close(&state->theory);
    free(state);
}

/* The plan has looked at the network's numbers. */
static enum err read_inputs(struct prove_state *state)
{
    const struct settings *settings = state->job.settings;
    const int policy = settings_choice(settings, SET_policy);
    check(policy >= 0 && policy < POLICY_COUNT);
    state->policy = (enum policy)policy;
    state->reads_network = settings_read_network(settings);
    enum err err = theory_open(settings, THEORY_SEARCH, &state->theory);
    const struct theory *theory = state->theory;
    if (!err) err = items_open(settings, theory, &state->items);
    if (!err && state->reads_network)
        err =
            network_open(settings_text(settings, SET_model), theory->constant_count,
                         theory->predicate_count, theory->rules.variables, false, &state->network);
    return err;
}

static const struct network *network_of(const struct prove_state *state)
{
    return state->reads_network ? &state->network : NULL;
}

static enum err check_shape(const struct prove_shape *shape)
{
    if (shape->codes <= CODES_MOST) return OK;
    return err_note(ERR_MEMORY,
                    "prove: %u lanes of %u successors need %llu encodings at hand, at most %u can "
                    "be; choose fewer --lanes or --successors",
                    shape->lanes, shape->successors, (unsigned long long)shape->codes, CODES_MOST);
}

static enum err measure(const struct program_job *job, void **out, uint64_t *bytes)
{
    *bytes = 0;
    struct prove_state *state = calloc(1, sizeof(*state));
    enum err err = state ? OK : err_note(ERR_MEMORY, "prove: no memory for the program");
    if (!err) {
        state->job = *job;
        err = read_inputs(state);
    }
    if (!err) {
        prove_shape_choose(job->settings, state->theory, &state->items, network_of(state),
                           &state->shape);
        err = check_shape(&state->shape);
    }
    if (!err) *bytes = prove_shape_bytes(&state->shape, network_of(state), pool_threads(job->pool));
    void *self = state;
    if (err) close_prove(&self);
    *out = self;
    return err;
}

void prove_forget_codes(struct prove_state *state)
{
    if (state->reads_network)
        codes_open(state->shape.atoms, encode_padded(state->shape.width),
                   (uint32_t)state->shape.codes, state->codes_memory, &state->codes);
}

#define CARVE(name, count) \
    state->name = carve(carving, count, sizeof(state->name[0]), sizeof(uint64_t))

static void open_units(struct prove_state *state, struct carving *carving)
{
    const struct prove_shape *shape = &state->shape;
    const uint64_t bytes = shape->unit_records * OUTCOME_BYTES;
    uint8_t *record = carve(carving, shape->unit_slots, bytes, PROGRAM_ALIGNMENT);
    CARVE(unit, shape->unit_slots);
    for (uint32_t slot = 0; slot < shape->unit_slots; slot++)
        state->unit[slot] = (struct prove_unit){.record = record + slot * bytes};
}

static void open_lanes(struct prove_state *state, struct carving *carving)
{
    const struct prove_shape *shape = &state->shape;
    const uint64_t lanes = shape->lanes, successors = lanes * shape->successors;
    const uint64_t scratch = derive_scratch_bytes(shape->atoms, shape->body_most);
    state->derive_scratch =
        carve(carving, pool_threads(state->job.pool), scratch, PROGRAM_ALIGNMENT);
    CARVE(lane_list, lanes);
    CARVE(lane, lanes);
    CARVE(derived, lanes);
    CARVE(state, lanes * shape->atoms);
    CARVE(successor, successors * shape->atoms);
    CARVE(successor_hash, successors);
    CARVE(visited, lanes * shape->visited * shape->atoms);
    CARVE(visited_hash, lanes * shape->visited);
    CARVE(count, lanes);
    CARVE(action, lanes);
    CARVE(place, lanes);
    CARVE(step, lanes);
    CARVE(stream, lanes);
    CARVE(action_logprob, lanes);
}

static void open_network(struct prove_state *state, struct carving *carving)
{
    const struct prove_shape *shape = &state->shape;
    const struct network *network = &state->network;
    const uint64_t lanes = shape->lanes;
    check(shape->codes <= CODES_MOST);
    void *weights = carve(carving, 1, encode_weights_bytes(network), PROGRAM_ALIGNMENT);
    encode_pack(network, shape->atoms, state->theory->predicate_count, weights, &state->weights);
    state->codes_memory =
        carve(carving, 1, codes_bytes(shape->atoms, encode_padded(shape->width), shape->codes),
              PROGRAM_ALIGNMENT);
    state->encode_scratch = carve(carving, pool_threads(state->job.pool),
                                  encode_scratch_bytes(network), PROGRAM_ALIGNMENT);
    CARVE(state_slot, lanes);
    CARVE(successor_slot, lanes * shape->successors);
    CARVE(logit, lanes * shape->successors);
    prove_forget_codes(state);
}

static enum err open_prove(void *self, void *memory, uint64_t bytes)
{
    struct prove_state *state = self;
    struct carving carving = {memory, (uint8_t *)memory + bytes};
    check((uintptr_t)memory % PROGRAM_ALIGNMENT == 0);
    open_units(state, &carving);
    open_lanes(state, &carving);
    if (state->reads_network) open_network(state, &carving);
    prove_let_all_go(state);
    return OK;
}

void prove_set_refill(void *self, enum prove_refill refill)
{
    struct prove_state *state = self;
    check(state->loaded == 0);
    state->refill = refill;
}

static uint64_t tally_bytes(const void *self)
{
    const struct prove_state *state = self;
    return state->unit[state->first].places * OUTCOME_BYTES;
}

static void tally(void *self, uint8_t *bytes, struct program_work *work)
{
    struct prove_state *state = self;
    memcpy(bytes, state->unit[state->first].record, tally_bytes(state));
    program_work_add(work, &state->work);
    state->work = (struct program_work){0};
    prove_let_oldest_go(state);
}

/* A step that failed may have left encodings that were never made. */
static void cancel(void *self)
{
    struct prove_state *state = self;
    prove_let_all_go(state);
    prove_forget_codes(state);
}

static uint64_t column(const void *self)
{
    (void)self;
    return WIRE_NO_COLUMN;
}

static bool runs_on(const struct backend *backend)
{
    return backend->derive && backend->encode && backend->choose;
}

const struct program program_prove = {
    .name = "prove",
    .runs_on = runs_on,
    .measure = measure,
    .open = open_prove,
    .close = close_prove,
    .hungry = prove_hungry,
    .load = prove_load,
    .advance = prove_advance,
    .finished = prove_finished,
    .tally_bytes = tally_bytes,
    .tally = tally,
    .cancel = cancel,
    .column = column,
};
