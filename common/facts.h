/*
 * facts - the ground atoms that a proof search may use, indexed by what a goal gives.
 *
 * Each fact stands once, in the order of (predicate, first, second); that order is the order of
 * the successors a goal gets. Lookups take one probe of an open-addressing table (key: predicate
 * and argument) and give a span; membership takes one probe, too. Keys are compared whole.
 *
 * Owner:   facts_open gives, facts_close takes; it copies the atoms.
 * Errors:  ERR_MEMORY.
 * Threads: reading from several is fine. All arrays are plain, so that a device can have a copy.
 */
#ifndef COMMON_FACTS_H
#define COMMON_FACTS_H

#include "common/atom.h"
#include "common/err.h"

struct facts_pair {
    uint32_t first, second; /* arguments */
};

/* `count` pairs from `at` on, borrowed, in the order of the facts. */
struct facts_span {
    const struct facts_pair *at;
    uint32_t count;
};

struct facts_slot {
    uint32_t predicate, argument; /* key; predicate 0: empty */
    uint32_t start, count;
};

struct facts {
    uint32_t count, predicates;
    uint32_t *predicate_start;    /* [predicates + 2]: facts of p are start[p] .. start[p+1] */
    struct facts_pair *by_first;  /* [count], ordered by predicate, first, second */
    struct facts_pair *by_second; /* [count], ordered by predicate, second, first */
    struct facts_slot *first_slot, *second_slot; /* [slots] */
    struct atom *member;                         /* [member_slots], predicate 0: empty */
    uint32_t slot_mask, member_mask;             /* sizes, powers of two, less 1 */
};

/* `atoms` in any order, perhaps more than once; predicates 1 .. predicates. */
MUST enum err facts_open(const struct atom *atoms, uint32_t count, uint32_t predicates,
                         struct facts *out);
void facts_close(struct facts *facts);
uint64_t facts_bytes(const struct facts *facts); /* of memory they hold */

/* A 32-bit mix of three words, for the tables. */
HD uint32_t facts_hash(uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t h = (((uint64_t)a << 32 | b) ^ (uint64_t)c << 17) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

HD bool facts_has(const struct facts *facts, struct atom atom)
{
    uint32_t at = facts_hash(atom.predicate, atom.first, atom.second) & facts->member_mask;
    while (facts->member[at].predicate && !atom_equal(facts->member[at], atom))
        at = (at + 1) & facts->member_mask;
    return facts->member[at].predicate != 0;
}

HD struct facts_span facts_of(const struct facts *facts, uint32_t predicate)
{
    const uint32_t start = facts->predicate_start[predicate];
    return (struct facts_span){facts->by_first + start,
                               facts->predicate_start[predicate + 1] - start};
}

HD struct facts_span facts_find(const struct facts_slot *slots, uint32_t mask,
                                const struct facts_pair *pairs, uint32_t predicate,
                                uint32_t argument)
{
    uint32_t at = facts_hash(predicate, argument, 0) & mask;
    while (slots[at].predicate &&
           (slots[at].predicate != predicate || slots[at].argument != argument))
        at = (at + 1) & mask;
    const bool found = slots[at].predicate != 0;
    return (struct facts_span){pairs + slots[at].start, found ? slots[at].count : 0};
}

/* The facts predicate(first, ?), and predicate(?, second). */
HD struct facts_span facts_with_first(const struct facts *facts, uint32_t predicate, uint32_t first)
{
    return facts_find(facts->first_slot, facts->slot_mask, facts->by_first, predicate, first);
}

HD struct facts_span facts_with_second(const struct facts *facts, uint32_t predicate,
                                       uint32_t second)
{
    return facts_find(facts->second_slot, facts->slot_mask, facts->by_second, predicate, second);
}

#endif
