/*
 * hub_bench - a hub over a plan without input, and workers who say what a test wants them to say.
 *
 * bench_open and bench_close are a test's setup and teardown. A turn is always open: `turn` ends
 * it, takes down what the hub says, and begins the next one.
 */
#ifndef TESTS_HUB_BENCH_H
#define TESTS_HUB_BENCH_H

#include "coordinator/hub.h"
#include "tests/fake_plan.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEAT_MS = 1000, LEASE_MS = 10000, HEARD_MAX = 32, ROWS = 8, COLUMNS = 2 };

static struct {
    struct settings *settings;
    struct ledger *ledger;
    struct plan *plan;
    struct hub *hub;
    int64_t now_ms;
    /* What the hub said in the last turn; texts in it have ended. */
    size_t heard;
    struct {
        uint64_t peer;
        struct wire message;
    } said[HEARD_MAX];
    char stop_detail[WIRE_TEXT_MAX + 1];
} bench;

__attribute__((unused)) static void begin(void)
{
    expect(OK, hub_begin(bench.hub, bench.now_ms));
}

/* Ends the turn, takes down what is said, and begins the next one. */
__attribute__((unused)) static void turn(void)
{
    const uint8_t *bytes;
    size_t size;
    uint64_t peer;
    expect(OK, hub_end(bench.hub));
    bench.heard = 0;
    while (hub_next(bench.hub, &peer, &bytes, &size) == OK) {
        assert_true(bench.heard < HEARD_MAX);
        bench.said[bench.heard].peer = peer;
        struct wire *message = &bench.said[bench.heard++].message;
        expect(OK, wire_decode(bytes, size, message));
        if (message->type == WIRE_STOP_MESSAGE)
            wire_text_copy(&message->stop.detail, bench.stop_detail, sizeof(bench.stop_detail));
    }
    begin();
}

/* Lets time go by in beats, as hub_deadline asks. */
__attribute__((unused)) static void wait_ms(int64_t span_ms)
{
    for (; span_ms > 0; span_ms -= BEAT_MS) {
        bench.now_ms += span_ms < BEAT_MS ? span_ms : BEAT_MS;
        turn();
    }
}

__attribute__((unused)) static int bench_open(void **state)
{
    const struct hub_config config = {.lease_ms = LEASE_MS, .beat_ms = BEAT_MS};
    (void)state;
    memset(&bench, 0, sizeof(bench));
    bench.now_ms = 1000000;
    enum err err = settings_open(&bench.settings);
    if (!err) err = ledger_open(":memory:", &bench.ledger);
    if (!err) err = fake_plan_open(bench.settings, bench.ledger, ROWS, COLUMNS, &bench.plan);
    if (!err) err = hub_open(bench.plan, bench.ledger, &config, &bench.hub);
    if (!err) err = hub_begin(bench.hub, bench.now_ms);
    return err != OK;
}

__attribute__((unused)) static int bench_close(void **state)
{
    (void)state;
    hub_close(&bench.hub);
    plan_close(&bench.plan);
    ledger_close(&bench.ledger);
    settings_close(&bench.settings);
    return 0;
}

#define bench_case(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

/* ---- what workers say -------------------------------------------------------------------- */

__attribute__((unused)) static enum err try_say(uint64_t peer, const struct wire *message,
                                                const void *body, size_t size)
{
    uint8_t *bytes;
    size_t count;
    expect(OK, wire_encode(message, &bytes, &count));
    const enum err err = hub_receive(bench.hub, peer, bytes, count, body, size);
    free(bytes);
    return err;
}

__attribute__((unused)) static void say(uint64_t peer, const struct wire *message)
{
    expect(OK, try_say(peer, message, NULL, 0));
}

__attribute__((unused)) static struct wire hello_of(uint64_t pid)
{
    struct wire message = {.type = WIRE_HELLO_MESSAGE};
    message.hello = (struct wire_hello){.version = wire_text(MILLRACE_VERSION),
                                        .name = wire_text("name"),
                                        .host = wire_text("host"),
                                        .device = wire_text("cpu"),
                                        .programs = wire_text("prove,rank"),
                                        .pid = pid};
    return message;
}

__attribute__((unused)) static void hello(uint64_t peer)
{
    const struct wire message = hello_of(100 + peer);
    say(peer, &message);
}

__attribute__((unused)) static void ask(uint64_t peer, uint64_t credit, uint64_t column)
{
    struct wire message = {.type = WIRE_ASK_MESSAGE};
    message.ask.credit = credit;
    message.ask.column = column;
    say(peer, &message);
}

__attribute__((unused)) static void result_of_class(uint64_t peer, struct wire_lease lease,
                                                    const char *class, uint8_t more)
{
    uint8_t tally[RANK_COUNT_BYTES];
    struct wire message = {.type = WIRE_RESULT_MESSAGE};
    message.result = (struct wire_result){.unit = lease.unit,
                                          .attempt = lease.attempt,
                                          .class = wire_text(class),
                                          .pairs = 10,
                                          .rows = 7,
                                          .recalled = 2,
                                          .peak_bytes = 5};
    fake_tally(lease.unit, tally);
    tally[0] = (uint8_t)(tally[0] + more);
    expect(OK, try_say(peer, &message, tally, sizeof(tally)));
}

__attribute__((unused)) static void result(uint64_t peer, struct wire_lease lease)
{
    result_of_class(peer, lease, "exact", 0);
}

__attribute__((unused)) static enum err say_fail(uint64_t peer, struct wire_lease lease,
                                                 uint64_t blame)
{
    struct wire message = {.type = WIRE_FAIL_MESSAGE};
    message.fail = (struct wire_fail){.unit = lease.unit,
                                      .attempt = lease.attempt,
                                      .blame = blame,
                                      .reason = wire_text("model: NaN")};
    return try_say(peer, &message, NULL, 0);
}

__attribute__((unused)) static void beat(uint64_t peer, uint64_t progress,
                                         const struct wire_leases *held)
{
    struct wire message = {.type = WIRE_BEAT_MESSAGE};
    message.beat.progress = progress;
    message.beat.held = *held;
    say(peer, &message);
}

__attribute__((unused)) static void bye(uint64_t peer)
{
    struct wire message = {.type = WIRE_BYE_MESSAGE};
    message.bye.reason = wire_text("time limit");
    say(peer, &message);
}

/* ---- what they heard --------------------------------------------------------------------- */

__attribute__((unused)) static const struct wire *heard(uint64_t peer, enum wire_type type)
{
    for (size_t i = 0; i < bench.heard; i++)
        if (bench.said[i].peer == peer && bench.said[i].message.type == type)
            return &bench.said[i].message;
    return NULL;
}

__attribute__((unused)) static void expect_stop(uint64_t peer, enum wire_stop_reason reason)
{
    const struct wire *message = heard(peer, WIRE_STOP_MESSAGE);
    assert_non_null(message);
    assert_int_equal(message->stop.reason, reason);
}

/* The leases granted in this turn; none is an empty list. */
__attribute__((unused)) static struct wire_leases granted(uint64_t peer)
{
    const struct wire *message = heard(peer, WIRE_GRANT_MESSAGE);
    struct wire_leases none;
    none.count = 0;
    return message ? message->grant.leases : none;
}

/* A worker that has joined and was granted `credit` units. */
__attribute__((unused)) static struct wire_leases join(uint64_t peer, uint64_t credit)
{
    hello(peer);
    ask(peer, credit, WIRE_NO_COLUMN);
    turn();
    return granted(peer);
}

__attribute__((unused)) static enum err
copy_first(void *context, size_t columns, const char *const *names, const char *const *values)
{
    char *text = context;
    (void)columns, (void)names;
    if (!*text) (void)snprintf(text, 64, "%s", values[0] ? values[0] : "NULL");
    return OK;
}

__attribute__((unused)) static void expect_sql(const char *want, const char *sql)
{
    char text[64] = "";
    expect(OK, ledger_query(bench.ledger, sql, 0, copy_first, text));
    assert_string_equal(text, want);
}

#endif
