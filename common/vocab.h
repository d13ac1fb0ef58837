/*
 * vocab - labels and their numbers, both ways.
 *
 * The first `count` numbers are those of the map, 0 .. count-1, each once. Labels that a run
 * keeps though the map lacks them (unknown: keep) get the numbers from `count` on, in order of
 * appearance; they have no embedding.
 *
 * A map is read, or made from a file of triples, or gathered:
 *
 *     vocab_open --> vocab_enter ... (numbers in order of arrival) --> vocab_order (of bytes)
 *
 * Owner:   vocab_read, vocab_sort and vocab_open give, vocab_close takes. Labels are borrowed for
 *          the vocab's life.
 * Errors:  ERR_INPUT with file and line: a doubled label, an id missing, doubled or not a number.
 */
#ifndef COMMON_VOCAB_H
#define COMMON_VOCAB_H

#include "common/err.h"

#include <stdint.h>

#define VOCAB_NONE UINT32_MAX /* no number */

struct vocab;

/* Reads a map, lines of id<TAB>label, in any order, ids 0 .. n-1 each once. `what` is what the
 * messages call it: "entities". */
MUST enum err vocab_read(const char *path, const char *what, struct vocab **out);

/* The labels of one column (0, 1, 2) or two columns of a triples file, in byte order. */
MUST enum err vocab_sort(const char *triples_path, const int *columns, size_t column_count,
                         const char *what, struct vocab **out);
/* Without a label; vocab_enter gives a label that is new the next number of the map, and
 * vocab_order numbers all of them anew, in byte order. Neither may follow a vocab_add. */
MUST enum err vocab_open(struct vocab **out);
MUST enum err vocab_enter(struct vocab *vocab, const char *label, uint32_t *id);
MUST enum err vocab_order(struct vocab *vocab);
void vocab_close(struct vocab **vocab);

uint32_t vocab_count(const struct vocab *vocab); /* of the map, extra labels not counted */
uint32_t vocab_extra(const struct vocab *vocab); /* labels added since */
uint32_t vocab_find(const struct vocab *vocab, const char *label); /* VOCAB_NONE if absent */
const char *vocab_label(const struct vocab *vocab, uint32_t id);
MUST enum err vocab_add(struct vocab *vocab, const char *label, uint32_t *id);

#endif
