/*
 * derive_memory - the states that a search has visited, compared as sets of atoms: neither order
 * nor repetition counts. A hash of the set rejects quickly; only whole comparison says yes.
 */
#ifndef WORKER_STEP_DERIVE_MEMORY_H
#define WORKER_STEP_DERIVE_MEMORY_H

#include "worker/step/derive.h"

/* One lane's memory. */
struct derive_memory {
    uint32_t atoms, count, most;
    struct atom *state; /* [most][atoms], padded */
    uint64_t *hash;     /* [most] */
};

HD uint64_t derive_atom_mix(struct atom atom)
{
    uint64_t h = ((uint64_t)atom.first << 32 | atom.second) ^ (uint64_t)atom.predicate << 17;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    return h * UINT64_C(0xbf58476d1ce4e5b9);
}

HD bool derive_set_has(const struct atom *atoms, uint32_t count, struct atom atom)
{
    bool found = false;
    for (uint32_t i = 0; i < count; i++) found |= atom_equal(atoms[i], atom);
    return found;
}

/* Of the set of atoms: a sum, in which no atom counts twice. */
HD uint64_t derive_set_hash(const struct atom *atoms, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!derive_set_has(atoms, i, atoms[i])) sum += derive_atom_mix(atoms[i]);
    return sum;
}

HD bool derive_set_covers(const struct atom *a, uint32_t a_count, const struct atom *b,
                          uint32_t b_count)
{
    bool covers = true;
    for (uint32_t i = 0; covers && i < b_count; i++) covers = derive_set_has(a, a_count, b[i]);
    return covers;
}

/* A visited state is the same set as these atoms. */
HD bool derive_visited(const struct derive_memory *memory, const struct atom *atoms, uint32_t count)
{
    if (memory->count == 0) return false;
    const uint64_t hash = derive_set_hash(atoms, count);
    for (uint32_t v = 0; v < memory->count; v++) {
        if (memory->hash[v] != hash) continue;
        const struct atom *other = memory->state + (size_t)v * memory->atoms;
        const uint32_t other_count = atoms_count(other, memory->atoms);
        if (derive_set_covers(atoms, count, other, other_count) &&
            derive_set_covers(other, other_count, atoms, count))
            return true;
    }
    return false;
}

/* Adds a padded state; false if there is no room. */
HD bool derive_remember(struct derive_memory *memory, const struct atom *state)
{
    if (memory->count >= memory->most) return false;
    struct atom *to = memory->state + (size_t)memory->count * memory->atoms;
    for (uint32_t i = 0; i < memory->atoms; i++) to[i] = state[i];
    memory->hash[memory->count++] = derive_set_hash(state, atoms_count(state, memory->atoms));
    return true;
}

#endif
