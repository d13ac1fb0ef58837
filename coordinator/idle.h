/*
 * idle - tells what a search's inputs say without an effect, in lines `millrace: note: ...`.
 *
 * None of it is wrong in itself, so that none is refused; but most of it is a misspelt word or a
 * file of other data, and the answer would be well-formed and not what was meant:
 *
 *     rules    a body predicate that no fact and no rule's head has; in the form with an arrow, a
 *              variable that begins with a digit and is a constant of the data
 *     depths   a file of which no label is of an evaluated line
 *     domains  words that the data lack; constants in more than one domain, where that matters
 *
 * Of notes that are a line for each case, five are told, and then how many there are more.
 */
#ifndef COORDINATOR_IDLE_H
#define COORDINATOR_IDLE_H

#include "common/theory.h"

#include <stdio.h>

/* `theory`, opened with THEORY_PLAN, is of `settings`. */
void idle_tell(const struct settings *settings, const struct theory *theory, FILE *out);

#endif
