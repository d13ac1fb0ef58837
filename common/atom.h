/*
 * atom - one literal of a proof search, predicate(first, second), as numbers.
 *
 * Numbers begin at 1; 0 is padding everywhere. With C constants and P predicates:
 *
 *     1 .. C          constants; C+1 and up: variables
 *     1 .. P          predicates; P+1, P+2, P+3: the ends below, whose arguments are 0
 *
 * A state is up to `atoms` of them, left-aligned, padded with zeros; the first is the goal. A
 * state of one end is terminal. Order counts: goals are never sorted.
 */
#ifndef COMMON_ATOM_H
#define COMMON_ATOM_H

#include "common/hd.h"

#include <stdbool.h>
#include <stdint.h>

struct atom {
    uint32_t predicate, first, second;
};

/* What stands after the last predicate P: ATOM_TRUE is predicate P + 1, and so on. */
enum atom_end { ATOM_TRUE = 1, ATOM_FALSE, ATOM_GIVE_UP, ATOM_ENDS = ATOM_GIVE_UP };

HD bool atom_equal(struct atom a, struct atom b)
{
    return a.predicate == b.predicate && a.first == b.first && a.second == b.second;
}

/* How many atoms a padded state has. */
HD uint32_t atoms_count(const struct atom *state, uint32_t atoms)
{
    uint32_t count = 0;
    while (count < atoms && state[count].predicate) count++;
    return count;
}

#endif
