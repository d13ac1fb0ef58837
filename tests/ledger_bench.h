/*
 * ledger_bench - a ledger in memory with two workers, and what its tests do again and again.
 *
 * ledger_setup and ledger_teardown are a test's; its state is the ledger.
 */
#ifndef TESTS_LEDGER_BENCH_H
#define TESTS_LEDGER_BENCH_H

#include "coordinator/ledger.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

static uint64_t one, two; /* workers */

__attribute__((unused)) static int ledger_setup(void **state)
{
    struct ledger *ledger;
    enum err err = ledger_open(":memory:", &ledger);
    *state = ledger;
    if (!err) err = ledger_add_worker(ledger, 0, "one", "host", "cpu", 1, 4, &one);
    if (!err) err = ledger_add_worker(ledger, 0, "two", "host", "cpu", 2, 4, &two);
    return err != OK;
}

__attribute__((unused)) static int ledger_teardown(void **state)
{
    ledger_close((struct ledger **)state);
    return 0;
}

#define ledger_case(name) cmocka_unit_test_setup_teardown(name, ledger_setup, ledger_teardown)

/* ---- helpers ----------------------------------------------------------------------------- */

__attribute__((unused)) static struct lease lease_to(struct ledger *ledger, uint64_t worker,
                                                     int64_t now_ms)
{
    struct lease lease;
    expect(OK, ledger_lease(ledger, worker, UINT64_MAX, true, now_ms, HOUR_MS, &lease));
    return lease;
}

__attribute__((unused)) static enum err finish(struct ledger *ledger, const struct lease *lease,
                                               uint64_t worker, uint8_t tally)
{
    return ledger_finish(ledger, lease->unit, lease->attempt, worker, 1, "exact", &tally, 1);
}

__attribute__((unused)) static bool fails(struct ledger *ledger, uint64_t worker, bool by_unit)
{
    bool set_aside;
    const struct lease lease = lease_to(ledger, worker, 0);
    expect(OK,
           ledger_fail(ledger, lease.unit, lease.attempt, worker, 1, by_unit, "why", &set_aside));
    return set_aside;
}

__attribute__((unused)) static uint64_t loses(struct ledger *ledger, uint64_t worker)
{
    uint64_t set_aside;
    expect(OK, ledger_lose_worker(ledger, worker, 1, "killed by signal 9", &set_aside));
    return set_aside;
}

__attribute__((unused)) static enum err
copy_first(void *context, size_t columns, const char *const *names, const char *const *values)
{
    char *text = context;
    (void)columns, (void)names;
    if (!*text) strncpy(text, values[0] ? values[0] : "NULL", 63);
    return OK;
}

/* The first value of a query is this text. */
__attribute__((unused)) static void expect_sql(struct ledger *ledger, const char *want,
                                               const char *sql)
{
    char text[64] = "";
    expect(OK, ledger_query(ledger, sql, 0, copy_first, text));
    assert_string_equal(text, want);
}

#endif
