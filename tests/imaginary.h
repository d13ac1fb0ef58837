/*
 * imaginary - workers and a network in virtual time, for the simulation (test_sim.c).
 *
 * The network loses, doubles, delays and reorders; the workers die, hang, fall silent, connect
 * again and are born again. All chance comes from world->random.
 */
#ifndef TESTS_IMAGINARY_H
#define TESTS_IMAGINARY_H

#include "coordinator/hub.h"
#include "tests/fake_plan.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEAT_MS = 1000,
    LEASE_MS = 10000,
    SILENCE_MS = 3 * BEAT_MS,
    WORKERS_MAX = 300,
    HELD_MAX = 64,
    TICK_MS = 50, /* how often a worker looks round */
};

/* ---- chance ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- the world --------------------------------------------------------------------------- */

enum unit_kind { SOUND, KILLS, FAILS };

struct held_unit {
    struct wire_lease lease;
    bool finished;
    int64_t sent_ms;
};

struct worker {
    bool alive, hung, greeted, local;
    uint64_t pid, peer, progress, asked;
    int64_t wake_ms, heard_ms, beat_ms, asked_ms;
    int64_t done_ms; /* when the unit in work will be, 0: none is */
    int64_t born_ms; /* when it starts again, or is killed if it is hung */
    size_t held_count;
    struct held_unit held[HELD_MAX];
};

/* A message under way, or (bytes NULL) the news of a local worker's death. */
struct parcel {
    int64_t at_ms;
    uint64_t order; /* of sending: what arrives at once arrives in this order */
    bool to_hub;
    uint64_t peer; /* or the pid that died */
    uint8_t *bytes;
    size_t size;
    bool with_tally;
    uint64_t unit;
};

struct world {
    uint64_t random, peers, pids, orders;
    int64_t now_ms, clock_skew_ms;
    uint32_t loss, twice, death, hang, jump, restart; /* in a million */
    uint64_t rows, columns, units;
    uint32_t worker_count;
    struct worker worker[WORKERS_MAX];
    enum unit_kind *kind; /* [units] */
    bool *granted;        /* [units][ATTEMPTS_SEEN] */
    struct parcel *heap;  /* [parcels], the earliest first */
    size_t parcels, room;
    struct settings *settings;
    struct plan *plan;
    struct ledger *ledger;
    struct hub *hub;
    int64_t hub_ms; /* when its next turn is due */
};

static bool happens(struct world *world, uint32_t in_a_million)
{
    return next_random(&world->random) % 1000000 < in_a_million;
}

static int64_t between(struct world *world, int64_t low, int64_t high)
{
    return low + (int64_t)(next_random(&world->random) % (uint64_t)(high - low + 1));
}

/* ---- the network ------------------------------------------------------------------------- */

static bool earlier(const struct parcel *a, const struct parcel *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void post(struct world *world, struct parcel parcel)
{
    if (world->parcels == world->room) {
        world->room = world->room ? 2 * world->room : 1024;
        world->heap = realloc(world->heap, world->room * sizeof(world->heap[0]));
        assert_non_null(world->heap);
    }
    parcel.order = world->orders++;
    size_t i = world->parcels++;
    for (; i > 0 && earlier(&parcel, &world->heap[(i - 1) / 2]); i = (i - 1) / 2)
        world->heap[i] = world->heap[(i - 1) / 2];
    world->heap[i] = parcel;
}

static struct parcel take_first(struct world *world)
{
    const struct parcel first = world->heap[0], last = world->heap[--world->parcels];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < world->parcels; i = child) {
        if (child + 1 < world->parcels && earlier(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!earlier(&world->heap[child], &last)) break;
        world->heap[i] = world->heap[child];
    }
    world->heap[i] = last;
    return first;
}

/* Sends, perhaps twice, perhaps not at all; most are quick, some are late. */
static void send(struct world *world, struct parcel parcel, const uint8_t *bytes, size_t size)
{
    const int copies = happens(world, world->loss) ? 0 : 1 + happens(world, world->twice);
    for (int i = 0; i < copies; i++) {
        parcel.at_ms = world->now_ms +
                       (happens(world, 20000) ? between(world, 100, 20000) : between(world, 1, 20));
        parcel.bytes = malloc(size);
        assert_non_null(parcel.bytes);
        memcpy(parcel.bytes, bytes, size);
        parcel.size = size;
        post(world, parcel);
    }
}

static void say(struct world *world, struct worker *worker, const struct wire *message)
{
    uint8_t *bytes;
    size_t size;
    struct parcel parcel = {.to_hub = true, .peer = worker->peer};
    if (message->type == WIRE_RESULT_MESSAGE) {
        parcel.with_tally = true;
        parcel.unit = message->result.unit;
    }
    expect(OK, wire_encode(message, &bytes, &size));
    send(world, parcel, bytes, size);
    free(bytes);
}

/* ---- what a worker says ------------------------------------------------------------------ */

static void list_held(const struct worker *worker, struct wire_leases *out)
{
    out->count = 0;
    for (size_t i = 0; i < worker->held_count; i++) out->at[out->count++] = worker->held[i].lease;
}

/* On a connection of its own. */
static void say_hello(struct world *world, struct worker *worker)
{
    struct wire message = {.type = WIRE_HELLO_MESSAGE};
    message.hello = (struct wire_hello){.version = wire_text(MILLRACE_VERSION),
                                        .name = wire_text("imaginary"),
                                        .host = wire_text("here"),
                                        .device = wire_text("none"),
                                        .programs = wire_text("prove,rank"),
                                        .pid = worker->pid,
                                        .threads = 1};
    list_held(worker, &message.hello.held);
    worker->greeted = false;
    worker->asked = 0;
    worker->heard_ms = world->now_ms;
    say(world, worker, &message);
}

static void connect_again(struct world *world, struct worker *worker)
{
    worker->peer = ++world->peers;
    say_hello(world, worker);
}

static void say_result(struct world *world, struct worker *worker, struct held_unit *held)
{
    struct wire message = {.type = WIRE_RESULT_MESSAGE};
    message.result = (struct wire_result){.unit = held->lease.unit,
                                          .attempt = held->lease.attempt,
                                          .class = wire_text("exact"),
                                          .pairs = 1};
    held->finished = true;
    held->sent_ms = world->now_ms;
    say(world, worker, &message);
}

static void say_beat(struct world *world, struct worker *worker)
{
    struct wire message = {.type = WIRE_BEAT_MESSAGE};
    message.beat.progress = worker->progress;
    list_held(worker, &message.beat.held);
    worker->beat_ms = world->now_ms + BEAT_MS;
    say(world, worker, &message);
}

static void say_ask(struct world *world, struct worker *worker)
{
    const uint64_t wanted = 1 + worker->pid % 8;
    struct wire message = {.type = WIRE_ASK_MESSAGE};
    /* What was asked for and did not come in a long time was lost. */
    if (world->now_ms - worker->asked_ms > SILENCE_MS) worker->asked = 0;
    if (worker->held_count + worker->asked >= wanted) return;
    worker->asked = wanted - worker->held_count;
    worker->asked_ms = world->now_ms;
    message.ask.credit = worker->asked;
    message.ask.column =
        worker->held_count ? worker->held[0].lease.unit % world->columns : WIRE_NO_COLUMN;
    say(world, worker, &message);
}

static void drop(struct worker *worker, size_t place)
{
    worker->held_count--;
    for (size_t i = place; i < worker->held_count; i++) worker->held[i] = worker->held[i + 1];
}

static void say_fail(struct world *world, struct worker *worker, size_t place, uint64_t blame)
{
    struct wire message = {.type = WIRE_FAIL_MESSAGE};
    message.fail = (struct wire_fail){.unit = worker->held[place].lease.unit,
                                      .attempt = worker->held[place].lease.attempt,
                                      .blame = blame,
                                      .reason = wire_text("it cannot be done")};
    drop(worker, place);
    say(world, worker, &message);
}

/* ---- what a worker does ------------------------------------------------------------------ */

static void die(struct world *world, struct worker *worker)
{
    worker->alive = false;
    worker->born_ms = world->now_ms + between(world, 100, 30000);
    if (worker->local)
        post(world, (struct parcel){.at_ms = world->now_ms + between(world, 1, 50),
                                    .to_hub = true,
                                    .peer = worker->pid});
}

__attribute__((unused)) static void be_born(struct world *world, struct worker *worker)
{
    *worker = (struct worker){.alive = true,
                              .local = worker->local,
                              .pid = ++world->pids,
                              .wake_ms = worker->wake_ms,
                              .beat_ms = world->now_ms + BEAT_MS};
    connect_again(world, worker);
}

/* The unit in work is at its end: whatever it does to its worker happens now. */
static void end_unit(struct world *world, struct worker *worker, size_t place)
{
    const enum unit_kind kind = world->kind[worker->held[place].lease.unit];
    worker->done_ms = 0;
    if (kind == KILLS || happens(world, world->death))
        die(world, worker);
    else if (kind == FAILS)
        say_fail(world, worker, place, BLAME_UNIT);
    else if (happens(world, world->death / 4))
        say_fail(world, worker, place, BLAME_WORKER);
    else
        say_result(world, worker, &worker->held[place]);
}

static void compute(struct world *world, struct worker *worker)
{
    size_t place = 0;
    while (place < worker->held_count && worker->held[place].finished) place++;
    if (place == worker->held_count) return;
    worker->progress++;
    if (!worker->done_ms) worker->done_ms = world->now_ms + between(world, 10, 3000);
    if (happens(world, world->hang)) {
        worker->hung = true;
        worker->born_ms = world->now_ms + between(world, 1000, 90000);
    } else if (world->now_ms >= worker->done_ms) {
        end_unit(world, worker, place);
    }
}

/* A result that nobody acknowledges was lost, and so was the connection. */
static bool lost_touch(const struct world *world, const struct worker *worker)
{
    bool lost = world->now_ms - worker->heard_ms > SILENCE_MS;
    for (size_t i = 0; i < worker->held_count; i++)
        lost |= worker->held[i].finished && world->now_ms - worker->held[i].sent_ms > SILENCE_MS;
    return lost;
}

__attribute__((unused)) static void look_round(struct world *world, struct worker *worker)
{
    worker->wake_ms += TICK_MS;
    if (!worker->alive) {
        if (world->now_ms >= worker->born_ms) be_born(world, worker);
        return;
    }
    if (worker->hung && world->now_ms >= worker->born_ms) {
        worker->hung = false;
        if (happens(world, 500000)) die(world, worker);
    }
    if (worker->alive && !worker->hung) compute(world, worker);
    if (!worker->alive) return;
    if (lost_touch(world, worker)) connect_again(world, worker);
    if (worker->greeted && world->now_ms >= worker->beat_ms) say_beat(world, worker);
    if (worker->greeted && !worker->hung) say_ask(world, worker);
}

/* ---- what a worker hears ----------------------------------------------------------------- */

static void hear_welcome(struct world *world, struct worker *worker)
{
    worker->greeted = true;
    for (size_t i = 0; i < worker->held_count; i++)
        if (worker->held[i].finished) say_result(world, worker, &worker->held[i]);
}

static void hear_grant(struct worker *worker, const struct wire_leases *leases)
{
    for (uint32_t i = 0; i < leases->count; i++) {
        bool known = worker->held_count == HELD_MAX;
        for (size_t k = 0; k < worker->held_count; k++)
            known |= worker->held[k].lease.unit == leases->at[i].unit &&
                     worker->held[k].lease.attempt == leases->at[i].attempt;
        if (!known) worker->held[worker->held_count++] = (struct held_unit){.lease = leases->at[i]};
        if (worker->asked) worker->asked--;
    }
}

static void hear_ack(struct world *world, struct worker *worker, const struct wire_leases *leases)
{
    for (uint32_t i = 0; i < leases->count; i++) {
        assert_int_equal(ledger_state(world->ledger, leases->at[i].unit), UNIT_DONE);
        for (size_t k = worker->held_count; k-- > 0;)
            if (worker->held[k].finished && worker->held[k].lease.unit == leases->at[i].unit &&
                worker->held[k].lease.attempt == leases->at[i].attempt)
                drop(worker, k);
    }
}

__attribute__((unused)) static void hear(struct world *world, const struct parcel *parcel)
{
    struct worker *worker = NULL;
    struct wire message;
    for (uint32_t i = 0; i < world->worker_count; i++)
        if (world->worker[i].alive && world->worker[i].peer == parcel->peer)
            worker = &world->worker[i];
    if (!worker) return;
    expect(OK, wire_decode(parcel->bytes, parcel->size, &message));
    worker->heard_ms = world->now_ms;
    if (message.type == WIRE_WELCOME_MESSAGE) hear_welcome(world, worker);
    if (message.type == WIRE_GRANT_MESSAGE) hear_grant(worker, &message.grant.leases);
    if (message.type == WIRE_ACK_MESSAGE) hear_ack(world, worker, &message.ack.leases);
    if (message.type != WIRE_STOP_MESSAGE) return;
    if (message.stop.reason == STOP_UNKNOWN && worker->greeted) say_hello(world, worker);
    if (message.stop.reason == STOP_REFUSED) die(world, worker);
}

#endif
