/*
 * progress - what is shown on stderr while a run works: a bar on a terminal, never wider than it,
 * else a line every 10 s, or nothing.
 *
 * Time:    now_ms is passed in, from a clock that does not jump.
 * Owner:   progress_open gives, progress_close takes and clears the bar. The ledger is kept.
 * Errors:  none: a run does not fail for want of a bar.
 */
#ifndef COORDINATOR_PROGRESS_H
#define COORDINATOR_PROGRESS_H

#include "coordinator/ledger.h"

struct progress;

/* NULL, which every function here takes, when nothing shall be shown or there is no memory. */
struct progress *progress_open(struct ledger *ledger, bool quiet, int64_t now_ms);
void progress_close(struct progress **progress);

/* When progress_show is due; INT64_MAX without one. */
int64_t progress_due_ms(const struct progress *progress);
/* Between two turns. */
void progress_show(struct progress *progress, int64_t now_ms, uint64_t workers);

/* A line for the user, above the bar; also without one. */
void progress_say(struct progress *progress, const char *line);
/* A line that may come often and that who wants no progress does not want either: at most
 * PROGRESS_REMARKS_MAX in PROGRESS_REMARKS_MS are shown, the others are counted. */
void progress_remark(struct progress *progress, int64_t now_ms, const char *line);

enum { PROGRESS_TEXT_BYTES = 320, PROGRESS_REMARKS_MAX = 5, PROGRESS_REMARKS_MS = 10000 };

/* What there is to show. */
struct progress_figures {
    uint64_t units, failed, workers;
    double part;   /* of the units that are done */
    double rate;   /* units per second */
    double left_s; /* not finite: not known */
    double mrr;    /* NaN: not known */
};

/* The line as text of less than `columns` characters: the bar, if one is wanted, gives way first,
 * then the fields from the right; the percentage stays. Gives `text` back. */
const char *progress_format(const struct progress_figures *figures, bool bar, size_t columns,
                            char text[PROGRESS_TEXT_BYTES]);

#endif
