/*
 * local - the workers that a run starts on its own machine, and keeps running.
 *
 * A worker that dies is started again, at once the first time, later after a pause that doubles
 * to at most LOCAL_PAUSE_MAX_MS. One that dies LOCAL_EARLY_DEATHS_MAX times in a row before it
 * asked for work is given up. One that dies at work may do so more often, LOCAL_DEATHS_MAX times
 * in a row without a result, because units that kill their workers are charged, and set aside
 * before that. One that ends by itself with an error of its own (exit codes 2 to 4) is given up at
 * once: it would come to the same end again.
 *
 * Children are killed when their parent dies, and are in process groups of their own, so that
 * Ctrl-C reaches the coordinator alone, which drains.
 *
 * Time:    now_ms is passed in.
 * Owner:   local_open gives, local_close takes: it stops the children (SIGTERM, then SIGKILL
 *          after a grace) and waits for them.
 */
#ifndef COORDINATOR_LOCAL_H
#define COORDINATOR_LOCAL_H

#include "common/err.h"

#include <stdint.h>

enum {
    LOCAL_PAUSE_MAX_MS = 5000,
    LOCAL_EARLY_DEATHS_MAX = 5,
    LOCAL_DEATHS_MAX = 20,
    LOCAL_GRACE_MS = 3000,
};

struct local;

struct local_config {
    const char *worker_path;
    const char *endpoint;
    uint32_t workers, threads, lanes;
    const char *fast_pass;
};

MUST enum err local_open(const struct local_config *config, struct local **out);
void local_close(struct local **local);

/* Starts what is due. `deadline_ms` is when to call again at the latest. */
MUST enum err local_start(struct local *local, int64_t now_ms, int64_t *deadline_ms);

/* After SIGCHLD: the next child that ended. ERR_NONE if there is none. A planned end (exit 0)
 * has an empty `how`. */
MUST enum err local_reap(struct local *local, int64_t now_ms, uint64_t *pid, char *how,
                         size_t size);

/* The child `pid` said HELLO as `peer`; without effect if it is none of ours. */
void local_greets(struct local *local, uint64_t pid, uint64_t peer);
/* That peer asked for work. */
void local_asks(struct local *local, uint64_t peer);
/* That peer delivered a result: its deaths are forgotten. */
void local_thrives(struct local *local, uint64_t peer);

uint64_t local_alive(const struct local *local);   /* running or to be started again */
uint64_t local_running(const struct local *local); /* running */
/* The process of the running child with that number below `workers`; 0 if it does not run. */
uint64_t local_pid(const struct local *local, uint32_t number);
/* What became of the last child that died: "was killed by signal 9"; "" if none did. */
const char *local_last_death(const struct local *local);
/* The same for people, and what follows: "worker 3 (pid 123) was killed by signal 9; starting
 * another". Workers are numbered from 1 here. */
const char *local_news(const struct local *local);

/* From now on none is started again. */
void local_retire(struct local *local);
/* Kills all children and starts none again: for a user who cannot wait. */
void local_kill(struct local *local);

#endif
