#include "common/facts.h"

#include "common/triples.h"

#include <stdlib.h>

enum { FACTS_MOST = 1 << 30 }; /* so that a table's size fits its mask */

static enum err no_memory(uint32_t count)
{
    return err_note(ERR_MEMORY, "facts: not enough memory for %u facts", count);
}

/* The least power of two that leaves half of a table empty, and a slot of an empty one. */
static size_t slots_for(size_t entries)
{
    size_t slots = 2;
    while (slots < 2 * entries) slots *= 2;
    return slots;
}

/* The triples (predicate, first, second), or (predicate, second, first), in this order. */
static enum err sort(const struct atom *atoms, uint32_t count, bool by_second, struct triple *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct atom atom = atoms[i];
        out[i] = by_second ? (struct triple){atom.predicate, atom.second, atom.first}
                           : (struct triple){atom.predicate, atom.first, atom.second};
    }
    return triples_order(out, count);
}

/* Leaves the first of those that are equal; they are in order. */
static uint32_t drop_equal(struct triple *at, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct triple *last = kept ? &at[kept - 1] : NULL;
        const bool again = last && last->head == at[i].head && last->relation == at[i].relation &&
                           last->tail == at[i].tail;
        if (!again) at[kept++] = at[i];
    }
    return kept;
}

static bool opens_group(const struct triple *at, uint32_t i)
{
    return i == 0 || at[i].head != at[i - 1].head || at[i].relation != at[i - 1].relation;
}

static uint32_t count_groups(const struct triple *at, uint32_t count)
{
    uint32_t groups = 0;
    for (uint32_t i = 0; i < count; i++) groups += opens_group(at, i);
    return groups;
}

/* Allocates all arrays, of a size that the counts give; the slots are empty. */
static enum err allocate(struct facts *facts, uint32_t groups)
{
    const size_t room = (size_t)facts->count + 1;
    const size_t slots = slots_for(groups), members = slots_for(facts->count);
    facts->slot_mask = (uint32_t)(slots - 1);
    facts->member_mask = (uint32_t)(members - 1);
    facts->predicate_start = calloc((size_t)facts->predicates + 2, sizeof *facts->predicate_start);
    facts->by_first = malloc(room * sizeof *facts->by_first);
    facts->by_second = malloc(room * sizeof *facts->by_second);
    facts->first_slot = calloc(slots, sizeof *facts->first_slot);
    facts->second_slot = calloc(slots, sizeof *facts->second_slot);
    facts->member = calloc(members, sizeof *facts->member);
    const bool complete = facts->predicate_start && facts->by_first && facts->by_second &&
                          facts->first_slot && facts->second_slot && facts->member;
    return complete ? OK : no_memory(facts->count);
}

/* Enters the groups of one argument, whose pairs are at the places of `at`. */
static void fill_slots(const struct triple *at, uint32_t count, uint32_t mask,
                       struct facts_slot *slots)
{
    struct facts_slot *slot = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (opens_group(at, i)) {
            uint32_t place = facts_hash(at[i].head, at[i].relation, 0) & mask;
            while (slots[place].predicate) place = (place + 1) & mask;
            slot = &slots[place];
            *slot = (struct facts_slot){at[i].head, at[i].relation, i, 0};
        }
        slot->count++;
    }
}

static void fill_members(const struct triple *at, uint32_t count, struct facts *facts)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct atom atom = {at[i].head, at[i].relation, at[i].tail};
        uint32_t place = facts_hash(atom.predicate, atom.first, atom.second) & facts->member_mask;
        while (facts->member[place].predicate) place = (place + 1) & facts->member_mask;
        facts->member[place] = atom;
    }
}

static void fill(const struct triple *by_first, const struct triple *by_second, struct facts *facts)
{
    const uint32_t count = facts->count;
    for (uint32_t i = 0; i < count; i++) {
        facts->predicate_start[by_first[i].head + 1]++;
        facts->by_first[i] = (struct facts_pair){by_first[i].relation, by_first[i].tail};
        facts->by_second[i] = (struct facts_pair){by_second[i].tail, by_second[i].relation};
    }
    for (uint32_t p = 1; p < facts->predicates + 2; p++)
        facts->predicate_start[p] += facts->predicate_start[p - 1];
    fill_slots(by_first, count, facts->slot_mask, facts->first_slot);
    fill_slots(by_second, count, facts->slot_mask, facts->second_slot);
    fill_members(by_first, count, facts);
}

enum err facts_open(const struct atom *atoms, uint32_t count, uint32_t predicates,
                    struct facts *out)
{
    *out = (struct facts){.predicates = predicates};
    for (uint32_t i = 0; i < count; i++)
        check(atoms[i].predicate >= 1 && atoms[i].predicate <= predicates);
    struct triple *by_first = malloc(((size_t)count + 1) * sizeof *by_first);
    struct triple *by_second = malloc(((size_t)count + 1) * sizeof *by_second);

    enum err err = by_first && by_second && count <= FACTS_MOST ? OK : no_memory(count);
    if (!err) err = sort(atoms, count, false, by_first);
    if (!err) err = sort(atoms, count, true, by_second);
    if (!err) {
        out->count = drop_equal(by_first, count);
        check(drop_equal(by_second, count) == out->count);
        const uint32_t first = count_groups(by_first, out->count);
        const uint32_t second = count_groups(by_second, out->count);
        err = allocate(out, first > second ? first : second);
    }
    if (!err) fill(by_first, by_second, out);

    free(by_first);
    free(by_second);
    if (err) facts_close(out);
    return err;
}

void facts_close(struct facts *facts)
{
    free(facts->predicate_start);
    free(facts->by_first);
    free(facts->by_second);
    free(facts->first_slot);
    free(facts->second_slot);
    free(facts->member);
    *facts = (struct facts){0};
}

uint64_t facts_bytes(const struct facts *facts)
{
    const uint64_t pairs = (uint64_t)facts->count + 1;
    const uint64_t slots = (uint64_t)facts->slot_mask + 1;
    const uint64_t members = (uint64_t)facts->member_mask + 1;
    return ((uint64_t)facts->predicates + 2) * sizeof *facts->predicate_start +
           2 * pairs * sizeof *facts->by_first + 2 * slots * sizeof *facts->first_slot +
           members * sizeof *facts->member;
}
