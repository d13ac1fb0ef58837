#include "coordinator/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, SILENCE_BEATS = 3 };

struct hub {
    struct turn turn;
    bool draining;
    bool served;         /* serving_since_ms is stored */
    struct session **at; /* [count] */
    size_t count, room;
    struct session *bucket[BUCKETS]; /* by peer */
    size_t speaking;                 /* whose messages hub_next gives */
    struct wire message;             /* received, or to be sent */
    uint8_t *bytes;                  /* of hub_next's last message */
};

enum err hub_open(struct plan *plan, struct ledger *ledger, const struct hub_config *config,
                  struct hub **out)
{
    struct hub *hub = *out = calloc(1, sizeof(*hub));
    if (!hub) return err_note(ERR_MEMORY, "coordinator: no memory");
    check(config->beat_ms > 0 && config->lease_ms > 0);
    hub->turn.plan = plan;
    hub->turn.ledger = ledger;
    hub->turn.config = *config;
    return OK;
}

void hub_close(struct hub **hub)
{
    struct hub *self = *hub;
    *hub = NULL;
    if (!self) return;
    ledger_rollback(self->turn.ledger);
    for (size_t i = 0; i < self->count; i++) session_close(&self->at[i]);
    free(self->at);
    free(self->bytes);
    free(self);
}

/* ---- sessions by peer ------------------------------------------------------------------- */

static struct session **bucket_of(struct hub *hub, uint64_t peer)
{
    return &hub->bucket[(peer * 0x9e3779b97f4a7c15u) >> 54];
}

static struct session *find(struct hub *hub, uint64_t peer)
{
    struct session *session = *bucket_of(hub, peer);
    while (session && session->peer != peer) session = session->chained;
    return session;
}

static enum err meet(struct hub *hub, uint64_t peer, struct session **out)
{
    *out = find(hub, peer);
    if (*out) return OK;
    if (hub->count == hub->room) {
        const size_t room = hub->room ? 2 * hub->room : 64;
        struct session **at = realloc(hub->at, room * sizeof(at[0]));
        if (!at) return err_note(ERR_MEMORY, "coordinator: no memory for %zu workers", room);
        hub->at = at;
        hub->room = room;
    }
    enum err err = session_open(peer, &hub->turn, out);
    if (err) return err;
    struct session **bucket = bucket_of(hub, peer);
    (*out)->chained = *bucket;
    *bucket = *out;
    hub->at[hub->count++] = *out;
    return OK;
}

/* Forgets who has gone; what it was to be told has been told. */
static void sweep(struct hub *hub)
{
    size_t kept = 0;
    for (size_t i = 0; i < hub->count; i++) {
        struct session *session = hub->at[i];
        if (session->state == SESSION_OPEN || session->state == SESSION_LEAVING) {
            hub->at[kept++] = session;
            continue;
        }
        struct session **link = bucket_of(hub, session->peer);
        while (*link != session) link = &(*link)->chained;
        *link = session->chained;
        session_close(&session);
    }
    hub->count = kept;
}

/* ---- the turn --------------------------------------------------------------------------- */

/* The caller's clock may be set, and the machine may sleep: time in which we could not have heard
 * anybody counts for nobody's silence, and no lease ends by it. */
static void set_clock(struct hub *hub, int64_t now_ms)
{
    struct turn *turn = &hub->turn;
    const int64_t beat_ms = turn->config.beat_ms;
    const int64_t step_ms = now_ms - turn->now_ms;
    const bool jumped = step_ms < 0 || step_ms > 2 * beat_ms;
    if (hub->served) turn->clock_ms += jumped ? (step_ms < 0 ? 0 : beat_ms) : step_ms;
    turn->now_ms = now_ms;
    if (hub->served && jumped) ledger_renew_all(turn->ledger, now_ms + turn->config.lease_ms);
}

static enum err store_start(struct hub *hub)
{
    char text[24];
    if (hub->served) return OK;
    hub->served = true;
    snprintf(text, sizeof(text), "%" PRId64, hub->turn.now_ms);
    return ledger_set(hub->turn.ledger, "serving_since_ms", text);
}

enum err hub_begin(struct hub *hub, int64_t now_ms)
{
    set_clock(hub, now_ms);
    sweep(hub);
    enum err err = ledger_begin(hub->turn.ledger);
    return err ? err : store_start(hub);
}

/* The same process on another connection: it says that it holds what that session held, or has
 * its name while that session is silent. */
static enum err replace_older(struct hub *hub, struct session *session)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < hub->count; i++) {
        struct session *other = hub->at[i];
        if (other == session || other->state == SESSION_GONE || other->worker == 0 ||
            other->pid != session->pid || strcmp(other->name, session->name) ||
            strcmp(other->host, session->host))
            continue;
        const bool taken_over = ledger_held(hub->turn.ledger, other->worker) < other->held_before;
        const bool silent = hub->turn.clock_ms - other->heard_ms >= hub->turn.config.beat_ms;
        if (taken_over || silent) err = session_replace(other, &hub->turn);
    }
    return err;
}

static void note_held(struct hub *hub)
{
    for (size_t i = 0; i < hub->count; i++)
        hub->at[i]->held_before = ledger_held(hub->turn.ledger, hub->at[i]->worker);
}

static enum err receive(struct hub *hub, struct session *session, const uint8_t *body,
                        size_t body_size)
{
    const bool hello = hub->message.type == WIRE_HELLO_MESSAGE;
    if (hello) note_held(hub);
    enum err err = session_receive(session, &hub->turn, &hub->message, body, body_size);
    if (!err && hello && session->state == SESSION_OPEN) err = replace_older(hub, session);
    return err;
}

enum err hub_receive(struct hub *hub, uint64_t peer, const uint8_t *header, size_t size,
                     const uint8_t *body, size_t body_size)
{
    struct session *session;
    enum err err = meet(hub, peer, &session);
    if (err || session->state == SESSION_GONE) return err;
    err = wire_decode(size ? header : (const uint8_t *)"", size, &hub->message);
    if (!err) return receive(hub, session, body, body_size);

    char why[SESSION_DETAIL_SIZE];
    snprintf(why, sizeof(why), "%s%s", err_text(),
             err == ERR_STALE ? "; install the same version of millrace on both sides" : "");
    return session_refuse(session, &hub->turn, why);
}

enum err hub_died(struct hub *hub, uint64_t pid, const char *how)
{
    const char *host = hub->turn.config.host;
    enum err err = OK;
    for (size_t i = 0; !err && i < hub->count; i++) {
        struct session *session = hub->at[i];
        if (session->worker && session->pid == pid && session->state != SESSION_GONE &&
            (!host || !strcmp(host, session->host)))
            err = session_lose(session, &hub->turn, how);
    }
    return err;
}

static enum err end_silent(struct hub *hub)
{
    const int64_t longest_ms = (int64_t)SILENCE_BEATS * hub->turn.config.beat_ms;
    enum err err = OK;
    for (size_t i = 0; !err && i < hub->count; i++) {
        struct session *session = hub->at[i];
        if (session->worker && session->state != SESSION_GONE &&
            hub->turn.clock_ms - session->heard_ms > longest_ms)
            err = session_lose(session, &hub->turn, "silent");
    }
    return err;
}

/* Who lets a lease run out gets no other one until it moves. */
static enum err end_overdue(struct hub *hub)
{
    struct ledger *ledger = hub->turn.ledger;
    uint64_t ended;
    if (hub->turn.now_ms < ledger_next_deadline(ledger)) return OK;
    note_held(hub);
    const enum err err = ledger_reap(ledger, hub->turn.now_ms, &ended);
    for (size_t i = 0; ended > 0 && i < hub->count; i++)
        if (ledger_held(ledger, hub->at[i]->worker) < hub->at[i]->held_before)
            hub->at[i]->stalled = true;
    return err;
}

static bool takes_part(const struct session *session)
{
    return session->state == SESSION_OPEN && !session->stalled;
}

/* Nobody hoards: near the end, what is left is shared out among all. */
static uint64_t fair_share(const struct hub *hub)
{
    struct ledger_counts counts;
    uint64_t workers = 0;
    ledger_counts(hub->turn.ledger, &counts);
    for (size_t i = 0; i < hub->count; i++) workers += takes_part(hub->at[i]);
    const uint64_t left = counts.unit[UNIT_READY] + counts.unit[UNIT_LEASED];
    return workers ? (left + workers - 1) / workers : 0;
}

static enum err grant(struct hub *hub)
{
    if (hub->draining || hub->turn.refused) return OK;
    const uint64_t share = fair_share(hub);
    enum err err = OK;
    for (size_t i = 0; !err && i < hub->count; i++)
        if (takes_part(hub->at[i])) err = session_grant(hub->at[i], &hub->turn, share);
    return err;
}

static void stop_workers(struct hub *hub)
{
    const enum hub_state state = hub_state(hub);
    const bool ended = state == HUB_COMPLETE || state == HUB_ENDED || state == HUB_REFUSED;
    for (size_t i = 0; i < hub->count; i++) {
        struct session *session = hub->at[i];
        if (session->state != SESSION_OPEN) continue;
        if (ended)
            session_stop(session, STOP_DONE, "");
        else if (hub->draining && ledger_held(hub->turn.ledger, session->worker) == 0)
            session_stop(session, STOP_DRAIN, "");
    }
}

static enum err store_work(struct hub *hub)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < hub->count; i++)
        err = session_store_work(hub->at[i], &hub->turn);
    return err;
}

enum err hub_end(struct hub *hub)
{
    enum err err = end_silent(hub);
    if (!err) err = end_overdue(hub);
    if (!err) err = grant(hub);
    if (!err) err = store_work(hub);
    if (!err) err = plan_fold(hub->turn.plan, hub->turn.ledger);
    if (!err) stop_workers(hub);
    if (!err) err = ledger_commit(hub->turn.ledger);
    if (err) ledger_rollback(hub->turn.ledger);
    hub->speaking = 0;
    return err;
}

enum err hub_next(struct hub *hub, uint64_t *peer, const uint8_t **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    free(hub->bytes);
    hub->bytes = NULL;
    for (; hub->speaking < hub->count; hub->speaking++) {
        struct session *session = hub->at[hub->speaking];
        if (session_next(session, &hub->turn, &hub->message)) continue;
        *peer = session->peer;
        const enum err err = wire_encode(&hub->message, &hub->bytes, size);
        *bytes = hub->bytes;
        return err;
    }
    return ERR_NONE;
}

/* ---- what the caller wants to know ------------------------------------------------------ */

int64_t hub_deadline(const struct hub *hub)
{
    const int64_t beat_ms = hub->turn.now_ms + hub->turn.config.beat_ms;
    const int64_t lease_ms = ledger_next_deadline(hub->turn.ledger);
    return hub->count > 0 && beat_ms < lease_ms ? beat_ms : lease_ms;
}

void hub_drain(struct hub *hub)
{
    hub->draining = true;
}

enum hub_state hub_state(const struct hub *hub)
{
    struct ledger_counts counts;
    ledger_counts(hub->turn.ledger, &counts);
    if (hub->turn.refused) return HUB_REFUSED;
    if (counts.unit[UNIT_DONE] == counts.total) return HUB_COMPLETE;
    if (counts.unit[UNIT_DONE] + counts.unit[UNIT_FAILED] == counts.total) return HUB_ENDED;
    if (hub->draining && counts.unit[UNIT_LEASED] == 0) return HUB_DRAINED;
    return HUB_WORKING;
}

const char *hub_alarm(struct hub *hub, char *text, size_t size)
{
    snprintf(text, size, "%s", hub->turn.alarm);
    hub->turn.alarm[0] = 0;
    return text;
}

uint64_t hub_workers(const struct hub *hub)
{
    uint64_t workers = 0;
    for (size_t i = 0; i < hub->count; i++)
        workers += hub->at[i]->state == SESSION_OPEN || hub->at[i]->state == SESSION_LEAVING;
    return workers;
}
