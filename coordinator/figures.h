/*
 * figures - the ranks of a run, read once, and the metrics of any group of them.
 *
 *     figures_open --> figures_compute (all, or one relation) ... --> figures_close
 *
 * figures_value gives what the last figures_compute made: one number for each side, each way to
 * count ties, and each column. A column is a metric, or a metric at one of the k.
 *
 * Owner:   figures_open gives, figures_close takes. The ledger is borrowed for the call.
 * Errors:  ERR_FORMAT when the database holds what no run writes; ERR_IO, ERR_MEMORY.
 */
#ifndef COORDINATOR_FIGURES_H
#define COORDINATOR_FIGURES_H

#include "common/known.h"
#include "common/rank.h"
#include "coordinator/ledger.h"
#include "coordinator/metrics.h"

/* The sides, and after them both together. */
enum { FIGURES_BOTH = SIDES, FIGURES_SIDES };
extern const char *const figures_side_name[FIGURES_SIDES]; /* "head", "tail", "both" */
extern const char *const figures_type_name[RANK_TYPES];    /* "optimistic", ... */

enum { FIGURES_KEY_SIZE = 64 };

struct figures_column {
    const struct metric *metric;
    uint64_t k;
    char key[FIGURES_KEY_SIZE]; /* "hits_at_10" */
};

struct figures_relation {
    char *label;
    size_t first, count; /* its place in figures.order */
};

struct figures {
    struct figures_row *row; /* [row_count], by query, head before tail */
    size_t row_count;
    uint64_t tied;                     /* rows with candidates level with the true one */
    uint64_t nonfinite;                /* scores that were not numbers */
    struct figures_relation *relation; /* [relation_count], by label; none unless asked for */
    size_t relation_count;
    size_t *order;                 /* [row_count], the rows relation by relation */
    struct figures_column *column; /* [column_count] */
    size_t column_count;
    double *value;               /* [FIGURES_SIDES][RANK_TYPES][column_count] */
    size_t count[FIGURES_SIDES]; /* rows of the group last computed */
};

/* `hits`: the k of the metrics at k; [hits_count]. */
MUST enum err figures_open(struct ledger *reader, const uint64_t *hits, size_t hits_count,
                           bool by_relation, struct figures **out);
void figures_close(struct figures **figures);

/* The metrics of all rows, or of one relation's. */
MUST enum err figures_compute(struct figures *figures, const struct figures_relation *relation);

/* `side` below FIGURES_SIDES. */
double figures_value(const struct figures *figures, size_t side, enum rank_type type,
                     size_t column);

/* The column called `key`; column_count if there is none. */
size_t figures_find(const struct figures *figures, const char *key);

#endif
