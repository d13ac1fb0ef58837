/*
 * session - one worker's conversation: what it may say in which state, and what it is told back.
 *
 *     NEW --HELLO--> OPEN --told to stop--> LEAVING --BYE, silence--> GONE
 *                     |                                                ^
 *                     +-- BYE, death, silence, broken protocol --------+
 *
 * A session decides nothing for the others: hub brings the turn, and asks it in its time. What it
 * has to say is collected during the turn, and coalesced: one ACK and one GRANT at most, unless
 * they are longer than a message may be.
 *
 * Time:    the turn's.
 * Owner:   session_open gives, session_close takes. The turn is borrowed for the call.
 * Errors:  those of the ledger. ERR_INPUT from session_receive: a worker found the input at
 *          fault; the note says what.
 */
#ifndef COORDINATOR_SESSION_H
#define COORDINATOR_SESSION_H

#include "coordinator/hub.h"

enum { SESSION_NAME_SIZE = 256, SESSION_DETAIL_SIZE = 512, SESSION_FAULTS_MAX = 5 };

/* What all sessions share. */
struct turn {
    struct plan *plan;
    struct ledger *ledger;
    struct hub_config config;
    int64_t now_ms;   /* the caller's clock, for what is stored */
    int64_t clock_ms; /* of our own: time that the hub was awake; silence is measured by it */
    bool refused;     /* the input is at fault */
    uint64_t refusals;
    char alarm[SESSION_DETAIL_SIZE]; /* what people must be told; "": nothing */
};

enum session_state { SESSION_NEW, SESSION_OPEN, SESSION_LEAVING, SESSION_GONE, SESSION_STATES };

/* A list of leases that grows. */
struct lease_list {
    struct wire_lease *at; /* [count] */
    size_t count, room, taken;
};

struct session {
    uint64_t peer;
    enum session_state state;
    uint64_t worker; /* its number in the ledger, from OPEN on */
    uint64_t pid;
    char name[SESSION_NAME_SIZE], host[SESSION_NAME_SIZE];
    int64_t heard_ms; /* by the turn's clock_ms */
    uint64_t progress;
    uint64_t credit, column; /* what it asks for */
    uint64_t held_before;    /* leases, before something that may have ended some */
    bool stalled;            /* a lease ran out: it gets no more until it moves */
    bool holds_alone;        /* a unit that must be alone: it gets no more until that is answered */
    uint32_t faults;         /* in a row, by its own account */
    struct ledger_work work; /* of this turn */

    bool welcome, beat, stop; /* to be said */
    enum wire_stop_reason stop_reason;
    char stop_detail[SESSION_DETAIL_SIZE];
    struct lease_list acks, grants;
    struct session *chained; /* hub's */
};

MUST enum err session_open(uint64_t peer, const struct turn *turn, struct session **out);
void session_close(struct session **session);

MUST enum err session_receive(struct session *session, struct turn *turn,
                              const struct wire *message, const uint8_t *body, size_t size);

/* It broke the protocol: it is told so and forgotten, its leases are given back. */
MUST enum err session_refuse(struct session *session, struct turn *turn, const char *why);

/* It has gone: died, fallen silent, or (uncharged) come back as another session. */
MUST enum err session_lose(struct session *session, struct turn *turn, const char *how);
MUST enum err session_replace(struct session *session, struct turn *turn);

/* Leases it what it asks for, while it holds fewer than `share` units. */
MUST enum err session_grant(struct session *session, struct turn *turn, uint64_t share);

/* Stores what its results of this turn have cost. */
MUST enum err session_store_work(struct session *session, struct turn *turn);

void session_stop(struct session *session, enum wire_stop_reason reason, const char *detail);

/* The next message to send. Texts in it are borrowed. ERR_NONE when there is none left. */
MUST enum err session_next(struct session *session, const struct turn *turn, struct wire *out);

#endif
