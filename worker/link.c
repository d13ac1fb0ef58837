/* link - one loop round a socket, a signalfd and the runner's event. */
#include "worker/link.h"

#include "worker/talk.h"

#include "common/wire.h"

#include <czmq.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_S = 1,
    PAUSE_LAST_S = 32,
    LINGER_MS = 2000,  /* for the last results and BYE */
    SEND_QUEUE = 4096, /* messages; more than the results and beats that can ever wait */
};

struct link {
    const struct link_config *config;
    struct talk *talk;
    zsock_t *socket; /* NULL while it pauses between two connections */
    void *handle;    /* the ZeroMQ socket in it */
    int signal_fd;
    int signal; /* that was caught */
    int64_t now_ms;
    int64_t heard_ms, answered_ms; /* last word on this connection (or its start), and on any */
    int64_t beat_due_ms, reopen_ms;
    int64_t pause_s;
    uint64_t random;
};

static int64_t clock_ms(void)
{
    struct timespec now;
    check(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- the socket ----------------------------------------------------------------------------- */

/* When ZeroMQ has no room or no connection, nothing is lost that must not be: results are kept,
 * and silence shows soon. */
static void send_frames(void *context, const uint8_t *header, size_t header_size,
                        const uint8_t *body, size_t body_size)
{
    struct link *link = context;
    if (!link->handle) return;
    const int flags = ZMQ_DONTWAIT | (body_size ? ZMQ_SNDMORE : 0);
    if (zmq_send(link->handle, header, header_size, flags) < 0) return;
    if (body_size) (void)zmq_send(link->handle, body, body_size, ZMQ_DONTWAIT);
}

static enum err connect_socket(struct link *link)
{
    link->socket = zsock_new(ZMQ_DEALER);
    if (!link->socket) return err_note(ERR_IO, "socket: %s", zmq_strerror(zmq_errno()));
    link->handle = zsock_resolve(link->socket);
    zsock_set_linger(link->socket, LINGER_MS);
    zsock_set_sndhwm(link->socket, SEND_QUEUE);
    zsock_set_rcvhwm(link->socket, SEND_QUEUE);
    zsock_set_maxmsgsize(link->socket, WIRE_BYTES_MAX);
    /* A new connection must begin with HELLO, so only we make one. */
    zsock_set_reconnect_ivl(link->socket, -1);
    if (zmq_connect(link->handle, link->config->endpoint) != 0)
        return err_note(ERR_USAGE, "endpoint: %s: %s", link->config->endpoint,
                        zmq_strerror(zmq_errno()));
    link->heard_ms = link->now_ms;
    return talk_hello(link->talk);
}

/* Closes the socket and plans when to connect again: later each time, and not in step with the
 * other workers that lost the same coordinator. */
static void lose_coordinator(struct link *link)
{
    zsock_set_linger(link->socket, 0);
    zsock_destroy(&link->socket);
    link->handle = NULL;
    talk_lost(link->talk);
    link->random ^= link->random << 13;
    link->random ^= link->random >> 7;
    link->random ^= link->random << 17;
    const int64_t pause_ms = link->pause_s * 1000;
    link->reopen_ms = link->now_ms + pause_ms / 2 + (int64_t)(link->random % (uint64_t)pause_ms);
    link->pause_s = sooner(link->pause_s * 2, PAUSE_LAST_S);
}

/* One message; frames beyond its first mean nothing from this side. */
static enum err receive_one(struct link *link, bool *came)
{
    zmq_msg_t frame;
    enum err err = OK;
    bool more = true;
    *came = false;
    for (bool first = true; more; first = false) {
        check(zmq_msg_init(&frame) == 0);
        more = zmq_msg_recv(&frame, link->handle, ZMQ_DONTWAIT) >= 0;
        if (more && first) {
            *came = true;
            err = talk_hear(link->talk, link->now_ms, zmq_msg_data(&frame), zmq_msg_size(&frame));
        }
        if (more) more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return err;
}

static enum err receive_all(struct link *link)
{
    bool came = true;
    enum err err = OK;
    while (!err && came && link->handle && !talk_over(link->talk)) {
        err = receive_one(link, &came);
        if (came) link->heard_ms = link->answered_ms = link->now_ms;
    }
    return err;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int64_t silence_ms(const struct link *link)
{
    return LINK_SILENCE_BEATS * talk_beat_ms(link->talk);
}

/* A result that is not acknowledged while other messages come was lost on the way. */
static bool silent(const struct link *link)
{
    return sooner(link->heard_ms, talk_oldest_ms(link->talk)) < link->now_ms - silence_ms(link);
}

static enum err keep_time(struct link *link)
{
    const int64_t patience_ms = (int64_t)link->config->patience_s * 1000;
    if (link->socket && silent(link)) lose_coordinator(link);
    if (talk_greeted(link->talk)) {
        link->pause_s = PAUSE_FIRST_S;
        if (link->now_ms < link->beat_due_ms) return OK;
        link->beat_due_ms = link->now_ms + talk_beat_ms(link->talk);
        return talk_beat(link->talk);
    }
    if (patience_ms && link->now_ms - link->answered_ms > patience_ms)
        return err_note(ERR_IO, "coordinator: %s: no answer for %u s; is it running?",
                        link->config->endpoint, link->config->patience_s);
    return !link->socket && link->now_ms >= link->reopen_ms ? connect_socket(link) : OK;
}

static int64_t due_ms(const struct link *link)
{
    int64_t due = link->socket ? link->heard_ms + silence_ms(link) + 1 : link->reopen_ms;
    if (talk_greeted(link->talk)) return sooner(due, link->beat_due_ms);
    if (link->config->patience_s)
        due = sooner(due, link->answered_ms + (int64_t)link->config->patience_s * 1000 + 1);
    return due;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* A signal: what is finished is sent, what is not is given back. */
static enum err interrupted(struct link *link)
{
    struct signalfd_siginfo info;
    if (read(link->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) return OK;
    link->signal = (int)info.ssi_signo;
    enum err err = talk_work(link->talk, link->now_ms);
    if (!err && talk_greeted(link->talk)) err = talk_bye(link->talk, "interrupted");
    return err ? err : err_note(ERR_INTERRUPTED, "interrupted: units not finished were given back");
}

static enum err turn(struct link *link)
{
    /* ZeroMQ takes neither a closed socket nor a negative descriptor, so those come last. */
    zmq_pollitem_t items[3] = {{NULL, link->signal_fd, ZMQ_POLLIN, 0}};
    const int event = talk_event(link->talk);
    int count = 1;
    if (event >= 0) items[count++] = (zmq_pollitem_t){NULL, event, ZMQ_POLLIN, 0};
    if (link->handle) items[count++] = (zmq_pollitem_t){link->handle, 0, ZMQ_POLLIN, 0};
    const int64_t wait_ms = due_ms(link) - clock_ms();
    if (zmq_poll(items, count, wait_ms > 0 ? (long)wait_ms : 0) < 0 && zmq_errno() != EINTR)
        return err_note(ERR_IO, "poll: %s", zmq_strerror(zmq_errno()));

    link->now_ms = clock_ms();
    enum err err = items[0].revents ? interrupted(link) : OK;
    if (!err) err = receive_all(link);
    if (!err && !talk_over(link->talk)) err = talk_work(link->talk, link->now_ms);
    if (!err && !talk_over(link->talk)) err = keep_time(link);
    return err;
}

static enum err open_signals(struct link *link, sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    check(pthread_sigmask(SIG_BLOCK, &ours, before) == 0);
    link->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    return link->signal_fd >= 0 ? OK : err_note(ERR_IO, "signalfd: %s", strerror(errno));
}

static enum err check_config(const struct link_config *config)
{
    if (!strncmp(config->endpoint, "tcp://", 6))
        return err_note(ERR_USAGE,
                        "tcp: %s: needs CURVE keys, which this version does not have; "
                        "use ipc://",
                        config->endpoint);
    if (strncmp(config->endpoint, "ipc://", 6) != 0)
        return err_note(ERR_USAGE, "endpoint: %s: not of the form ipc://PATH", config->endpoint);
    if (!backend_find(config->runner.device))
        return err_note(ERR_USAGE, "device: %s: this worker was built without it; use cpu",
                        config->runner.device);
    return OK;
}

enum err link_run(const struct link_config *config, int *signal)
{
    struct link link = {.config = config, .signal_fd = -1, .pause_s = PAUSE_FIRST_S};
    sigset_t before;
    link.now_ms = link.answered_ms = clock_ms();
    link.random = (uint64_t)getpid() * 0x9e3779b97f4a7c15u + 1;

    enum err err = open_signals(&link, &before);
    if (!err) err = check_config(config);
    if (!err) err = talk_open(config, send_frames, &link, &link.talk);
    if (!err) {
        zsys_handler_set(NULL); /* signals are ours */
        err = connect_socket(&link);
    }
    while (!err && !talk_over(link.talk)) err = turn(&link);

    zsock_destroy(&link.socket); /* the last words go out while the runner ends */
    talk_close(&link.talk);
    if (link.signal_fd >= 0) close(link.signal_fd);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    *signal = link.signal;
    return err;
}
