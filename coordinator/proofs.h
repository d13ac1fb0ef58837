/*
 * proofs - what searches came to: how many true and false triples were proved, how deep, and how
 * well the scores tell them apart.
 *
 * An item's score is its log-probability, and 100 less if it was not proved (common/outcome.h).
 * AUC-PR is the average precision of all items together, the true ones being those to be found,
 * as scikit-learn's average_precision_score has it: with the distinct scores as thresholds, from
 * the highest down, the sum of (R_n - R_n-1) P_n, where R_n is the share of the true ones that
 * have at least the n-th score, and P_n the share of true ones among all that have it. Without a
 * false item there is nothing to tell apart, and it is not defined.
 *
 * Owner:   a struct proofs owns nothing.
 * Errors:  ERR_FORMAT when the database holds what no run writes; ERR_IO.
 */
#ifndef COORDINATOR_PROOFS_H
#define COORDINATOR_PROOFS_H

#include "common/items.h"
#include "coordinator/ledger.h"

struct proofs_count {
    uint64_t count, proved;
    uint64_t steps; /* taken by all, proved or not */
};

/* By side; ITEM_BOTH has all items, whatever their side. */
struct proofs {
    struct proofs_count truth[ITEM_SIDES], others[ITEM_SIDES];
    double auc_pr[ITEM_SIDES]; /* NaN: no true ones, or no false ones */
};

/* What there is to say about no items. */
void proofs_clear(struct proofs *proofs);

/* Where the proofs of a group go; NULL: nobody asks for them. */
typedef struct proofs *proofs_find(void *context, const char *label);

/* Reads all outcomes, group by group: `label` is SQL, an expression over a row x of table outcome.
 * The rows are streamed; memory stays small. What `find` gives must be cleared. */
MUST enum err proofs_read(struct ledger *reader, const char *label, proofs_find *find,
                          void *context);

/* NaN of none. */
double proofs_success(const struct proofs_count *count);
double proofs_mean_depth(const struct proofs_count *count);

#endif
