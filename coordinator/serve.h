/*
 * serve - the coordinator's loop: socket, clock, signals and local workers round a hub. The only
 * user of czmq on this side.
 *
 * Each round drains the socket, lets the hub decide and commit, and then sends. SIGINT and
 * SIGTERM drain: no more grants, workers finish what they hold (a second signal stops at once);
 * either way the run can be resumed.
 *
 * Errors:  ERR_FAILED: units were set aside, no worker is left that could do the rest,
 *          or a worker found the input at fault (a score that is not a number). ERR_INTERRUPTED:
 *          drained after a signal.
 *          ERR_USAGE, ERR_BUSY: the address. ERR_IO, ERR_FULL: the database or socket.
 * Threads: SIGINT, SIGTERM and SIGCHLD are blocked in the calling thread, and so in those it
 *          starts, for the length of the call.
 */
#ifndef COORDINATOR_SERVE_H
#define COORDINATOR_SERVE_H

#include "coordinator/hub.h"

struct serve_config {
    const char *bind;          /* "ipc:///path"; NULL: a socket in a private folder of our own */
    const char *endpoint_file; /* the bound address is written there, removed at the end, and
                                  printed on stdout; NULL: neither */
    const char *worker_path;   /* the worker's program; NULL: start none */
    uint32_t workers;          /* local workers to start and to keep running */
    uint32_t threads;          /* of each */
    uint32_t lanes;
    const char *fast_pass;
    struct hub_config hub;
    bool quiet; /* no progress */
};

struct serve_report {
    int signal;              /* that ended it; 0: none */
    uint64_t peak_pss_bytes; /* largest sum over all our processes, 0 if unknown */
    double wall_s;
};

MUST enum err serve_run(struct plan *plan, struct ledger *ledger, const struct serve_config *config,
                        struct serve_report *report);

#endif
