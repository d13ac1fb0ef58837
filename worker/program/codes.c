#include "worker/program/codes.h"

#include "common/err.h"

#include <string.h>

enum { ALIGNMENT = 64, GENERATIONS = 2 };

/* A power of two, so that at most half of a table is filled. */
static uint64_t table_slots(uint64_t most)
{
    uint64_t slots = 2;
    while (slots < 2 * most) slots *= 2;
    return slots;
}

/* Memory that is handed out from the front; where there is none, it is only counted. */
struct space {
    uint8_t *at;
    uint64_t bytes;
};

static void *take(struct space *space, uint64_t count, uint64_t size)
{
    void *out = space->at ? space->at + space->bytes : NULL;
    space->bytes += (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return out;
}

static void lay_out(uint32_t atoms, uint32_t width, uint64_t most, struct space *space,
                    struct codes *out)
{
    const uint64_t all = GENERATIONS * most;
    out->code = take(space, all * width, sizeof(out->code[0]));
    out->key = take(space, all * atoms, sizeof(out->key[0]));
    out->hash = take(space, all, sizeof(out->hash[0]));
    for (int i = 0; i < GENERATIONS; i++)
        out->table[i] = take(space, table_slots(most), sizeof(out->table[0][0]));
    out->fresh = take(space, most, sizeof(out->fresh[0]));
}

uint64_t codes_bytes(uint32_t atoms, uint32_t width, uint64_t most)
{
    struct codes unused;
    struct space space = {.at = NULL};
    lay_out(atoms, width, most, &space, &unused);
    return space.bytes;
}

static void clear(struct codes *codes, int generation)
{
    memset(codes->table[generation], 0,
           (codes->slot_mask + UINT64_C(1)) * sizeof(codes->table[generation][0]));
    codes->used[generation] = 0;
}

void codes_open(uint32_t atoms, uint32_t width, uint32_t most, void *memory, struct codes *out)
{
    check(memory != NULL && atoms > 0 && most > 0 && most <= CODES_MOST);
    *out = (struct codes){
        .atoms = atoms,
        .width = width,
        .most = most,
        .slot_mask = (uint32_t)table_slots(most) - 1,
    };
    struct space space = {.at = memory};
    lay_out(atoms, width, most, &space, out);
    for (int i = 0; i < GENERATIONS; i++) clear(out, i);
}

void codes_begin(struct codes *codes, uint32_t needed)
{
    check(needed <= codes->most);
    codes->fresh_count = 0;
    if (codes->most - codes->used[codes->young] >= needed) return;
    codes->young = !codes->young;
    clear(codes, codes->young);
}

static bool same_state(const struct codes *codes, uint32_t slot, const struct atom *state)
{
    const struct atom *key = codes->key + (size_t)slot * codes->atoms;
    return memcmp(key, state, codes->atoms * sizeof(*state)) == 0;
}

/* The place in a generation's table that has the state, or the empty one where it would stand. */
static uint32_t *find_place(const struct codes *codes, int generation, const struct atom *state,
                            uint64_t hash)
{
    uint32_t *table = codes->table[generation];
    uint32_t at = (uint32_t)hash & codes->slot_mask;
    while (table[at] &&
           (codes->hash[table[at] - 1] != hash || !same_state(codes, table[at] - 1, state)))
        at = (at + 1) & codes->slot_mask;
    return &table[at];
}

uint32_t codes_find(struct codes *codes, const struct atom *state, uint64_t hash)
{
    uint32_t *place = find_place(codes, codes->young, state, hash);
    if (*place) {
        codes->recalled++;
        return *place - 1;
    }
    check(codes->used[codes->young] < codes->most);
    const uint32_t slot = (uint32_t)codes->young * codes->most + codes->used[codes->young]++;
    *place = slot + 1;
    codes->hash[slot] = hash;
    memcpy(codes->key + (size_t)slot * codes->atoms, state, codes->atoms * sizeof(*state));

    const uint32_t old = *find_place(codes, !codes->young, state, hash);
    if (old) {
        memcpy(codes->code + (size_t)slot * codes->width,
               codes->code + (size_t)(old - 1) * codes->width, codes->width * sizeof(float));
        codes->recalled++;
    } else
        codes->fresh[codes->fresh_count++] = slot;
    return slot;
}
