/* prove_units - the ring of loaded units. Those that have no place left to start are in front. */
#include "worker/program/prove_state.h"

#include <string.h>

static uint32_t slot_of(const struct prove_state *state, uint32_t number)
{
    return (state->first + number) % state->shape.unit_slots;
}

/* Enough is loaded when every lane could be refilled at once. */
bool prove_hungry(const void *self)
{
    const struct prove_state *state = self;
    return state->loaded < state->shape.unit_slots && state->waiting < state->shape.lanes;
}

enum err prove_load(void *self, uint64_t number)
{
    struct prove_state *state = self;
    const uint64_t units = items_rows(&state->items) * items_columns(&state->items);
    check(prove_hungry(state));
    if (number >= units)
        return err_note(ERR_FAILED, "prove: unit %llu: there are only %llu",
                        (unsigned long long)number, (unsigned long long)units);
    struct prove_unit *unit = &state->unit[slot_of(state, state->loaded)];
    unit->span = items_span(&state->items, number);
    unit->places = unit->span.target_count * unit->span.place_count;
    unit->started = unit->ended = 0;
    check(unit->places > 0 && unit->places <= state->shape.unit_records);
    state->loaded++;
    state->waiting += unit->places;
    return OK;
}

bool prove_finished(const void *self)
{
    const struct prove_state *state = self;
    const struct prove_unit *oldest = &state->unit[state->first];
    return state->loaded > 0 && oldest->ended == oldest->places;
}

void prove_record(struct prove_state *state, uint32_t slot, uint64_t record,
                  const struct outcome *outcome)
{
    struct prove_unit *unit = &state->unit[slot];
    check(record < unit->started && unit->ended < unit->started);
    outcome_write(outcome, unit->record + record * OUTCOME_BYTES);
    unit->ended++;
}

/* Starts the next place of the unit in slot `slot`. */
static void start_place(struct prove_state *state, uint32_t slot, struct prove_item *out)
{
    struct prove_unit *unit = &state->unit[slot];
    const uint64_t record = unit->started++;
    out->unit = slot;
    out->record = record;
    out->target = unit->span.first_target + (uint32_t)(record / unit->span.place_count);
    out->place = unit->span.first_place + record % unit->span.place_count;
    out->kind = items_at(&state->items, out->target, out->place, &out->triple);
    state->waiting--;
    if (unit->started == unit->places) state->started++;
}

bool prove_next_item(struct prove_state *state, struct prove_item *out)
{
    while (state->started < state->loaded) {
        start_place(state, slot_of(state, state->started), out);
        if (out->kind == ITEM_TRUE || out->kind == ITEM_CANDIDATE) return true;
        const struct outcome skipped = {.kind = (uint8_t)out->kind};
        prove_record(state, out->unit, out->record, &skipped);
    }
    return false;
}

void prove_let_oldest_go(struct prove_state *state)
{
    check(prove_finished(state) && state->started > 0);
    state->first = slot_of(state, 1);
    state->loaded--;
    state->started--;
}

void prove_let_all_go(struct prove_state *state)
{
    for (uint32_t lane = 0; lane < state->shape.lanes; lane++)
        state->lane[lane].item.unit = PROVE_EMPTY;
    state->first = state->loaded = state->started = state->live = 0;
    state->waiting = 0;
    state->batch_steps = 0;
    state->work = (struct program_work){0};
}
