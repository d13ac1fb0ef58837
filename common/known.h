/*
 * known - the filter: which answers to a question are known to be true.
 *
 * Built once from all triples of the filter's files; answers are sorted and each stands once.
 *
 * Owner:   known_open gives, known_close takes. It copies the triples it is given.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_KNOWN_H
#define COMMON_KNOWN_H

#include "common/triples.h"

enum side { SIDE_HEAD, SIDE_TAIL, SIDES }; /* the slot that is asked for; as in schema/run.def */

extern const char *const side_name[SIDES]; /* "head", "tail" */

struct known;

/* `sets` are the filter's files; none (count 0) makes an empty filter. */
MUST enum err known_open(const struct triples *const *sets, size_t count, struct known **out);
void known_close(struct known **known);

/* The known answers to (side, anchor, relation): `*count` of them, ascending, borrowed. */
const uint32_t *known_answers(const struct known *known, enum side side, uint32_t anchor,
                              uint32_t relation, uint32_t *count);

#endif
