/*
 * remarks - what an input file says without an effect: how often, and where it does first.
 *
 * A reader that passes such a thing over counts it; whoever talks to the user tells of it.
 *
 * Owner:   a struct remarks owns nothing; all zeros is one without a remark.
 */
#ifndef COMMON_REMARKS_H
#define COMMON_REMARKS_H

#include <stdint.h>

enum { REMARKS_KEPT = 5, REMARK_WORD_SIZE = 81 };

struct remark {
    uint64_t line;               /* from 1 */
    char word[REMARK_WORD_SIZE]; /* what it is about; the end of a longer one is cut off */
};

struct remarks {
    uint64_t count;
    struct remark first[REMARKS_KEPT]; /* those of the first lines, as many as there are */
};

/* Lines may come in any order. Of one line, the remarks keep the order in which they come. */
void remarks_add(struct remarks *remarks, uint64_t line, const char *word);

/* How many of them are kept. */
uint64_t remarks_kept(const struct remarks *remarks);

#endif
