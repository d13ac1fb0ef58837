/*
 * report - what a run found out: metrics, and what they rest on, for people, tools and tables.
 *
 *     table   the headline metrics for people, realistic ranks; with `by` a line for each group
 *     json    everything, in PyKEEN's nesting: metrics.SIDE.TYPE.METRIC, SIDE head, tail or both,
 *             TYPE optimistic, realistic or pessimistic; beside it `run`, and with `by` the same
 *             nesting for each group: by.side.SIDE.TYPE.METRIC, by.relation.LABEL.SIDE.TYPE.METRIC
 *     csv     a line for each metric: side,type,metric,value, and with `by` relation
 *
 * While a run is incomplete its metrics cover the queries that are done, a fair sample, and
 * run.complete is false. A metric that is not defined is null in JSON and empty in CSV. Metrics
 * made with a logarithm or an exponential have 12 significant digits, others as many as bring back
 * the same double.
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
enum report_by { REPORT_BY_SIDE, REPORT_BY_RELATION };

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
