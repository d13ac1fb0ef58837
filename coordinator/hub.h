/*
 * hub - the coordinator without clock, sockets or signals: all sessions, the ledger and the plan.
 *
 * A turn collects, decides, and only then speaks:
 *
 *     hub_begin --> hub_receive, hub_died ... --> hub_end --> hub_next ... (send each)
 *
 * hub_end reaps what is overdue, grants units to workers that asked, folds rows that became
 * complete, and commits. Nothing may be sent before it returned OK: an acknowledgement leaves
 * only after the commit that stores what it acknowledges. After an error the turn is rolled back
 * and the hub can only be closed.
 *
 * A peer is whoever the caller says it is: a number that stands for one connection (serve makes
 * it from the routing id, the simulator counts). A peer that has gone may come back as another.
 *
 * Time:    now_ms is passed in and may jump: a turn that comes more than two beats after the last
 *          one, or before it, ends neither leases nor sessions. So turns must be no further apart
 *          than hub_deadline says.
 * Owner:   hub_open gives, hub_close takes; it keeps plan and ledger. A message that hub_next
 *          hands out is borrowed until the next call.
 * Errors:  a peer's mistakes are no errors: it is told STOP and forgotten. ERR_IO, ERR_FULL:
 *          the database. ERR_INPUT, from hub_receive: a worker found the input at fault; the
 *          note says what. What came before it is stored, and hub_end may still be called, so
 *          that the others are told.
 */
#ifndef COORDINATOR_HUB_H
#define COORDINATOR_HUB_H

#include "common/wire.h"
#include "coordinator/plan.h"

struct hub;

struct hub_config {
    uint32_t lease_ms; /* without progress, a lease ends after this */
    uint32_t beat_ms;  /* a worker that is silent for 3 of these has gone */
    const char *host;  /* of local workers, for hub_died; NULL: any */
};

MUST enum err hub_open(struct plan *plan, struct ledger *ledger, const struct hub_config *config,
                       struct hub **out);
void hub_close(struct hub **hub);

MUST enum err hub_begin(struct hub *hub, int64_t now_ms);

/* A message from `peer`, as it came; `body` is the second frame (size 0: none). */
MUST enum err hub_receive(struct hub *hub, uint64_t peer, const uint8_t *header, size_t size,
                          const uint8_t *body, size_t body_size);

/* The process behind a worker's HELLO (local workers only) has died; `how` tells: "killed by
 * signal 9". Without effect if no session has that pid. */
MUST enum err hub_died(struct hub *hub, uint64_t pid, const char *how);

MUST enum err hub_end(struct hub *hub);

/* The next message to send: its peer and its first frame. ERR_NONE when there is none left. */
MUST enum err hub_next(struct hub *hub, uint64_t *peer, const uint8_t **bytes, size_t *size);

/* When the next turn is due even if nothing comes: a lease or a silence runs out. */
int64_t hub_deadline(const struct hub *hub);

/* No grants from now on: workers finish what they hold, then are told STOP_DRAIN. */
void hub_drain(struct hub *hub);

enum hub_state {
    HUB_WORKING,
    HUB_DRAINED,  /* after hub_drain: no lease is open */
    HUB_COMPLETE, /* every unit is done */
    HUB_ENDED,    /* every unit is done or set aside, and some are set aside */
    HUB_REFUSED,  /* the input is at fault; hub_receive said so */
};
enum hub_state hub_state(const struct hub *hub);

/* Workers that said HELLO and have not gone. */
uint64_t hub_workers(const struct hub *hub);

/* What people must be told at once (two results of one unit differ): copied to `text` [size] and
 * forgotten; "" if there is nothing. Gives `text` back. */
const char *hub_alarm(struct hub *hub, char *text, size_t size);

#endif
