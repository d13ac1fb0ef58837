/* prove_lanes - what happens to a lane before and after the computation of a step. It is little
 * beside that, so one thread does it. */
#include "worker/program/prove_state.h"

#include "common/splits.h"

#include <stdio.h>
#include <string.h>

static bool lane_is_free(const struct prove_state *state, uint32_t lane)
{
    return state->lane[lane].item.unit == PROVE_EMPTY;
}

static struct atom *lane_state(const struct prove_state *state, uint32_t lane)
{
    return state->state + (size_t)lane * state->shape.atoms;
}

/* Begins the search for a proof of the item. */
static void start_search(struct prove_state *state, uint32_t lane, const struct prove_item *item)
{
    const struct atom root = {.predicate = item->triple.relation + 1,
                              .first = item->triple.head + 1,
                              .second = item->triple.tail + 1};
    struct atom *atoms = lane_state(state, lane);
    memset(atoms, 0, state->shape.atoms * sizeof(*atoms));
    atoms[0] = root;
    state->lane[lane] =
        (struct prove_lane){.item = *item, .hash = derive_state_hash(atoms, state->shape.atoms)};
    state->derived[lane] =
        (struct derive_lane){.root = root, .next_variable = state->theory->constant_count + 1};
    state->stream[lane] = items_stream(&state->items, item->target);
    state->place[lane] = (uint32_t)item->place;
    state->step[lane] = 0;
}

/* Whether free lanes get an item before this step. */
static bool may_refill(const struct prove_state *state)
{
    if (state->refill == PROVE_WHEN_ALL_DONE) return state->live == 0;
    return state->refill == PROVE_REFILL || state->batch_steps == 0;
}

void prove_refill_lanes(struct prove_state *state)
{
    struct prove_item item;
    bool more = may_refill(state);
    state->live = 0;
    for (uint32_t lane = 0; lane < state->shape.lanes; lane++) {
        if (lane_is_free(state, lane) && more) {
            more = prove_next_item(state, &item);
            if (more) start_search(state, lane, &item);
        }
        if (!lane_is_free(state, lane)) state->lane_list[state->live++] = lane;
    }
}

/* How the search ends with this state after `depth` steps; 0: it goes on. */
static int end_of(const struct prove_state *state, const struct atom *atoms, uint32_t depth)
{
    static const enum outcome_end ends[] = {
        [ATOM_TRUE] = END_TRUE, [ATOM_FALSE] = END_FALSE, [ATOM_GIVE_UP] = END_GIVE_UP};
    const uint32_t predicates = state->theory->predicate_count;
    check(atoms[0].predicate > 0 && atoms[0].predicate <= predicates + ATOM_ENDS);
    if (atoms[0].predicate > predicates) return (int)ends[atoms[0].predicate - predicates];
    return depth >= state->shape.depth ? END_DEPTH : 0;
}

static void end_search(struct prove_state *state, uint32_t lane_number, int end)
{
    struct prove_lane *lane = &state->lane[lane_number];
    const struct outcome outcome = {.kind = (uint8_t)lane->item.kind,
                                    .end = (uint8_t)end,
                                    .depth = (uint16_t)state->step[lane_number],
                                    .logprob = lane->logprob,
                                    .digest = lane->digest};
    prove_record(state, lane->item.unit, lane->item.record, &outcome);
    lane->item.unit = PROVE_EMPTY;
    state->work.pairs++;
}

static void commit(struct prove_state *state, uint32_t lane_number)
{
    struct prove_lane *lane = &state->lane[lane_number];
    const uint32_t action = state->action[lane_number], atoms = state->shape.atoms;
    check(action < state->count[lane_number]);
    const size_t place = (size_t)lane_number * state->shape.successors + action;
    const struct atom *chosen = state->successor + place * atoms;
    lane->logprob += state->action_logprob[lane_number];
    lane->digest = outcome_digest(lane->digest, action);
    const int end = end_of(state, chosen, ++state->step[lane_number]);
    if (end) {
        end_search(state, lane_number, end);
        return;
    }
    memcpy(lane_state(state, lane_number), chosen, atoms * sizeof(*chosen));
    lane->hash = state->successor_hash[place];
}

const char *prove_item_name(const struct prove_state *state, const struct prove_item *item,
                            char *text, size_t size)
{
    const struct theory *theory = state->theory;
    const struct item_target *target = &state->items.target[item->target];
    (void)snprintf(text, size, "%.200s: query %u, %s: %.100s(%.100s,%.100s)",
                   split_evaluated_path(state->job.settings),
                   theory->evaluated.line[target->triple], item_side_name[target->side],
                   vocab_label(theory->predicates, item->triple.relation),
                   vocab_label(theory->constants, item->triple.head),
                   vocab_label(theory->constants, item->triple.tail));
    return text;
}

enum err prove_commit_lanes(struct prove_state *state)
{
    char name[PROVE_NAME_BYTES];
    for (uint32_t i = 0; i < state->live; i++) {
        const uint32_t lane = state->lane_list[i];
        if (state->action[lane] == CHOOSE_NO_ACTION)
            return err_note(ERR_INPUT,
                            "prove: %s: at step %u the policy's score of a successor is not a "
                            "finite number; mend the model",
                            prove_item_name(state, &state->lane[lane].item, name, sizeof(name)),
                            state->step[lane] + 1);
        commit(state, lane);
    }
    return OK;
}
