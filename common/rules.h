/*
 * rules - the clauses head <- body of a proof search, read from a file.
 *
 * Two ways to write one, a line each; weights and ids are read and not used:
 *
 *     r0:0.7475:brother(a,h), mother(b,h) -> son(a,b)      every argument is a variable
 *     son(A,B) :- brother(A,H), mother(B,H).               as in Prolog: variables begin with a
 *                                                          capital or _; others are constants
 *
 * The dot may be left out, and blanks stand anywhere between words. Empty lines and lines that
 * begin with % are passed over. A name is one variable all over the file, whatever its case in the
 * first form (of a to z), but each _ is one of its own: variables get the numbers C+1, C+2, ... in
 * the order of their first occurrence, the head of a rule before its body.
 *
 * Owner:   rules_read gives, rules_close takes. The vocabs are borrowed for the call.
 * Errors:  ERR_INPUT with file and line: no rule, no id or weight before an arrow, an atom without
 *          two arguments, an empty body or one of more than RULES_BODY_MOST atoms, a predicate or
 *          constant that the data lack (with what to do); a file without a rule; ERR_IO.
 */
#ifndef COMMON_RULES_H
#define COMMON_RULES_H

#include "common/atom.h"
#include "common/remarks.h"
#include "common/vocab.h"

enum { RULES_BODY_MOST = 64 };

struct rule {
    struct atom head;
    uint32_t first_body, body_count; /* its body: rules.body[first_body ..] */
    uint32_t line;                   /* from 1 */
};

struct rules {
    struct rule *at; /* [count], by head predicate, within one in the order of the file */
    uint32_t *start; /* [predicates + 2]: those with head predicate p are start[p] .. start[p+1] */
    struct atom *body; /* [body_total] */
    uint32_t count, body_total;
    uint32_t body_most;    /* atoms of the longest body */
    uint32_t variables;    /* distinct names: C+1 .. C+variables */
    struct remarks digits; /* variables that begin with a digit and have the name of a constant,
                              the first of each rule */
};

/* Only the predicates' names, so that they can be numbered: adds those it lacks to `predicates`
 * (vocab_enter). */
MUST enum err rules_name(const char *path, struct vocab *predicates);

/* Numbers of words are their vocab numbers + 1. */
MUST enum err rules_read(const char *path, const struct vocab *constants,
                         const struct vocab *predicates, struct rules *out);
void rules_close(struct rules *rules);

#endif
