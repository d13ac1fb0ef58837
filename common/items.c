#include "common/items.h"

#include "common/outcome.h"
#include "common/permute.h"
#include "common/prove_shape.h"
#include "common/splits.h"
#include "common/wire.h"
#include "common/numbers.h"

#include <stdlib.h>

enum {
    UNIT_LANES = 20,   /* items of a unit for each lane: below that, refilling gains little */
    UNITS_WISHED = 16, /* so that a few workers can share a run */
    UNIT_LEAST = 256,  /* items, as far as there are so many */
    UNIT_MOST = WIRE_BYTES_MAX / OUTCOME_BYTES, /* a unit's tally is one message */
};

/* The permutation that orders targets: "searches" as the eight bytes of the word. The streams of
 * samples are below 2^34. */
#define ITEMS_STREAM UINT64_C(0x7365617263686573)
#define SAMPLES_ALL UINT32_MAX

const char *const item_side_name[ITEM_SIDES] = {"head", "tail", "both"};

/* The choices of settings, by their place in schema/run.def. */
enum { CANDIDATES_ALL = 0 };

/* What one side of a target's triple may be replaced by. */
struct others {
    const struct domain *domain;
    uint32_t truth;  /* place of the true one in it; its count if it is no member */
    uint32_t count;  /* members without it */
    uint32_t places; /* of them, those that the target's list has; 0 leaves the rest unset */
};

static uint32_t entity_of(const struct triple *triple, enum side side)
{
    return side == SIDE_HEAD ? triple->head : triple->tail;
}

/* Candidates of `side` in a target's list, as far as its domain has so many. */
static uint32_t share_of(const struct items *items, const struct item_target *target,
                         enum side side)
{
    if (target->side != ITEM_BOTH) return target->side == (uint8_t)side ? items->samples : 0;
    if (items->samples == SAMPLES_ALL) return SAMPLES_ALL;
    return items->samples / 2 + (side == SIDE_HEAD ? items->samples % 2 : 0);
}

static const struct domain *domain_of(const struct items *items, const struct item_target *target,
                                      enum side side)
{
    const struct triple *triple = &items->theory->evaluated.at[target->triple];
    return domains_of(&items->theory->domains, triple->relation, side, entity_of(triple, side));
}

static struct others find_others(const struct items *items, const struct item_target *target,
                                 enum side side)
{
    struct others others = {0};
    const uint32_t share = share_of(items, target, side);
    if (share == 0) return others;
    const struct triple *triple = &items->theory->evaluated.at[target->triple];
    others.domain = domain_of(items, target, side);
    check(others.domain); /* items_open looked */
    others.truth = domain_place(others.domain, entity_of(triple, side));
    others.count = others.domain->count - (others.truth < others.domain->count);
    others.places = (uint32_t)numbers_least(share, others.count);
    return others;
}

/* Targets appear line by line, of each line the head before the tail; the one that appears as
 * k-th, from 0, of n becomes number permute(seed, ITEMS_STREAM, n, k). */
static void write_targets(uint64_t sides, struct items *items)
{
    uint64_t appeared = 0;
    for (uint32_t line = 0; line < items->theory->evaluated.count; line++)
        for (uint8_t side = 0; side < ITEM_SIDES; side++) {
            if (!(sides >> side & 1)) continue;
            const uint64_t number =
                permute(items->seed, ITEMS_STREAM, items->target_count, appeared++);
            items->target[number] = (struct item_target){line, side};
        }
}

/* `sides`: bit ITEM_HEAD, bit ITEM_TAIL, bit ITEM_BOTH. */
static enum err make_targets(uint64_t sides, struct items *items)
{
    uint64_t count = 0;
    for (unsigned side = 0; side < ITEM_SIDES; side++)
        count += (sides >> side & 1) * items->theory->evaluated.count;
    if (count > UINT32_MAX)
        return err_note(ERR_INPUT, "queries: %u triples to prove; that is too many",
                        items->theory->evaluated.count);
    items->target = malloc((count + 1) * sizeof *items->target);
    if (!items->target)
        return err_note(ERR_MEMORY, "queries: not enough memory for %llu targets",
                        (unsigned long long)count);
    items->target_count = (uint32_t)count;
    write_targets(sides, items);
    return OK;
}

/* Entities that are to be replaced must be in a domain. */
static enum err check_target(const struct settings *settings, const struct items *items,
                             uint32_t target)
{
    const struct theory *theory = items->theory;
    const struct item_target *self = &items->target[target];
    for (enum side side = 0; side < SIDES; side++) {
        if (share_of(items, self, side) == 0 || domain_of(items, self, side)) continue;
        const uint32_t entity = entity_of(&theory->evaluated.at[self->triple], side);
        return err_note(ERR_INPUT,
                        "domains: %s: no domain has `%.200s`, the %s of %s:%llu; add it to one, or "
                        "leave that line out",
                        settings_text(settings, SET_domains),
                        vocab_label(theory->constants, entity), side_name[side],
                        split_evaluated_path(settings),
                        (unsigned long long)theory->evaluated.line[self->triple] + 1);
    }
    return OK;
}

/* Checks the targets and counts their places. */
static enum err count_places(const struct settings *settings, struct items *items)
{
    items->places = 1;
    for (uint32_t target = 0; target < items->target_count; target++) {
        const enum err err = check_target(settings, items, target);
        if (err) return err;
        items->places = numbers_most(items->places, items_places(items, target));
    }
    if (items->places > INT64_MAX / numbers_most(items->target_count, 1))
        return err_note(ERR_INPUT,
                        "queries: %u targets with up to %llu candidates each; that is too many",
                        items->target_count, (unsigned long long)items->places);
    for (uint32_t target = 0; target < items->target_count; target++)
        items->total += items_places(items, target);
    return OK;
}

/* Enough to keep all lanes busy, yet small enough that the grid has some units to share. */
static uint64_t choose_unit_items(const struct settings *settings, const struct items *items)
{
    const uint64_t grid = items->target_count * items->places;
    const uint64_t by_lanes = UNIT_LANES * prove_lanes(settings);
    const uint64_t by_count = numbers_ceiling(grid, UNITS_WISHED);
    return numbers_least(numbers_most(numbers_least(by_lanes, by_count), UNIT_LEAST), UNIT_MOST);
}

static void cut(const struct settings *settings, struct items *items)
{
    uint64_t unit_items = settings_count(settings, SET_unit_items);
    if (unit_items == 0) unit_items = choose_unit_items(settings, items);
    items->unit_candidates = numbers_least(unit_items, items->places);
    items->unit_targets =
        numbers_least(unit_items / items->unit_candidates, numbers_most(items->target_count, 1));
}

static uint64_t choose_sides(const struct settings *settings)
{
    const int mode = settings_choice(settings, SET_mode);
    return mode < 0 ? settings_choices(settings, SET_sides) : UINT64_C(1) << mode;
}

enum err items_open(const struct settings *settings, const struct theory *theory, struct items *out)
{
    const bool all = settings_choice(settings, SET_candidates) == CANDIDATES_ALL;
    *out = (struct items){
        .theory = theory,
        .seed = settings_count(settings, SET_seed),
        .samples = all ? SAMPLES_ALL : (uint32_t)settings_count(settings, SET_samples),
    };
    enum err err = make_targets(choose_sides(settings), out);
    if (!err) err = count_places(settings, out);
    if (!err) cut(settings, out);
    if (err) items_close(out);
    return err;
}

void items_close(struct items *items)
{
    free(items->target);
    *items = (struct items){0};
}

uint64_t items_rows(const struct items *items)
{
    return numbers_ceiling(items->target_count, items->unit_targets);
}

uint64_t items_columns(const struct items *items)
{
    return numbers_ceiling(items->places, items->unit_candidates);
}

struct item_span items_span(const struct items *items, uint64_t unit)
{
    const uint64_t columns = items_columns(items);
    check(unit / columns < items_rows(items));
    const uint64_t first_target = unit / columns * items->unit_targets;
    const uint64_t first_place = unit % columns * items->unit_candidates;
    return (struct item_span){
        .first_target = (uint32_t)first_target,
        .target_count =
            (uint32_t)numbers_least(items->unit_targets, items->target_count - first_target),
        .first_place = first_place,
        .place_count = numbers_least(items->unit_candidates, items->places - first_place),
    };
}

uint64_t items_places(const struct items *items, uint32_t target)
{
    check(target < items->target_count);
    uint64_t places = 1;
    for (enum side side = 0; side < SIDES; side++)
        places += find_others(items, &items->target[target], side).places;
    return places;
}

/* Candidate number `k`, from 0, of a side's share. */
static uint32_t draw(const struct items *items, const struct item_target *target, enum side side,
                     const struct others *others, uint32_t k)
{
    uint64_t place = k;
    if (items->samples != SAMPLES_ALL) {
        const uint64_t line = items->theory->evaluated.line[target->triple];
        place = permute(items->seed, ITEM_SIDES * line + side, others->count, k);
    }
    if (place >= others->truth) place++;
    return domain_member(others->domain, (uint32_t)place);
}

static bool is_known(const struct known *known, const struct triple *triple, enum side side)
{
    const bool head = side == SIDE_HEAD;
    const uint32_t entity = entity_of(triple, side);
    uint32_t count;
    const uint32_t *answer =
        known_answers(known, side, head ? triple->tail : triple->head, triple->relation, &count);
    const uint32_t place = numbers_place(answer, count, entity);
    return place < count && answer[place] == entity;
}

enum item_kind items_at(const struct items *items, uint32_t target, uint64_t place,
                        struct triple *at)
{
    check(target < items->target_count);
    const struct item_target *self = &items->target[target];
    const struct triple truth = items->theory->evaluated.at[self->triple];
    if (place == 0) *at = truth;
    if (place == 0) return ITEM_TRUE;

    uint64_t k = place - 1;
    for (enum side side = 0; side < SIDES; side++) {
        const struct others others = find_others(items, self, side);
        if (k >= others.places) {
            k -= others.places;
            continue;
        }
        const uint32_t entity = draw(items, self, side, &others, (uint32_t)k);
        check(entity != entity_of(&truth, side));
        *at = truth;
        *(side == SIDE_HEAD ? &at->head : &at->tail) = entity;
        const struct known *known = items->theory->known;
        return known && is_known(known, at, side) ? ITEM_KNOWN : ITEM_CANDIDATE;
    }
    return ITEM_NONE;
}

uint64_t items_stream(const struct items *items, uint32_t target)
{
    check(target < items->target_count);
    const struct item_target *self = &items->target[target];
    return ITEM_SIDES * (uint64_t)items->theory->evaluated.line[self->triple] + self->side;
}
