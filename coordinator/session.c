#include "coordinator/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 100 /* rows a broken or hostile peer can make us store */ };

static enum err list_add(struct lease_list *list, uint64_t unit, uint64_t attempt)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        struct wire_lease *at = realloc(list->at, room * sizeof(at[0]));
        if (!at) return err_note(ERR_MEMORY, "session: no memory for %zu leases", room);
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = (struct wire_lease){unit, attempt};
    return OK;
}

/* Takes as many as a message holds; false if there are none. */
static bool list_take(struct lease_list *list, struct wire_leases *out)
{
    out->count = 0;
    while (list->taken < list->count && out->count < WIRE_LEASES_MAX)
        out->at[out->count++] = list->at[list->taken++];
    if (list->taken == list->count) list->taken = list->count = 0;
    return out->count > 0;
}

enum err session_open(uint64_t peer, const struct turn *turn, struct session **out)
{
    struct session *session = *out = calloc(1, sizeof(*session));
    if (!session) return err_note(ERR_MEMORY, "session: no memory");
    session->peer = peer;
    session->heard_ms = turn->clock_ms;
    session->column = WIRE_NO_COLUMN;
    return OK;
}

void session_close(struct session **session)
{
    if (*session) {
        free((*session)->acks.at);
        free((*session)->grants.at);
    }
    free(*session);
    *session = NULL;
}

/* ---- ends ------------------------------------------------------------------------------- */

void session_stop(struct session *session, enum wire_stop_reason reason, const char *detail)
{
    session->stop = true;
    session->stop_reason = reason;
    snprintf(session->stop_detail, sizeof(session->stop_detail), "%s", detail);
    session->state = SESSION_LEAVING;
}

/* The worker's row ends; its leases have been dealt with. */
static enum err end(struct session *session, struct turn *turn, const char *how)
{
    const bool known = session->worker > 0 && session->state != SESSION_GONE;
    enum err err = known ? session_store_work(session, turn) : OK;
    if (!err && known) err = ledger_end_worker(turn->ledger, session->worker, turn->now_ms, how);
    session->state = SESSION_GONE;
    session->credit = 0;
    session->grants.count = session->grants.taken = 0;
    return err;
}

enum err session_refuse(struct session *session, struct turn *turn, const char *why)
{
    const int64_t worker = session->worker ? (int64_t)session->worker : -1;
    enum err err = OK;
    if (session->worker) err = ledger_release_worker(turn->ledger, session->worker, turn->now_ms);
    if (!err && turn->refusals++ < EVENTS_MAX)
        err = ledger_event(turn->ledger, turn->now_ms, "refused", -1, worker, why);
    session_stop(session, STOP_REFUSED, why);
    return err ? err : end(session, turn, why);
}

enum err session_lose(struct session *session, struct turn *turn, const char *how)
{
    char detail[SESSION_DETAIL_SIZE];
    uint64_t set_aside = 0;
    const uint64_t held = ledger_held(turn->ledger, session->worker);
    enum err err = OK;
    if (session->worker)
        err = ledger_lose_worker(turn->ledger, session->worker, turn->now_ms, how, &set_aside);
    snprintf(detail, sizeof(detail), "%s; it held %" PRIu64 " units, %" PRIu64 " were set aside",
             how, held, set_aside);
    if (!err && held > 0)
        err =
            ledger_event(turn->ledger, turn->now_ms, "died", -1, (int64_t)session->worker, detail);
    session->stop = false;
    return err ? err : end(session, turn, how);
}

enum err session_replace(struct session *session, struct turn *turn)
{
    enum err err = ledger_release_worker(turn->ledger, session->worker, turn->now_ms);
    session->stop = false;
    return err ? err : end(session, turn, "connected again");
}

/* ---- what a worker says ----------------------------------------------------------------- */

/* What a message came with. */
struct said {
    const struct wire *message;
    const uint8_t *body; /* [size] */
    size_t size;
};

typedef enum err move(struct session *session, struct turn *turn, const struct said *said);

/* `list` is words separated by commas. */
static bool list_has(const struct wire_text *list, const char *word)
{
    const size_t size = strlen(word);
    for (uint32_t from = 0; from <= list->size;) {
        uint32_t to = from;
        while (to < list->size && list->at[to] != ',') to++;
        if (to - from == size && !memcmp(list->at + from, word, size)) return true;
        from = to + 1;
    }
    return false;
}

static enum err join(struct session *session, struct turn *turn, const struct wire_hello *hello)
{
    char device[SESSION_NAME_SIZE];
    wire_text_copy(&hello->name, session->name, sizeof(session->name));
    wire_text_copy(&hello->host, session->host, sizeof(session->host));
    wire_text_copy(&hello->device, device, sizeof(device));
    session->pid = hello->pid;
    enum err err = ledger_add_worker(turn->ledger, turn->now_ms, session->name, session->host,
                                     device, hello->pid, hello->threads, &session->worker);
    if (!err) session->state = SESSION_OPEN;
    session->stop = false;
    return err;
}

/* Also said by a worker that is known already: its first HELLO may have come late. */
static enum err greet(struct session *session, struct turn *turn, const struct said *said)
{
    const struct wire_hello *hello = &said->message->hello;
    const char *program = settings_text(plan_settings(turn->plan), SET_program);
    char why[SESSION_DETAIL_SIZE], version[SESSION_NAME_SIZE];
    if (!wire_text_is(&hello->version, MILLRACE_VERSION)) {
        wire_text_copy(&hello->version, version, 64);
        snprintf(why, sizeof(why),
                 "worker is millrace %s, coordinator is " MILLRACE_VERSION
                 "; install the same version",
                 version);
        return session_refuse(session, turn, why);
    }
    if (!list_has(&hello->programs, program)) {
        snprintf(why, sizeof(why), "worker lacks the program %s for its device; use another worker",
                 program);
        return session_refuse(session, turn, why);
    }

    enum err err = session->state == SESSION_NEW ? join(session, turn, hello) : OK;
    for (uint32_t i = 0; !err && i < hello->held.count; i++) {
        const struct wire_lease *held = &hello->held.at[i];
        err = ledger_adopt(turn->ledger, held->unit, held->attempt, session->worker, turn->now_ms,
                           turn->config.lease_ms);
        if (err == ERR_STALE) err = OK; /* its result is welcome all the same */
    }
    session->welcome = true;
    session->stalled = false;
    return err;
}

/* We do not know it: we were started anew, or took it for gone. */
static enum err estrange(struct session *session, struct turn *turn, const struct said *said)
{
    (void)turn, (void)said;
    session_stop(session, STOP_UNKNOWN, "say HELLO first");
    session->state = SESSION_NEW; /* a HELLO may follow in this very turn */
    return OK;
}

static enum err ignore(struct session *session, struct turn *turn, const struct said *said)
{
    (void)session, (void)turn, (void)said;
    return OK;
}

static enum err lend(struct session *session, struct turn *turn, const struct said *said)
{
    (void)turn;
    session->credit = said->message->ask.credit;
    session->column = said->message->ask.column;
    session->stalled = false;
    return OK;
}

static void add_work(struct ledger_work *sum, const struct wire_result *result)
{
    sum->units++;
#define COUNTER(name) sum->name += result->name;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
    sum->busy_us += result->busy_us;
    if (result->peak_bytes > sum->peak_bytes) sum->peak_bytes = result->peak_bytes;
}

static enum err accept_result(struct session *session, struct turn *turn, const struct said *said)
{
    const struct wire_result *result = &said->message->result;
    if (!wire_text_is(&result->class, "exact"))
        return session_refuse(session, turn, "RESULT: its class of arithmetic is not exact");
    if (said->size > WIRE_BYTES_MAX)
        return session_refuse(session, turn, "RESULT: its tally is too large");

    if (plan_believe(turn->plan, result->unit, said->body, said->size))
        return session_refuse(session, turn, err_text());
    enum err err = ledger_finish(turn->ledger, result->unit, result->attempt, session->worker,
                                 turn->now_ms, "exact", said->body, said->size);
    if (err == ERR_FORMAT) return session_refuse(session, turn, err_text());
    if (!err) add_work(&session->work, result);
    if (err == ERR_MISMATCH) snprintf(turn->alarm, sizeof(turn->alarm), "%s", err_text());
    if (err && err != ERR_STALE && err != ERR_MISMATCH) return err;
    session->faults = 0;
    session->stalled = false; /* it has answered for a unit, so it moves */
    return list_add(&session->acks, result->unit, result->attempt);
}

/* The input's fault ends the run. What this turn has stored so far stays stored. */
static enum err end_run(struct session *session, struct turn *turn, const char *reason)
{
    enum err err = ledger_release_worker(turn->ledger, session->worker, turn->now_ms);
    if (!err)
        err =
            ledger_event(turn->ledger, turn->now_ms, "input", -1, (int64_t)session->worker, reason);
    if (!err) err = ledger_commit(turn->ledger);
    if (!err) err = ledger_begin(turn->ledger);
    turn->refused = true;
    return err ? err : err_note(ERR_INPUT, "%s", reason);
}

static enum err accept_failure(struct session *session, struct turn *turn, const struct said *said)
{
    const struct wire_fail *fail = &said->message->fail;
    const bool of_unit = fail->attempt > 0; /* else it failed before it began one */
    char reason[WIRE_TEXT_MAX + 1];
    bool set_aside = false;
    enum err err = OK;
    wire_text_copy(&fail->reason, reason, sizeof(reason));
    if (fail->blame == BLAME_INPUT) return end_run(session, turn, reason);

    if (of_unit)
        err = ledger_fail(turn->ledger, fail->unit, fail->attempt, session->worker, turn->now_ms,
                          fail->blame == BLAME_UNIT, reason, &set_aside);
    if (err == ERR_FORMAT) return session_refuse(session, turn, err_text());
    if (!err && (!of_unit || set_aside))
        err = ledger_event(turn->ledger, turn->now_ms, set_aside ? "failed" : "worker",
                           of_unit ? (int64_t)fail->unit : -1, (int64_t)session->worker, reason);
    if (err) return err;
    session->stalled = false;
    if ((of_unit && fail->blame != BLAME_WORKER) || ++session->faults < SESSION_FAULTS_MAX)
        return OK;
    return session_refuse(session, turn, "it failed too often in a row by its own fault");
}

/* Leases are renewed by progress, and only those that it says it holds: a GRANT may be lost. What
 * ran out meanwhile is its own again, unless somebody else has it. */
static enum err renew(struct session *session, struct turn *turn, const struct wire_lease *held)
{
    const int64_t span_ms = turn->config.lease_ms;
    if (ledger_renew(turn->ledger, held->unit, held->attempt, session->worker,
                     turn->now_ms + span_ms))
        return OK;
    const enum err err = ledger_adopt(turn->ledger, held->unit, held->attempt, session->worker,
                                      turn->now_ms, span_ms);
    return err == ERR_STALE ? OK : err;
}

static enum err note_beat(struct session *session, struct turn *turn, const struct said *said)
{
    const struct wire_beat *beat = &said->message->beat;
    session->beat = true;
    if (beat->held.count == 0) session->stalled = false;
    if (beat->progress == session->progress) return OK;
    session->progress = beat->progress;
    session->stalled = false;
    enum err err = OK;
    for (uint32_t i = 0; !err && i < beat->held.count; i++)
        err = renew(session, turn, &beat->held.at[i]);
    return err;
}

static enum err leave(struct session *session, struct turn *turn, const struct said *said)
{
    char reason[SESSION_DETAIL_SIZE];
    wire_text_copy(&said->message->bye.reason, reason, sizeof(reason));
    enum err err = ledger_release_worker(turn->ledger, session->worker, turn->now_ms);
    session->stop = false;
    return err ? err : end(session, turn, *reason ? reason : "left");
}

/* The protocol, whole. Where nothing stands, the message is the coordinator's own: refused. */
/* clang-format off */
static move *const moves[SESSION_STATES][WIRE_TYPES] = {
#define ROW(state, hello, ask, result, fail, beat, bye)                                            \
    [state] = {[WIRE_HELLO_MESSAGE] = hello,   [WIRE_ASK_MESSAGE] = ask,                           \
               [WIRE_RESULT_MESSAGE] = result, [WIRE_FAIL_MESSAGE] = fail,                         \
               [WIRE_BEAT_MESSAGE] = beat,     [WIRE_BYE_MESSAGE] = bye}
    /*                   HELLO   ASK       RESULT         FAIL            BEAT       BYE   */
    ROW(SESSION_NEW,     greet,  estrange, estrange,      estrange,       estrange,  ignore),
    ROW(SESSION_OPEN,    greet,  lend,     accept_result, accept_failure, note_beat, leave),
    ROW(SESSION_LEAVING, ignore, ignore,   accept_result, accept_failure, ignore,    leave),
    ROW(SESSION_GONE,    ignore, ignore,   ignore,        ignore,         ignore,    ignore),
#undef ROW
};
/* clang-format on */

enum err session_receive(struct session *session, struct turn *turn, const struct wire *message,
                         const uint8_t *body, size_t size)
{
    char why[SESSION_DETAIL_SIZE];
    const struct said said = {message, body, size};
    move *const next = moves[session->state][message->type];
    session->heard_ms = turn->clock_ms;
    if (next && (!body || message->type == WIRE_RESULT_MESSAGE)) return next(session, turn, &said);
    snprintf(why, sizeof(why), "%s: not expected%s", wire_name[message->type],
             next ? " with a second frame" : " from a worker");
    return session_refuse(session, turn, why);
}

/* ---- what a worker is told -------------------------------------------------------------- */

enum err session_grant(struct session *session, struct turn *turn, uint64_t share)
{
    const uint64_t most = share < WIRE_LEASES_MAX ? share : WIRE_LEASES_MAX;
    uint64_t held = ledger_held(turn->ledger, session->worker);
    if (held == 0) session->holds_alone = false;
    while (session->credit > 0 && held < most && !session->holds_alone) {
        struct lease lease;
        enum err err = ledger_lease(turn->ledger, session->worker, session->column, held == 0,
                                    turn->now_ms, turn->config.lease_ms, &lease);
        if (err) return err == ERR_NONE ? OK : err;
        err = list_add(&session->grants, lease.unit, lease.attempt);
        if (err) return err;
        if (session->column == WIRE_NO_COLUMN)
            session->column = lease.unit % plan_columns(turn->plan);
        session->holds_alone = lease.alone;
        session->credit--;
        held++;
    }
    return OK;
}

enum err session_store_work(struct session *session, struct turn *turn)
{
    if (session->work.units == 0) return OK;
    const enum err err = ledger_work(turn->ledger, session->worker, &session->work);
    session->work = (struct ledger_work){0};
    return err;
}

static void write_welcome(const struct session *session, const struct turn *turn,
                          struct wire_welcome *out)
{
    const struct settings *settings = plan_settings(turn->plan);
    size_t count;
    const struct ledger_input *input = plan_inputs(turn->plan, &count);
    check((int)SETTING_TOTAL <= WIRE_PAIRS_MAX && count <= WIRE_INPUTS_MAX);
    out->worker = session->worker;
    out->run = *plan_run_digest(turn->plan);
    out->beat_ms = turn->config.beat_ms;
    out->lease_ms = turn->config.lease_ms;
    out->settings.count = 0;
    for (int i = 0; i < SETTING_TOTAL; i++)
        if (i != SET_db && settings_given(settings, (enum setting)i))
            out->settings.at[out->settings.count++] =
                (struct wire_pair){wire_text(setting_rows[i].name),
                                   wire_text(settings_text(settings, (enum setting)i))};
    out->inputs.count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        out->inputs.at[i] = (struct wire_input){wire_text(input[i].role), wire_text(input[i].path),
                                                input[i].size_bytes,      input[i].digest,
                                                input[i].device,          input[i].inode,
                                                input[i].mtime_ns,        input[i].ctime_ns};
}

/* True once if `flag` was set. */
static bool take(bool *flag)
{
    const bool was = *flag;
    *flag = false;
    return was;
}

enum err session_next(struct session *session, const struct turn *turn, struct wire *out)
{
    if (take(&session->welcome)) {
        out->type = WIRE_WELCOME_MESSAGE;
        write_welcome(session, turn, &out->welcome);
    } else if (list_take(&session->acks, &out->ack.leases)) {
        out->type = WIRE_ACK_MESSAGE;
    } else if (list_take(&session->grants, &out->grant.leases)) {
        out->type = WIRE_GRANT_MESSAGE;
    } else if (take(&session->beat)) {
        out->type = WIRE_BEAT_MESSAGE;
        out->beat.progress = 0;
        out->beat.held.count = 0;
    } else if (take(&session->stop)) {
        out->type = WIRE_STOP_MESSAGE;
        out->stop.reason = session->stop_reason;
        out->stop.detail = wire_text(session->stop_detail);
    } else {
        return ERR_NONE;
    }
    return OK;
}
