/*
 * Simulation: a hub and hundreds of imaginary workers in virtual time, on a network that loses,
 * doubles, delays and reorders messages, with workers that die, hang, fall silent and come back,
 * units that kill or fail whoever takes them, clocks that jump, and coordinators that start anew.
 * One seed replays one schedule. MILLRACE_SIM_SEEDS sets how many are tried.
 */
#include "tests/imaginary.h"

#include <inttypes.h>

enum {
    SEEDS = 60,
    ATTEMPTS_LIMIT = 8,
    ATTEMPTS_SEEN = 256,
    END_MS = 6 * 3600 * 1000, /* by then every schedule must be over */
    JUMP_MS = 3600 * 1000,
};

/* ---- the coordinator --------------------------------------------------------------------- */

static void check_grants(struct world *world, const uint8_t *bytes, size_t size)
{
    struct wire message;
    expect(OK, wire_decode(bytes, size, &message));
    if (message.type == WIRE_STOP_MESSAGE && message.stop.reason == STOP_REFUSED)
        assert_true(
            wire_text_is(&message.stop.detail, "it failed too often in a row by its own fault"));
    if (message.type != WIRE_GRANT_MESSAGE) return;
    for (uint32_t i = 0; i < message.grant.leases.count; i++) {
        const struct wire_lease *lease = &message.grant.leases.at[i];
        assert_true(lease->attempt < ATTEMPTS_SEEN);
        bool *seen = &world->granted[lease->unit * ATTEMPTS_SEEN + lease->attempt];
        assert_false(*seen);
        *seen = true;
    }
}

static void deliver(struct world *world, const struct parcel *parcel)
{
    uint8_t tally[RANK_COUNT_BYTES];
    fake_tally(parcel->unit, tally);
    if (parcel->bytes)
        expect(OK, hub_receive(world->hub, parcel->peer, parcel->bytes, parcel->size,
                               parcel->with_tally ? tally : NULL,
                               parcel->with_tally ? sizeof(tally) : 0));
    else
        expect(OK, hub_died(world->hub, parcel->peer, "killed by signal 9"));
}

static void open_hub(struct world *world)
{
    const struct hub_config config = {.lease_ms = LEASE_MS, .beat_ms = BEAT_MS};
    hub_close(&world->hub);
    expect(OK, hub_open(world->plan, world->ledger, &config, &world->hub));
}

/* All that has arrived by now, in one turn. Messages to workers arrive as well. */
static void take_turn(struct world *world)
{
    const uint8_t *bytes;
    size_t size;
    uint64_t peer;
    if (happens(world, world->jump)) world->clock_skew_ms += between(world, -JUMP_MS, JUMP_MS);
    if (happens(world, world->restart)) open_hub(world);

    expect(OK, hub_begin(world->hub, world->now_ms + world->clock_skew_ms));
    while (world->parcels > 0 && world->heap[0].at_ms <= world->now_ms) {
        const struct parcel parcel = take_first(world);
        if (parcel.to_hub)
            deliver(world, &parcel);
        else
            hear(world, &parcel);
        free(parcel.bytes);
    }
    expect(OK, hub_end(world->hub));
    while (hub_next(world->hub, &peer, &bytes, &size) == OK) {
        check_grants(world, bytes, size);
        send(world, (struct parcel){.peer = peer}, bytes, size);
    }
    world->hub_ms = hub_deadline(world->hub);
    if (world->hub_ms < INT64_MAX) world->hub_ms -= world->clock_skew_ms;
}

/* ---- one schedule ------------------------------------------------------------------------ */

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed, .now_ms = 1000};
    world->columns = (uint64_t)between(world, 1, 4);
    world->rows = (uint64_t)between(world, 1, 100);
    world->units = world->rows * world->columns;
    world->worker_count = (uint32_t)(happens(world, 100000) ? between(world, 100, WORKERS_MAX)
                                                            : between(world, 1, 40));
    /* A third of the schedules is quiet in each respect. */
    world->loss = (uint32_t)(between(world, 0, 2) * 10000);
    world->twice = (uint32_t)(between(world, 0, 2) * 20000);
    world->death = (uint32_t)(between(world, 0, 2) * 10000);
    world->hang = (uint32_t)(between(world, 0, 2) * 500);
    world->jump = (uint32_t)(between(world, 0, 2) * 500);
    world->restart = (uint32_t)(between(world, 0, 2) * 200);

    world->kind = calloc(world->units, sizeof(world->kind[0]));
    world->granted = calloc(world->units * ATTEMPTS_SEEN, sizeof(world->granted[0]));
    assert_true(world->kind && world->granted);
    const uint32_t poison = (uint32_t)(between(world, 0, 2) * 20000);
    for (uint64_t unit = 0; unit < world->units; unit++)
        world->kind[unit] =
            happens(world, poison) ? (enum unit_kind)between(world, KILLS, FAILS) : SOUND;

    expect(OK, ledger_open(":memory:", &world->ledger));
    ledger_limit(world->ledger, ATTEMPTS_LIMIT);
    expect(OK, settings_open(&world->settings));
    expect(OK, fake_plan_open(world->settings, world->ledger, world->rows, world->columns,
                              &world->plan));
    open_hub(world);
    for (uint32_t i = 0; i < world->worker_count; i++) {
        world->worker[i].local = happens(world, 500000);
        world->worker[i].born_ms = world->worker[i].wake_ms = between(world, 0, 5000);
    }
}

static void close_world(struct world *world)
{
    while (world->parcels > 0) free(take_first(world).bytes);
    hub_close(&world->hub);
    plan_close(&world->plan);
    settings_close(&world->settings);
    ledger_close(&world->ledger);
    free(world->heap);
    free(world->kind);
    free(world->granted);
}

static void run_world(struct world *world)
{
    while (hub_state(world->hub) == HUB_WORKING) {
        assert_true(world->now_ms < END_MS);
        for (uint32_t i = 0; i < world->worker_count; i++)
            if (world->worker[i].wake_ms <= world->now_ms) look_round(world, &world->worker[i]);
        if (world->hub_ms <= world->now_ms ||
            (world->parcels > 0 && world->heap[0].at_ms <= world->now_ms))
            take_turn(world);
        world->now_ms += TICK_MS / 5;
    }
}

/* ---- what must hold at the end ----------------------------------------------------------- */

static enum err add_row(void *context, size_t columns, const char *const *names,
                        const char *const *values)
{
    (void)names;
    for (size_t i = 0; i < columns; i++) {
        const char *value = values[i] ? values[i] : "-";
        digest_add(context, value, strlen(value) + 1);
    }
    return OK;
}

/* The digest of everything that was stored. */
static struct digest digest_of(struct world *world)
{
    static const char *const queries[] = {
        "SELECT * FROM unit ORDER BY unit",   "SELECT * FROM attempt ORDER BY unit, attempt",
        "SELECT * FROM rank ORDER BY query",  "SELECT * FROM worker ORDER BY worker",
        "SELECT * FROM event ORDER BY rowid", "SELECT unit, hex(digest) FROM tally ORDER BY unit",
    };
    struct digest_state *state;
    struct digest digest;
    expect(OK, digest_open(&state));
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        expect(OK, ledger_query(world->ledger, queries[i], 0, add_row, state));
    digest_close(&state, &digest);
    return digest;
}

static enum err check_rank(void *context, size_t columns, const char *const *names,
                           const char *const *values)
{
    const struct world *world = context;
    (void)names;
    assert_int_equal(columns, 2);
    const uint64_t row = strtoull(values[0], NULL, 10);
    uint64_t above = 0;
    for (uint64_t i = 0; i < world->columns; i++) above += fake_above(row * world->columns + i);
    assert_int_equal(strtoull(values[1], NULL, 10), above);
    return OK;
}

static enum err check_number(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    (void)columns, (void)names;
    assert_int_equal(strtoull(values[0], NULL, 10), *(const uint64_t *)context);
    return OK;
}

static void check_world(struct world *world)
{
    uint64_t done = 0, rows = 0, none = 0;
    for (uint64_t row = 0; row < world->rows; row++) {
        uint64_t of_row = 0;
        for (uint64_t i = 0; i < world->columns; i++) {
            const uint64_t unit = row * world->columns + i;
            const enum unit_kind kind = world->kind[unit];
            assert_int_equal(ledger_state(world->ledger, unit),
                             kind == SOUND ? UNIT_DONE : UNIT_FAILED);
            of_row += kind == SOUND;
        }
        done += of_row;
        rows += of_row == world->columns;
    }
    expect(OK, ledger_query(world->ledger, "SELECT count(*) FROM tally", 0, check_number, &done));
    expect(OK, ledger_query(world->ledger, "SELECT count(*) FROM rank", 0, check_number, &rows));
    expect(OK, ledger_query(world->ledger, "SELECT query, above FROM rank", 0, check_rank, world));
    expect(OK, ledger_query(world->ledger, "SELECT count(*) FROM attempt WHERE outcome IS NULL", 0,
                            check_number, &none));
    expect(OK, ledger_query(world->ledger, "SELECT count(*) FROM event WHERE kind = 'mismatch'", 0,
                            check_number, &none));
}

static struct digest try_seed(uint64_t seed)
{
    struct world *world = malloc(sizeof(*world));
    assert_non_null(world);
    open_world(world, seed);
    run_world(world);
    check_world(world);
    const struct digest digest = digest_of(world);
    close_world(world);
    free(world);
    return digest;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void every_schedule_ends_with_every_sound_unit_done_once(void **state)
{
    const char *asked = getenv("MILLRACE_SIM_SEEDS");
    const uint64_t seeds = asked ? strtoull(asked, NULL, 10) : SEEDS;
    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        if (asked) printf("seed %" PRIu64 "\n", seed);
        try_seed(seed);
    }
}

static void one_seed_replays_one_schedule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        const struct digest first = try_seed(seed), second = try_seed(seed);
        assert_true(digest_equal(&first, &second));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_schedule_ends_with_every_sound_unit_done_once),
        test_plain(one_seed_replays_one_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
