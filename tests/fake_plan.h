/*
 * fake_plan - a plan without input files, for tests of what is above the programs.
 *
 * It goes by the name "rank", which hides the real one in the process that registers it. A unit's
 * tally is one rank_count whose `above` is fake_above(unit); a row's is their sum.
 */
#ifndef TESTS_FAKE_PLAN_H
#define TESTS_FAKE_PLAN_H

#include "coordinator/plan.h"

static uint64_t fake_rows, fake_columns; /* of the next fake_plan_open */

static inline uint32_t fake_above(uint64_t unit)
{
    return (uint32_t)(unit * 2654435761u % 1000);
}

static inline void fake_tally(uint64_t unit, uint8_t bytes[RANK_COUNT_BYTES])
{
    const struct rank_count count = {.above = fake_above(unit), .candidates = 1};
    tally_write(&count, 1, bytes);
}

static enum err fake_open(const struct settings *settings, void **state)
{
    (void)settings;
    *state = &fake_rows;
    return OK;
}

static void fake_close(void **state)
{
    *state = NULL;
}

static void fake_grid(const void *state, uint64_t *rows, uint64_t *columns)
{
    (void)state;
    *rows = fake_rows;
    *columns = fake_columns;
}

static enum err fake_describe(const void *state, const struct settings *settings,
                              struct ledger *ledger)
{
    (void)state, (void)settings, (void)ledger;
    return OK;
}

static enum err fake_add(void *context, uint64_t unit, const uint8_t *bytes, size_t size)
{
    (void)unit;
    return tally_add(bytes, size, context, 1);
}

static enum err fake_fold(void *state, struct ledger *ledger, uint64_t row)
{
    struct ledger_rank rank = {
        .query = row, .side = "tail", .head = "a", .relation = "r", .tail = "b"};
    (void)state;
    const enum err err = ledger_visit_row(ledger, row, fake_add, &rank.count);
    return err ? err : ledger_put_rank(ledger, &rank);
}

static enum err fake_digest(void *state, struct ledger *ledger, struct digest *out)
{
    (void)state, (void)ledger;
    digest_bytes("", 0, out);
    return OK;
}

static void fake_print(const void *state, const struct settings *settings)
{
    (void)state, (void)settings;
}

static const struct plan_program fake_program = {
    .name = "rank",
    .open = fake_open,
    .close = fake_close,
    .grid = fake_grid,
    .describe = fake_describe,
    .fold = fake_fold,
    .digest = fake_digest,
    .print = fake_print,
};

/* A plan of rows x columns units, stored in `ledger`. The settings must be kept. */
static inline enum err fake_plan_open(const struct settings *settings, struct ledger *ledger,
                                      uint64_t rows, uint64_t columns, struct plan **out)
{
    fake_rows = rows;
    fake_columns = columns;
    plan_register(&fake_program, 1);
    enum err err = plan_open(settings, out);
    if (!err)
        err = ledger_planned(ledger) ? plan_resume(*out, ledger) : plan_store(*out, ledger, 0);
    return err;
}

#endif
