/*
 * link - a worker's conversation with its coordinator: the protocol of schema/wire.md from the
 * worker's side. The only user of czmq on this side.
 *
 * It asks for units ahead of need, sends results and keeps them until they are acknowledged,
 * beats, and on silence of LINK_SILENCE_BEATS beats closes the socket and connects again, with a
 * pause that doubles from 1 to 32 s and is jittered, then says which leases it still holds.
 *
 * Errors:  ERR_USAGE for an endpoint that this version cannot use; ERR_INPUT when the run's
 *          inputs are not here; ERR_FAILED when refused; ERR_IO when the coordinator cannot be
 *          reached for `patience_s`; ERR_INTERRUPTED after SIGINT or SIGTERM (units given back
 *          first), or whatever the runner could not open with.
 * Threads: SIGINT and SIGTERM are blocked in the calling thread, and so in those it starts, for
 *          the length of the call: other threads of the process must block them as well.
 */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "worker/runner.h"

enum { LINK_SILENCE_BEATS = 3, LINK_CREDIT_MAX = 128 };

struct link_config {
    const char *endpoint;
    const char *name;      /* NULL: host and pid */
    uint32_t credit;       /* units to hold; 0: from their duration, at most LINK_CREDIT_MAX */
    uint32_t patience_s;   /* how long to try to reach a silent coordinator; 0: for ever */
    uint64_t lanes;        /* overrides the run's setting; 0: does not */
    const char *fast_pass; /* likewise; NULL: does not */
    struct runner_config runner;
};

/* Works until the coordinator says stop. `signal` is the one that ended it, 0 if none did. */
MUST enum err link_run(const struct link_config *config, int *signal);

#endif
