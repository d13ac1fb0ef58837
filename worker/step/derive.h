/*
 * derive - for each live lane, the successors of its state: everything its search can do next.
 *
 * One derivation (Prolog's: the first atom of a state is its goal), with goal g, rest R, next free
 * variable n, and the root atom x of the search, which is never used as a fact:
 *
 *  1. No atom, or false: the only successor is false. True: true.
 *  2. Rules whose head has g's predicate, in stored order: template variable v becomes
 *     n + (v - (C+1)), the same n for all rules; g is unified with the head; the successor is the
 *     body, then R, both substituted.
 *  3. Facts with g's predicate that unify with g and are not x, in stored order: R, substituted.
 *  4. In every successor, each ground atom that is a fact and not x is deleted.
 *  5. If any successor has no atom left, true is the only successor.
 *  6. If there is none, false is.
 *  7. Variables from n on are numbered anew, n, n+1, ..., in each successor by first appearance
 *     (atom by atom, first argument before second). The next n is the largest that any successor
 *     reached, those that are dropped below included.
 *  8. The first `successors` of them are kept: rules before facts.
 *
 * Unification has two positions. Constants must be equal. A variable of the goal against a
 * constant is bound to it; a variable of the term is bound to the goal's argument. If both
 * positions bind one variable to different things it fails. The two bindings are applied one after
 * the other, the second to the result of the first; the goal's second argument is looked at under
 * the first binding, too, so that p(X,X) against a head p(c,A) binds A to c.
 *
 * Then, unless `plain`, in this order: successors of more than `atoms` atoms are dropped; if none
 * is left, false; with memory_pruning those equal, as sets of atoms, to a state that the search has
 * visited, its present state included, are dropped; if none is left, false; with skip_unary, while
 * there is exactly one and it is not an end, the search moves to it (it counts as visited; no step
 * is counted) and derives anew, at most PROVE_SKIPS times, then false is the only successor; and
 * with end_action, unless a successor is true or false, all but the first successors - 1 are
 * dropped and the end "give up" is put last. "Give up" itself has the successor false.
 *
 * An integer computation: every backend gives the same successors in the same order.
 *
 * Threads: derive_cpu shares the lanes out over the pool.
 */
#ifndef WORKER_STEP_DERIVE_H
#define WORKER_STEP_DERIVE_H

#include "common/facts.h"
#include "common/rules.h"
#include "worker/pool.h"

/* What one lane's search is at. */
struct derive_lane {
    struct atom root;       /* x: the atom to be proved */
    uint32_t next_variable; /* n, above every variable of the state; C+1 at the start of a search;
                               stays where true is the only successor */
    uint32_t visited;       /* states remembered; 0 at the start, and without memory_pruning */
    uint32_t count;         /* successors, at least 1; written */
    uint32_t raw;           /* successors before step 8, as far as they had to be made, of all
                               states that the step passed through; written */
    bool overflow; /* written: the memory of visited states is full, an error of ours; the only
                      successor is then false */
};

/*
 * Pointers are borrowed, and point where the step runs. A state is [atoms], padded with zeros. The
 * caller sets a search's first state, root, next_variable and visited = 0, and after each step
 * copies the successor that was chosen into `state`. With memory_pruning the step adds `state` to
 * the visited ones.
 */
struct derive_args {
    const struct facts *facts;
    const struct rules *rules;
    uint32_t constants, predicates; /* C and P */
    uint32_t atoms, successors;     /* most atoms of a state; most successors */
    uint32_t visited_most;          /* states that fit a lane's memory */
    bool memory_pruning, end_action, skip_unary;
    bool plain;    /* derivation only: steps 1 to 8, then successors of more than `atoms` atoms are
                      dropped; if none is left, false; nothing is remembered */
    uint32_t live; /* lanes to derive */
    const uint32_t *lane_list; /* [live], their numbers */
    struct derive_lane *lane;  /* [lanes] */
    struct atom *state;        /* [lanes][atoms]; skip_unary moves it */
    struct atom *successor;    /* [lanes][successors][atoms], written, padded */
    uint64_t *hash;            /* [lanes][successors], written: derive_state_hash */
    struct atom *visited;      /* [lanes][visited_most][atoms] */
    uint64_t *visited_hash;    /* [lanes][visited_most], of the set of atoms */
    void *scratch;             /* [threads][derive_scratch_bytes] */
};

/* For the scratch of one thread, a multiple of 64. */
uint64_t derive_scratch_bytes(uint32_t atoms, uint32_t body_most);

/* A hash of a padded state, order and all; for tables that then compare whole states. */
HD uint64_t derive_state_hash(const struct atom *state, uint32_t atoms)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < atoms && state[i].predicate; i++) {
        h = (h ^ ((uint64_t)state[i].predicate << 40) ^ state[i].first) *
            UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ h >> 31 ^ state[i].second) * UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 29;
    }
    return h;
}

MUST enum err derive_cpu(struct pool *pool, const struct derive_args *args);

#endif
