/*
 * progress - what is shown on stderr while a run works: a bar on a terminal, else a line every
 * 10 s, or nothing.
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

/* A line for the user, above the bar. */
void progress_say(struct progress *progress, const char *line);

#endif
