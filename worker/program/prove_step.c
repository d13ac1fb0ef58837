/* prove_step - one step over all lanes. */
#include "worker/program/prove_state.h"

static enum err derive(struct prove_state *state)
{
    const struct prove_shape *shape = &state->shape;
    const struct theory *theory = state->theory;
    const struct derive_args args = {
        .facts = &theory->facts,
        .rules = &theory->rules,
        .constants = theory->constant_count,
        .predicates = theory->predicate_count,
        .atoms = shape->atoms,
        .successors = shape->successors,
        .visited_most = shape->visited,
        .memory_pruning = shape->memory_pruning,
        .end_action = shape->end_action,
        .skip_unary = shape->skip_unary,
        .live = state->live,
        .lane_list = state->lane_list,
        .lane = state->derived,
        .state = state->state,
        .successor = state->successor,
        .hash = state->successor_hash,
        .visited = state->visited,
        .visited_hash = state->visited_hash,
        .scratch = state->derive_scratch,
    };
    return state->job.backend->derive(state->job.device, &args);
}

/* Takes over what was derived; the states that a choice needs codes of are counted. */
static uint64_t count_successors(struct prove_state *state)
{
    uint64_t needed = 0;
    for (uint32_t i = 0; i < state->live; i++) {
        const uint32_t lane = state->lane_list[i];
        const struct derive_lane *derived = &state->derived[lane];
        check(!derived->overflow && derived->count > 0);
        state->count[lane] = derived->count;
        state->work.rows += derived->count;
        if (derived->count > 1) needed += derived->count + 1;
    }
    return needed;
}

/* That no row is read which the model does not have. */
static enum err check_variables(const struct prove_state *state, uint32_t lane)
{
    char name[PROVE_NAME_BYTES];
    const uint32_t first = state->theory->constant_count + 1;
    const uint32_t needed = state->derived[lane].next_variable - first;
    if (needed <= state->network.variables) return OK;
    return err_note(ERR_INPUT,
                    "model: %.200s: constants.weight has %u rows for variables, a search needs %u "
                    "(%s, step %u); give the model more, or choose a smaller depth",
                    settings_text(state->job.settings, SET_model), state->network.variables, needed,
                    prove_item_name(state, &state->lane[lane].item, name, sizeof(name)),
                    state->step[lane] + 1);
}

static void find_codes(struct prove_state *state, uint32_t lane)
{
    const uint32_t atoms = state->shape.atoms;
    const size_t first = (size_t)lane * state->shape.successors;
    const struct atom *own = state->state + (size_t)lane * atoms;
    /* Where single successors are passed through, the step has moved the state. */
    if (state->shape.skip_unary) state->lane[lane].hash = derive_state_hash(own, atoms);
    state->state_slot[lane] = codes_find(&state->codes, own, state->lane[lane].hash);
    for (uint32_t i = 0; i < state->count[lane]; i++)
        state->successor_slot[first + i] =
            codes_find(&state->codes, state->successor + (first + i) * atoms,
                       state->successor_hash[first + i]);
}

/* Codes of all states that a lane with a choice has to compare. */
static enum err encode(struct prove_state *state, uint64_t needed)
{
    struct codes *codes = &state->codes;
    enum err err = OK;
    check(needed <= codes->most);
    codes->recalled = 0;
    codes_begin(codes, (uint32_t)needed);
    for (uint32_t i = 0; !err && i < state->live; i++) {
        const uint32_t lane = state->lane_list[i];
        if (state->count[lane] == 1) continue;
        err = check_variables(state, lane);
        if (!err) find_codes(state, lane);
    }
    const struct encode_args args = {
        .weights = &state->weights,
        .atoms = state->shape.atoms,
        .rows = codes->fresh_count,
        .slot = codes->fresh,
        .key = codes->key,
        .code = codes->code,
        .scratch = state->encode_scratch,
    };
    if (!err && args.rows > 0) err = state->job.backend->encode(state->job.device, &args);
    state->work.encoded += codes->fresh_count;
    state->work.recalled += codes->recalled;
    return err;
}

static enum err choose(struct prove_state *state)
{
    const struct choose_args args = {
        .policy = state->policy,
        .atoms = state->shape.atoms,
        .successors = state->shape.successors,
        .give_up = state->theory->predicate_count + ATOM_GIVE_UP,
        .live = state->live,
        .lane_list = state->lane_list,
        .count = state->count,
        .successor = state->successor,
        .action = state->action,
        .logprob = state->action_logprob,
        .seed = state->items.seed,
        .stream = state->stream,
        .place = state->place,
        .step = state->step,
        .weights = &state->weights,
        .code = state->codes.code,
        .state_slot = state->state_slot,
        .successor_slot = state->successor_slot,
        .logit = state->logit,
    };
    return state->job.backend->choose(state->job.device, &args);
}

enum err prove_advance(void *self)
{
    struct prove_state *state = self;
    check(state->loaded > 0);
    prove_refill_lanes(state);
    const bool fixed = state->refill == PROVE_FIXED_STEPS;
    if (state->live > 0 || fixed) state->work.lanes += state->shape.lanes;
    if (fixed) state->batch_steps = (state->batch_steps + 1) % state->shape.depth;
    if (state->live == 0) return OK;

    state->work.lanes_live += state->live;
    enum err err = derive(state);
    if (err) return err;
    const uint64_t needed = count_successors(state);
    if (state->reads_network && needed > 0) err = encode(state, needed);
    if (!err) err = choose(state);
    return err ? err : prove_commit_lanes(state);
}
