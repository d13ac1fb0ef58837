/*
 * report - what a run found out: metrics, and what they rest on, for people, tools and tables.
 *
 *     table   the headline metrics for people, realistic ranks, and what was ranked how; with `by`
 *             a line for each group
 *     json    everything, in PyKEEN's nesting: metrics.SIDE.TYPE.METRIC, SIDE head, tail or both,
 *             TYPE optimistic, realistic or pessimistic; beside it `run`, and with `by` the same
 *             nesting for each group: by.side.SIDE.TYPE.METRIC, by.relation.LABEL.SIDE.TYPE.METRIC,
 *             by.depth.LABEL.SIDE.TYPE.METRIC
 *     csv     a line for each metric: side,type,metric,value; with `by` relation or depth a column
 *             of that name comes first, empty but in the lines of its groups
 *
 * A query of `mode: both` has candidates of either side in one list; it counts for both alone.
 *
 * A run of `prove` also tells what its searches came to (AUC-PR is defined in proofs.h):
 *
 *     json    proofs.SIDE.true and .false, each with `count`, `proved`, `success_rate` (proved /
 *             count) and `mean_depth` (steps taken, mean over all searches of the group, proved or
 *             not); proofs.SIDE.auc_pr; and by.relation.LABEL.proofs.SIDE...,
 *             by.depth.LABEL.proofs.SIDE...
 *     csv     lines of the types true, false and all: head,true,count,24 ... head,all,auc_pr,0.9
 *
 * The labels of depth are those of the file `depths`: -1 not provable, `none` without a label.
 *
 * While a run is incomplete its metrics cover the queries that are done, a fair sample, and
 * run.complete is false. A metric that is not defined is null in JSON and empty in CSV. Metrics
 * made with a logarithm or an exponential have 12 significant digits, others as many as bring back
 * the same double.
 *
 * The keys of `run` in JSON. Tools rely on them: none is renamed or goes, others may come.
 *
 *     settings          text by name: every setting that is stored, and the defaults of those that
 *                       can change a result (schema/run.def)
 *     inputs            the SHA-256 of each input file, by role: train, model, ...
 *     run_digest        of the settings and inputs that can change a result, SHA-256
 *     results_digest    SHA-256 of the exported ranks.tsv (prove: outcomes.tsv); null while the
 *                       run is incomplete
 *     complete          true when every query is ranked
 *     units_done, units_failed, units_total
 *     queries_done, queries_total    a side of a triple, or both in one list, is a query
 *     unknown_dropped   lines of all files left out for a label that is not in the maps
 *     unknown_kept      lines kept in spite of one, their answers ranked last
 *     nonfinite         scores that were not numbers, of the queries done
 *     ties              share of the queries done with candidates level with the true one, 0 .. 1
 *     class             of arithmetic; null before the first result
 *     millrace_version  that planned the run
 *     work              what it took:
 *         pairs, rescored, lanes, ...    the counters of schema/work.h, summed
 *         lane_use      share of the lanes that held a question, 0 .. 1; null before a result
 *         busy_s        seconds of computing, all workers together
 *         wall_s        seconds of serving, summed over the sittings that ended in order; before
 *                       the first has, of the newest up to its last result; null before one
 *         peak_bytes    most memory at once; 0: not known
 *         of prove, and null before a result:
 *         steps_per_candidate    lanes_live / pairs
 *         rows_per_state         rows / lanes_live
 *         cache_hits             recalled / (recalled + encoded); null where no network is read
 *
 * Errors:  ERR_FORMAT when the database holds what no run writes; ERR_IO, ERR_FULL when `out`
 *          takes no more; ERR_MEMORY.
 */
#ifndef COORDINATOR_REPORT_H
#define COORDINATOR_REPORT_H

#include "coordinator/ledger.h"

#include <stdio.h>

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_CSV, REPORT_FORMATS };
extern const char *const report_format_name[REPORT_FORMATS]; /* "table", "json", "csv" */

/* Bits of `by`, as the choices of the setting of that name. */
enum report_by { REPORT_BY_SIDE, REPORT_BY_RELATION, REPORT_BY_DEPTH };

struct report_config {
    enum report_format format;
    uint64_t by;
    const uint64_t *hits; /* [hits_count], the k of hits@k */
    size_t hits_count;
    FILE *out;
};

/* `reader` is a ledger of a planned run, open for reading or for writing. */
MUST enum err report_write(struct ledger *reader, const struct report_config *config);

#endif
