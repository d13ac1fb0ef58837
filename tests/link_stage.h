/*
 * link_stage - a coordinator that a test plays by hand, over a real socket, for a real worker,
 * which is the test's own program started again with a worker's arguments.
 */
#ifndef TESTS_LINK_STAGE_H
#define TESTS_LINK_STAGE_H

#include "common/wire.h"
#include "tests/test.h"

#include <czmq.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BEAT_MS = 200 };

/* ---- the scripted coordinator ---------------------------------------------------------------- */

struct stage {
    char folder[64], address[128], input[128], errors[128];
    zsock_t *socket;
    pid_t worker;
    uint8_t id[16]; /* of the peer that spoke last */
    size_t id_size;
    uint8_t header[8192], body[64];
    int body_size; /* of the message that came last; -1: none */
    struct wire message;
};

static void bind_socket(struct stage *stage)
{
    zsys_handler_set(NULL);
    stage->socket = zsock_new(ZMQ_ROUTER);
    assert_non_null(stage->socket);
    zsock_set_rcvtimeo(stage->socket, 20000); /* only a failing test waits so long */
    zsock_set_linger(stage->socket, 100);
    assert_int_equal(zmq_bind(zsock_resolve(stage->socket), stage->address), 0);
}

/* The worker's errors go into a file. */
static void start_worker(struct stage *stage, const char *endpoint, const char *patience)
{
    stage->worker = fork();
    if (stage->worker != 0) return;
    const int errors = open(stage->errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(errors, STDERR_FILENO);
    execl("/proc/self/exe", "worker", "--connect", endpoint, "--threads", "1", "--patience",
          patience, (char *)NULL);
    _exit(127);
}

static int setup(void **state)
{
    struct stage *stage = *state = calloc(1, sizeof *stage);
    if (!stage) return -1;
    snprintf(stage->folder, sizeof stage->folder, "/tmp/test_link-XXXXXX");
    if (!mkdtemp(stage->folder)) return -1;
    snprintf(stage->address, sizeof stage->address, "ipc://%s/socket", stage->folder);
    snprintf(stage->input, sizeof stage->input, "%s/test.txt", stage->folder);
    snprintf(stage->errors, sizeof stage->errors, "%s/errors", stage->folder);
    FILE *file = fopen(stage->input, "w");
    if (!file || fputs("a\tr\tb\n", file) < 0 || fclose(file) != 0) return -1;
    bind_socket(stage);
    start_worker(stage, stage->address, "60");
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    char path[256];
    if (stage->worker) {
        kill(stage->worker, SIGKILL);
        waitpid(stage->worker, NULL, 0);
    }
    zsock_destroy(&stage->socket);
    snprintf(path, sizeof path, "%s/socket", stage->folder);
    unlink(path);
    unlink(stage->input);
    unlink(stage->errors);
    const int left = rmdir(stage->folder);
    free(stage);
    return left;
}

/* The worker's exit code; what it wrote to stderr contains `words`. */
static void ends_with(struct stage *stage, int exit_code, const char *words)
{
    char errors[4096] = "";
    int status;
    assert_int_equal(waitpid(stage->worker, &status, 0), stage->worker);
    stage->worker = 0;
    FILE *file = fopen(stage->errors, "r");
    assert_non_null(file);
    errors[fread(errors, 1, sizeof errors - 1, file)] = 0;
    fclose(file);
    if (!strstr(errors, words)) print_error("stderr: %s\n", errors);
    assert_non_null(strstr(errors, words));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_code);
}

static struct wire *next_message(struct stage *stage)
{
    void *handle = zsock_resolve(stage->socket);
    const int id_size = zmq_recv(handle, stage->id, sizeof stage->id, 0);
    assert_true(id_size > 0);
    stage->id_size = (size_t)id_size;
    const int size = zmq_recv(handle, stage->header, sizeof stage->header, 0);
    assert_true(size > 0);
    stage->body_size = -1;
    if (zsock_rcvmore(stage->socket))
        stage->body_size = zmq_recv(handle, stage->body, sizeof stage->body, 0);
    assert_false(zsock_rcvmore(stage->socket));
    expect(OK, wire_decode(stage->header, (size_t)size, &stage->message));
    return &stage->message;
}

static void say(struct stage *stage, const struct wire *message)
{
    uint8_t *bytes;
    size_t size;
    void *handle = zsock_resolve(stage->socket);
    expect(OK, wire_encode(message, &bytes, &size));
    assert_true(zmq_send(handle, stage->id, stage->id_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(handle, bytes, size, 0) >= 0);
    free(bytes);
}

static void answer_beat(struct stage *stage)
{
    struct wire message = {.type = WIRE_BEAT_MESSAGE};
    message.beat.progress = 0;
    message.beat.held.count = 0;
    say(stage, &message);
}

/* The next message of that type; beats before it are answered, asks passed over. */
static struct wire *await(struct stage *stage, enum wire_type type)
{
    struct wire *message = next_message(stage);
    while (message->type != type &&
           (message->type == WIRE_BEAT_MESSAGE || message->type == WIRE_ASK_MESSAGE)) {
        if (message->type == WIRE_BEAT_MESSAGE) answer_beat(stage);
        message = next_message(stage);
    }
    assert_string_equal(wire_name[message->type], wire_name[type]);
    return message;
}

static void say_stop(struct stage *stage, enum wire_stop_reason reason, const char *detail)
{
    const struct wire message = {.type = WIRE_STOP_MESSAGE,
                                 .stop = {.reason = reason, .detail = wire_text(detail)}};
    say(stage, &message);
}

static void say_lease(struct stage *stage, enum wire_type type, uint64_t unit, uint64_t attempt)
{
    struct wire message = {.type = type};
    struct wire_leases *leases =
        type == WIRE_GRANT_MESSAGE ? &message.grant.leases : &message.ack.leases;
    leases->count = 1;
    leases->at[0] = (struct wire_lease){unit, attempt};
    say(stage, &message);
}

/* A WELCOME to a run all of whose inputs are the test's file, with that digest. */
static void welcome_with(struct stage *stage, const struct digest *digest)
{
    const char *const roles[] = {"train", "test", "model"};
    struct wire message = {.type = WIRE_WELCOME_MESSAGE};
    struct wire_welcome *welcome = &message.welcome;
    welcome->worker = 1;
    welcome->beat_ms = BEAT_MS;
    welcome->lease_ms = 10 * BEAT_MS;
    welcome->settings.count = 1;
    welcome->settings.at[0] = (struct wire_pair){wire_text("scorer"), wire_text("distmult")};
    welcome->inputs.count = sizeof roles / sizeof roles[0];
    for (uint32_t i = 0; i < welcome->inputs.count; i++)
        welcome->inputs.at[i] = (struct wire_input){
            .role = wire_text(roles[i]), .path = wire_text(stage->input), .digest = *digest};
    say(stage, &message);
}

static void welcome(struct stage *stage)
{
    struct digest digest;
    expect(OK, digest_file(stage->input, &digest));
    welcome_with(stage, &digest);
}

/* HELLO, WELCOME, ASK, and a unit granted. */
static void grant(struct stage *stage, uint64_t unit)
{
    await(stage, WIRE_HELLO_MESSAGE);
    welcome(stage);
    await(stage, WIRE_ASK_MESSAGE);
    say_lease(stage, WIRE_GRANT_MESSAGE, unit, 1);
}

static void holds(const struct wire_leases *held, uint64_t unit)
{
    assert_int_equal(held->count, 1);
    assert_int_equal(held->at[0].unit, unit);
    assert_int_equal(held->at[0].attempt, 1);
}

#endif
