/*
 * outcome - what became of one proof search; a unit of `prove` tallies one record for each place.
 *
 * As bytes a record has OUTCOME_BYTES: kind, end (a byte each), depth (two, little-endian), the
 * bits of the log-probability (four), the digest (eight). A unit's tally is the records of its
 * targets, place by place; places that are padding or known have records of zeros but for their
 * kind. Equal tallies have equal bytes.
 */
#ifndef COMMON_OUTCOME_H
#define COMMON_OUTCOME_H

#include "common/err.h"
#include "common/hd.h"

#include <stdint.h>

/* How a search ended; the letters are the export's. */
enum outcome_end { END_TRUE = 'T', END_FALSE = 'F', END_GIVE_UP = 'E', END_DEPTH = 'D' };

struct outcome {
    uint8_t kind;    /* enum item_kind of common/items.h */
    uint8_t end;     /* enum outcome_end; proved: END_TRUE */
    uint16_t depth;  /* steps taken */
    float logprob;   /* of the actions taken; 0 or less, finite */
    uint64_t digest; /* of the actions taken, in order: outcome_digest */
};

enum { OUTCOME_BYTES = 16 };
#define OUTCOME_UNPROVED (-100.0) /* added to the log-probability of what was not proved */

/* The score that candidates are ranked by: fp64, exact. */
HD double outcome_score(const struct outcome *outcome)
{
    return (double)outcome->logprob + (outcome->end == END_TRUE ? 0 : OUTCOME_UNPROVED);
}

/* The digest after one more action (its place among the successors); 0 before the first. The
 * finaliser is splitmix64's (Steele, Lea, Flood, OOPSLA 2014). */
HD uint64_t outcome_digest(uint64_t digest, uint32_t action)
{
    uint64_t x = digest + action + 1 + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void outcome_write(const struct outcome *outcome, uint8_t bytes[OUTCOME_BYTES]);
void outcome_read(const uint8_t bytes[OUTCOME_BYTES], struct outcome *out);

/* ERR_FORMAT unless the record can be true of a search of at most `depth_most` steps: what a
 * worker sent is checked before it is stored. */
MUST enum err outcome_check(const struct outcome *outcome, uint64_t depth_most);

#endif
