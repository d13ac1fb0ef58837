/*
 * codes - encodings of states, kept by content, so that no state goes through the network twice
 * while it is remembered.
 *
 *     codes_begin (a step) --> codes_find ... --> encode what is fresh --> use the slots
 *
 * Two generations of `most` slots. A state is looked for in the young one, then in the old one,
 * from which it is copied; else it gets a fresh slot. When the young one might not hold what one
 * step needs, it becomes the old one, and what was old is forgotten. So memory is fixed, a slot
 * found stays for the whole step, and what recurs stays. Keys are compared whole.
 *
 * Since a code is a function of its state alone, this changes no result.
 *
 * Owner:   the memory is the caller's. Threads: one.
 */
#ifndef WORKER_PROGRAM_CODES_H
#define WORKER_PROGRAM_CODES_H

#include "common/atom.h"

/* Of a generation: slots of both, and their tables, are counted in 32 bits. */
#define CODES_MOST (UINT32_MAX / 8)

struct codes {
    uint32_t atoms, width; /* of a key; of a code, padded */
    uint32_t most;         /* slots of a generation */
    uint32_t used[2];      /* of each */
    int young;
    uint32_t slot_mask;
    uint32_t *table[2]; /* [slot_mask + 1], slot + 1; 0: empty */
    uint64_t *hash;     /* [2 most] */
    struct atom *key;   /* [2 most][atoms] */
    float *code;        /* [2 most][width] */
    uint32_t *fresh;    /* [most], slots whose codes are to be made, in this step */
    uint32_t fresh_count;
    uint64_t recalled; /* lookups that found a code, or one being made in this step; added to */
};

uint64_t codes_bytes(uint32_t atoms, uint32_t width, uint64_t most);
void codes_open(uint32_t atoms, uint32_t width, uint32_t most, void *memory, struct codes *out);

/* A step begins that will look for at most `needed` <= most different states. */
void codes_begin(struct codes *codes, uint32_t needed);

/* The slot of a padded state with this hash (derive_state_hash). */
uint32_t codes_find(struct codes *codes, const struct atom *state, uint64_t hash);

#endif
