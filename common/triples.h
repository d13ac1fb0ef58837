/*
 * triples - a file of triples, as numbers.
 *
 * Lines of head<TAB>relation<TAB>tail. The first line tells what the file holds: labels if its
 * three words are labels of the maps, else ids if all three are decimal numbers, else labels
 * (one of which is unknown). From then on every line must keep to it.
 *
 * A word that the maps lack: UNKNOWN_ERROR refuses the file with file, line and word;
 * UNKNOWN_DROP leaves the line out and counts it; UNKNOWN_KEEP adds the label to the vocab, so
 * that it gets a number without an embedding. Ids out of range are refused in every case.
 *
 * Owner:   triples_read gives, triples_close takes.
 * Errors:  ERR_INPUT with file and line, ERR_IO when the file cannot be read.
 */
#ifndef COMMON_TRIPLES_H
#define COMMON_TRIPLES_H

#include "common/vocab.h"

enum unknown_policy { UNKNOWN_ERROR, UNKNOWN_DROP, UNKNOWN_KEEP }; /* as in schema/run.def */

struct triple {
    uint32_t head, relation, tail;
};

struct triples {
    struct triple *at; /* [count], in the order of the file */
    uint32_t *line;    /* [count], line of the file from 0: dropped ones leave gaps */
    uint32_t count;
    uint64_t dropped; /* lines left out because of an unknown word */
    uint64_t kept;    /* lines kept although they hold an unknown word */
    bool ids;         /* the file holds ids, not labels */
};

/* Reads at most `limit` lines (0: all). `what` is what messages call it: "train". */
MUST enum err triples_read(const char *path, const char *what, enum unknown_policy policy,
                           uint64_t limit, struct vocab *entities, struct vocab *relations,
                           struct triples *out);
void triples_close(struct triples *triples);

/* Sorts by head, then relation, then tail. Time and memory grow with `count` and with the
 * largest number, so these are meant to be numbers of vocabs and places in lists. */
MUST enum err triples_order(struct triple *at, size_t count);

#endif
