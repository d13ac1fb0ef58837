/*
 * theory - everything a proof search reads but its network, read once and checked whole before
 * work begins. What dataset.h is to ranking.
 *
 * Constants are the distinct arguments of facts, train, valid and test, as far as they are given,
 * sorted as bytes; predicates those of the same files and of the rules. So vocab number i is
 * constant i + 1 in an atom, on both sides. A file of queries of its own is read with these
 * numbers: words that it has alone are what the setting `unknown` is about.
 *
 * Facts are those of `facts`, of train where that is not given. The filter is of the splits that
 * the setting `filter` names, which may have other triples than the facts.
 *
 * Every file that is given is read in both uses (depth labels in one), so that a broken one is
 * found before work begins.
 *
 * Owner:   theory_open gives, theory_close takes. `settings` is borrowed for the call.
 * Errors:  ERR_INPUT or ERR_IO, with a note naming file and line, found and expected. Depth labels
 *          may be of other atoms, which are passed over, but not two that differ of one atom.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_THEORY_H
#define COMMON_THEORY_H

#include "common/domains.h"
#include "common/facts.h"
#include "common/known.h"
#include "common/rules.h"
#include "common/settings.h"

/* PLAN leaves out what only searching needs (index of facts, filter); SEARCH the depth labels. */
enum theory_use { THEORY_PLAN, THEORY_SEARCH };

enum { THEORY_UNLABELLED = INT32_MIN };

struct theory {
    struct vocab *constants, *predicates;
    uint32_t constant_count, predicate_count; /* C and P of common/atom.h */
    struct facts facts;                       /* SEARCH */
    uint32_t fact_count;                      /* lines of the file of facts */
    struct rules rules;
    struct domains domains;
    struct triples evaluated; /* words as numbers of the vocabs, from 0 */
    struct known *known;      /* the filter; SEARCH, NULL for PLAN */
    int32_t *depth;           /* [evaluated.count], -1: not provable, THEORY_UNLABELLED; PLAN, NULL
                                 without a file */
    uint64_t dropped;         /* lines of all files with unknown words */
    uint64_t label_count;     /* lines of the file of depth labels; PLAN */
    uint64_t labels_used;     /* those of an evaluated line */
    struct remarks idle;      /* rules with a body predicate that no fact and no rule's head has,
                                 the first of each rule; PLAN */
};

MUST enum err theory_open(const struct settings *settings, enum theory_use use,
                          struct theory **out);
void theory_close(struct theory **theory);

#endif
