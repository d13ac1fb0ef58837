/* serve - rounds: wait, collect, decide, speak. */
#include "coordinator/serve.h"

#include "coordinator/endpoint.h"
#include "coordinator/footprint.h"
#include "coordinator/local.h"
#include "coordinator/progress.h"

#include <czmq.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGES_A_TURN = 4096, /* so that one commit is not put off for ever */
    SEND_QUEUE = 10000,     /* per worker; its credit bounds what is ever in it */
    RECEIVE_QUEUE = 10000,
    REPEAT_MS = 500, /* the same signal again within this is the same wish */
    LINGER_MS = 500, /* for the last STOP to remote workers */
    ID_BYTES = 5,    /* of the routing ids that ZeroMQ makes: 0, then 32 bits */
    PATH_BYTES = 4096,
    DEATH_BYTES = 128,
    NOTE_BYTES = 1024,
    HOST_BYTES = 256,
};

struct serve {
    const struct serve_config *config;
    struct ledger *ledger;
    struct hub *hub;
    struct endpoint *endpoint;
    zsock_t *socket;
    void *handle; /* the ZeroMQ socket in it */
    int signal_fd;
    int signals;          /* SIGINT and SIGTERM so far */
    int64_t signalled_ms; /* when the first came */
    struct local *local;
    int64_t local_due_ms;
    struct progress *progress;
    struct footprint footprint;
    char host[HOST_BYTES];
    char fault[NOTE_BYTES]; /* why it fails though it ends: the input, or results that differ */
    struct serve_report *report;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    check(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- socket ---------------------------------------------------------------------------------- */

/* libzmq aborts when it runs out of file descriptors, and each worker takes two. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit); /* then it stays as it is */
}

static enum err open_socket(struct serve *serve)
{
    enum err err = endpoint_open(serve->config->bind, &serve->endpoint);
    if (err) return err;
    raise_file_limit();
    zsys_handler_set(NULL); /* signals are ours */
    serve->socket = zsock_new(ZMQ_ROUTER);
    if (!serve->socket) return err_note(ERR_IO, "socket: %s", zmq_strerror(zmq_errno()));
    serve->handle = zsock_resolve(serve->socket);
    zsock_set_router_mandatory(serve->socket, 1); /* else messages to those gone vanish unseen */
    zsock_set_router_handover(serve->socket, 0);  /* else a peer could take another's place */
    zsock_set_sndhwm(serve->socket, SEND_QUEUE);
    zsock_set_rcvhwm(serve->socket, RECEIVE_QUEUE);
    zsock_set_maxmsgsize(serve->socket, WIRE_BYTES_MAX);
    zsock_set_linger(serve->socket, LINGER_MS);
    zsock_set_sndtimeo(serve->socket, 0);
    const char *address = endpoint_address(serve->endpoint);
    if (zmq_bind(serve->handle, address) != 0)
        return err_note(ERR_IO, "bind: %s: %s", address, zmq_strerror(zmq_errno()));
    if (serve->config->endpoint_file)
        err = endpoint_tell(serve->endpoint, serve->config->endpoint_file);
    if (!err && serve->config->endpoint_file) {
        printf("%s\n", address);
        fflush(stdout);
    }
    return err;
}

/* Stores where our folder is, so that it can be swept if we are killed, and sweeps that of a
 * predecessor that was. */
static enum err remember_folder(struct serve *serve)
{
    char before[PATH_BYTES] = "";
    enum err err = ledger_get(serve->ledger, "socket_folder", before, sizeof before);
    if (err && err != ERR_NONE) return err;
    if (before[0]) endpoint_sweep(before);
    err = ledger_begin(serve->ledger);
    if (!err) err = ledger_set(serve->ledger, "socket_folder", endpoint_folder(serve->endpoint));
    return err ? err : ledger_commit(serve->ledger);
}

/* The number that stands for a connection: the 32 bits of its routing id. A peer that chose
 * another id is none of our workers. */
static bool peer_of(const zmq_msg_t *id, uint64_t *peer)
{
    const uint8_t *bytes = zmq_msg_data((zmq_msg_t *)(uintptr_t)id);
    if (zmq_msg_size(id) != ID_BYTES || bytes[0] != 0) return false;
    *peer = 0;
    for (size_t i = 1; i < ID_BYTES; i++) *peer = *peer << 8 | bytes[i];
    return true;
}

static void send_to(struct serve *serve, uint64_t peer, const uint8_t *bytes, size_t size)
{
    uint8_t id[ID_BYTES] = {0};
    for (size_t i = 1; i < ID_BYTES; i++) id[i] = (uint8_t)(peer >> (8 * (ID_BYTES - 1 - i)));
    /* A peer that is gone, or takes nothing any more, shows by its silence. */
    if (zmq_send(serve->handle, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void)zmq_send(serve->handle, bytes, size, ZMQ_DONTWAIT);
}

static enum err send_all(struct serve *serve)
{
    const uint8_t *bytes;
    size_t size;
    uint64_t peer;
    enum err err;
    while ((err = hub_next(serve->hub, &peer, &bytes, &size)) == OK)
        send_to(serve, peer, bytes, size);
    return err == ERR_NONE ? OK : err;
}

/* The local workers' table learns who is who, and who delivers. */
static void tell_local(struct serve *serve, uint64_t peer, const uint8_t *bytes, size_t size,
                       bool with_body)
{
    if (!serve->local) return;
    const enum wire_type type = with_body ? WIRE_RESULT_MESSAGE : wire_peek(bytes, size);
    if (type == WIRE_RESULT_MESSAGE) local_thrives(serve->local, peer);
    if (type == WIRE_ASK_MESSAGE) local_asks(serve->local, peer);
    if (type == WIRE_HELLO_MESSAGE) {
        struct wire message;
        if (wire_decode(bytes, size, &message) == OK)
            local_greets(serve->local, message.hello.pid, peer);
    }
}

/* The frames of one message: id, header, body. More of them are no message of ours: the hub then
 * gets an empty header, which it refuses. */
enum { ID_FRAME, HEADER_FRAME, BODY_FRAME, FRAMES };

static bool receive_frames(struct serve *serve, zmq_msg_t frames[FRAMES], int *count)
{
    bool more = true;
    *count = 0;
    while (more) {
        zmq_msg_t extra;
        zmq_msg_t *frame = *count < FRAMES ? &frames[*count] : &extra;
        check(zmq_msg_init(frame) == 0);
        if (zmq_msg_recv(frame, serve->handle, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            return false;
        }
        more = zmq_msg_more(frame);
        if (frame == &extra) zmq_msg_close(frame);
        ++*count;
    }
    return true;
}

static enum err receive_one(struct serve *serve, bool *came)
{
    zmq_msg_t frames[FRAMES];
    uint64_t peer;
    int count;
    enum err err = OK;
    *came = receive_frames(serve, frames, &count);
    const int held = count < FRAMES ? count : FRAMES;
    if (*came && peer_of(&frames[ID_FRAME], &peer)) {
        const bool with_body = count == FRAMES;
        const bool good = count == HEADER_FRAME + 1 || with_body;
        const uint8_t *header = good ? zmq_msg_data(&frames[HEADER_FRAME]) : NULL;
        const size_t size = good ? zmq_msg_size(&frames[HEADER_FRAME]) : 0;
        tell_local(serve, peer, header, size, with_body);
        err = hub_receive(serve->hub, peer, header, size,
                          with_body ? zmq_msg_data(&frames[BODY_FRAME]) : NULL,
                          with_body ? zmq_msg_size(&frames[BODY_FRAME]) : 0);
    }
    for (int i = 0; i < held; i++) zmq_msg_close(&frames[i]);
    return err;
}

static enum err receive_all(struct serve *serve)
{
    bool came = true;
    enum err err = OK;
    for (int i = 0; !err && came && i < MESSAGES_A_TURN; i++) err = receive_one(serve, &came);
    return err;
}

/* ---- signals and children -------------------------------------------------------------------- */

static enum err reap_children(struct serve *serve)
{
    char how[DEATH_BYTES];
    uint64_t pid;
    enum err err = OK;
    const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    while (!err && local_reap(serve->local, now_ms, &pid, how, sizeof how) == OK) {
        if (*how) {
            err = hub_died(serve->hub, pid, how);
            progress_remark(serve->progress, now_ms, local_news(serve->local));
        }
        serve->local_due_ms = now_ms;
    }
    return err;
}

/* timeout(1) signals its child and then the whole group, so that one wish comes twice. */
static void stop_asked(struct serve *serve, int signal)
{
    const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    if (serve->signals && signal == serve->report->signal &&
        now_ms - serve->signalled_ms < REPEAT_MS)
        return;
    serve->report->signal = signal;
    if (serve->signals++ > 0) return;
    serve->signalled_ms = now_ms;
    progress_say(serve->progress, "finishing the units in work; once more stops at once");
    hub_drain(serve->hub);
    if (serve->local) local_retire(serve->local);
}

static enum err take_signals(struct serve *serve)
{
    struct signalfd_siginfo info;
    enum err err = OK;
    while (!err && read(serve->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            stop_asked(serve, (int)info.ssi_signo);
        else if (serve->local)
            err = reap_children(serve);
    }
    return err;
}

static enum err open_signals(struct serve *serve, sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGCHLD);
    check(pthread_sigmask(SIG_BLOCK, &ours, before) == 0);
    serve->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    return serve->signal_fd >= 0 ? OK : err_note(ERR_IO, "signalfd: %s", strerror(errno));
}

static enum err open_local(struct serve *serve)
{
    const struct serve_config *config = serve->config;
    const struct local_config local = {
        .worker_path = config->worker_path,
        .endpoint = endpoint_address(serve->endpoint),
        .workers = config->workers,
        .threads = config->threads,
        .lanes = config->lanes,
        .fast_pass = config->fast_pass,
    };
    if (!config->worker_path) return OK;
    const enum err err = local_open(&local, &serve->local);
    return err ? err : local_start(serve->local, clock_ms(CLOCK_MONOTONIC), &serve->local_due_ms);
}

static enum err start_due(struct serve *serve)
{
    const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    if (!serve->local || now_ms < serve->local_due_ms) return OK;
    return local_start(serve->local, now_ms, &serve->local_due_ms);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static void look_at_memory(struct serve *serve)
{
    uint64_t *pids = serve->local ? calloc(serve->config->workers, sizeof *pids) : NULL;
    const uint32_t count = pids ? serve->config->workers : 0;
    for (uint32_t i = 0; i < count; i++) pids[i] = local_pid(serve->local, i);
    footprint_look(&serve->footprint, pids, count);
    serve->report->peak_pss_bytes = serve->footprint.peak_bytes;
    free(pids);
}

static enum err wait_for_something(struct serve *serve, int64_t wait_ms)
{
    zmq_pollitem_t items[] = {{serve->handle, 0, ZMQ_POLLIN, 0},
                              {NULL, serve->signal_fd, ZMQ_POLLIN, 0}};
    if (zmq_poll(items, 2, wait_ms > 0 ? (long)wait_ms : 0) < 0 && zmq_errno() != EINTR)
        return err_note(ERR_IO, "poll: %s", zmq_strerror(zmq_errno()));
    return OK;
}

static int64_t due_in_ms(const struct serve *serve)
{
    const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    const int64_t hub_due_ms = hub_deadline(serve->hub);
    int64_t wait_ms = sooner(serve->footprint.due_ms, progress_due_ms(serve->progress)) - now_ms;
    if (serve->local) wait_ms = sooner(wait_ms, serve->local_due_ms - now_ms);
    if (hub_due_ms < INT64_MAX) wait_ms = sooner(wait_ms, hub_due_ms - clock_ms(CLOCK_REALTIME));
    return wait_ms;
}

/* The run cannot go on, but the turn can: others must be told. */
static enum err note_refusal(struct serve *serve, enum err err)
{
    if (err != ERR_INPUT || hub_state(serve->hub) != HUB_REFUSED) return err;
    snprintf(serve->fault, sizeof serve->fault, "%s", err_text());
    return OK;
}

static enum err tell_silent(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    struct serve *serve = context;
    char line[NOTE_BYTES];
    (void)columns, (void)names;
    snprintf(line, sizeof line,
             "worker %.200s (pid %s on %.200s) has fallen silent and is taken for gone", values[0],
             values[1], values[2]);
    progress_remark(serve->progress, clock_ms(CLOCK_MONOTONIC), line);
    return OK;
}

/* While a turn ends, silence is all that makes workers fewer. */
static enum err end_turn(struct serve *serve)
{
    const uint64_t before = hub_workers(serve->hub);
    const enum err err = hub_end(serve->hub);
    const uint64_t after = hub_workers(serve->hub);
    if (err || after >= before) return err;
    return ledger_query(serve->ledger,
                        "SELECT name, pid, host FROM worker WHERE how = 'silent'"
                        " ORDER BY left_ms DESC, worker DESC LIMIT ?1",
                        before - after, tell_silent, serve);
}

/* One turn of the hub. */
static enum err turn(struct serve *serve)
{
    enum err err = hub_begin(serve->hub, clock_ms(CLOCK_REALTIME));
    if (!err) err = note_refusal(serve, receive_all(serve));
    if (!err) err = take_signals(serve);
    if (!err) err = end_turn(serve);
    char alarm[NOTE_BYTES];
    if (*hub_alarm(serve->hub, alarm, sizeof alarm)) {
        progress_say(serve->progress, alarm);
        memcpy(serve->fault, alarm, sizeof alarm);
    }
    return err;
}

static enum err look_around(struct serve *serve)
{
    const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    progress_show(serve->progress, now_ms, hub_workers(serve->hub));
    if (now_ms >= serve->footprint.due_ms) look_at_memory(serve);
    return start_due(serve);
}

/* Nobody is left who could work, and nobody can be expected. */
static bool deserted(const struct serve *serve)
{
    if (!serve->local || hub_workers(serve->hub)) return false;
    return local_alive(serve->local) == 0;
}

static enum err rounds(struct serve *serve)
{
    enum err err = OK;
    while (!err && hub_state(serve->hub) == HUB_WORKING && serve->signals < 2) {
        err = wait_for_something(serve, due_in_ms(serve));
        if (!err) err = turn(serve);
        const bool goes_on = hub_state(serve->hub) == HUB_WORKING;
        if (!err && !goes_on) look_at_memory(serve); /* while the workers still have theirs */
        if (!err) err = send_all(serve);
        if (!err && goes_on) err = look_around(serve);
        if (!err && goes_on && deserted(serve)) break;
    }
    return err;
}

/* ---- the end --------------------------------------------------------------------------------- */

static enum err note_failed(const struct serve *serve)
{
    struct ledger_counts counts;
    ledger_counts(serve->ledger, &counts);
    return err_note(ERR_FAILED, "run: %llu of %llu units failed; `millrace explain` tells why",
                    (unsigned long long)counts.unit[UNIT_FAILED], (unsigned long long)counts.total);
}

static enum err note_deserted(const struct serve *serve)
{
    const char *death = local_last_death(serve->local);
    return err_note(ERR_FAILED, "run: no worker is left%s%s%s; the same command resumes it",
                    *death ? ": the last one " : "", death,
                    *death ? "; its own message is above, and `millrace explain DB` lists the units"
                             " that failed"
                           : "");
}

/* What the run came to. */
static enum err judge(const struct serve *serve)
{
    const enum hub_state state = hub_state(serve->hub);
    if (*serve->fault) return err_note(ERR_FAILED, "run: %s", serve->fault);
    if (state == HUB_COMPLETE) return OK;
    if (state == HUB_ENDED) return note_failed(serve);
    if (serve->signals)
        return err_note(ERR_INTERRUPTED, "interrupted: the same command resumes the run");
    return note_deserted(serve);
}

/* Workers were told to stop. They say BYE, and local ones end by themselves, unless stuck. */
static enum err take_leave(struct serve *serve)
{
    const int64_t end_ms = clock_ms(CLOCK_MONOTONIC) + LOCAL_GRACE_MS;
    enum err err = OK;
    if (serve->local) local_retire(serve->local);
    while (!err && serve->signals < 2) {
        const bool running = serve->local && local_running(serve->local);
        const int64_t left_ms = end_ms - clock_ms(CLOCK_MONOTONIC);
        if (left_ms <= 0 || (!running && !hub_workers(serve->hub))) break;
        err = wait_for_something(serve, left_ms);
        if (!err) err = turn(serve);
        if (!err) err = send_all(serve);
    }
    return err;
}

static void close_all(struct serve *serve)
{
    if (serve->local && serve->signals > 1) local_kill(serve->local);
    local_close(&serve->local);
    zsock_destroy(&serve->socket);
    endpoint_close(&serve->endpoint);
    progress_close(&serve->progress);
    hub_close(&serve->hub);
    if (serve->signal_fd >= 0) close(serve->signal_fd);
}

static enum err open_hub(struct serve *serve, struct plan *plan)
{
    struct hub_config config = serve->config->hub;
    if (gethostname(serve->host, sizeof serve->host - 1) == 0) config.host = serve->host;
    return hub_open(plan, serve->ledger, &config, &serve->hub);
}

enum err serve_run(struct plan *plan, struct ledger *ledger, const struct serve_config *config,
                   struct serve_report *report)
{
    const int64_t start_ms = clock_ms(CLOCK_MONOTONIC);
    struct serve serve = {.config = config, .ledger = ledger, .report = report, .signal_fd = -1};
    sigset_t before;
    *report = (struct serve_report){0};

    enum err err = open_signals(&serve, &before);
    if (!err) err = open_socket(&serve);
    if (!err) err = remember_folder(&serve);
    if (!err) err = open_local(&serve); /* they load their inputs while the hub opens */
    if (!err) err = open_hub(&serve, plan);
    if (!err) {
        serve.footprint.due_ms = start_ms + 1000;
        serve.progress = progress_open(ledger, config->quiet, start_ms);
        err = rounds(&serve);
    }
    if (!err && serve.signals < 2) err = take_leave(&serve);
    if (!err) err = judge(&serve);
    if (!err && config->endpoint_file && !config->quiet)
        progress_say(serve.progress, "done: every unit; `millrace report DB` shows the metrics");
    close_all(&serve);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    report->wall_s = (double)(clock_ms(CLOCK_MONOTONIC) - start_ms) / 1000;
    return err;
}
