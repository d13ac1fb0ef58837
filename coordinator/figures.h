/*
 * figures - the ranks of a run, read once, and the metrics of any group of them; of searches also
 * what they came to.
 *
 *     figures_open --> figures_compute (all, or one group) ... --> figures_close
 *
 * figures_value gives what the last figures_compute made: one number for each side, each way to
 * count ties, and each column. A column is a metric, or a metric at one of the k.
 *
 * Queries can be grouped in several ways, each a row of figures_groupings. To add one: write the
 * row, and a choice of the setting `by`.
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
#include "coordinator/proofs.h"

/* The sides, and after them both together: queries that ask for either slot count there alone. */
enum { FIGURES_BOTH = SIDES, FIGURES_SIDES };
extern const char *const figures_side_name[FIGURES_SIDES]; /* "head", "tail", "both" */
extern const char *const figures_type_name[RANK_TYPES];    /* "optimistic", ... */

enum { FIGURES_KEY_SIZE = 64 };

struct figures_column {
    const struct metric *metric;
    uint64_t k;
    char key[FIGURES_KEY_SIZE]; /* "hits_at_10" */
};

struct figures_group {
    char *label;
    size_t *row; /* [count], places in figures.row, ascending; borrows the grouping's order */
    size_t count;
    uint32_t number; /* in the order of first appearance */
    struct proofs proofs;
};

/* Ways to group queries, in the order of the setting `by` after `side`. */
enum { FIGURES_RELATION, FIGURES_DEPTH, FIGURES_GROUPINGS };
struct figures_grouping {
    const char *name;    /* as in `by` */
    const char *label;   /* SQL: an expression over a row x of table rank or outcome */
    const char *program; /* the only one whose runs have labels; NULL: all. Others: "none" */
    bool numbers;        /* labels that are numbers go by size, the others after them */
};
extern const struct figures_grouping figures_groupings[FIGURES_GROUPINGS];

/* What figures_open shall read. */
struct figures_config {
    const uint64_t *hits; /* [hits_count], the k of the metrics at k */
    size_t hits_count;
    uint64_t by;   /* a bit for each grouping */
    bool searches; /* the run is of `prove` */
};

struct figures {
    struct figures_row *row; /* [row_count], by query, head before tail */
    size_t row_count;
    uint64_t tied;      /* rows with candidates level with the true one */
    uint64_t nonfinite; /* scores that were not numbers */
    bool searches;
    struct proofs proofs; /* of all; cleared unless the run searches */
    /* Of each grouping that was asked for, by label. */
    struct figures_group *group[FIGURES_GROUPINGS]; /* [group_count] */
    size_t group_count[FIGURES_GROUPINGS];
    size_t *order[FIGURES_GROUPINGS]; /* [row_count], the rows group by group */
    struct figures_column *column;    /* [column_count] */
    size_t column_count;
    double *value;               /* [FIGURES_SIDES][RANK_TYPES][column_count] */
    size_t count[FIGURES_SIDES]; /* rows of the group last computed */
};

MUST enum err figures_open(struct ledger *reader, const struct figures_config *config,
                           struct figures **out);
void figures_close(struct figures **figures);

/* The metrics of all rows (NULL), or of one group's. */
MUST enum err figures_compute(struct figures *figures, const struct figures_group *group);

/* `side` below FIGURES_SIDES. */
double figures_value(const struct figures *figures, size_t side, enum rank_type type,
                     size_t column);

/* The column called `key`; column_count if there is none. */
size_t figures_find(const struct figures *figures, const char *key);

#endif
