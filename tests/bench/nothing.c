/*
 * nothing - what a unit costs beside its work: MILLRACE_NOTHING_UNITS empty units through local
 * workers, from an empty database to a complete one, durably. Arguments: database, worker's
 * program, workers. Prints the microseconds of wall time for each unit.
 */
#include "tests/bench/nothing.h"

#include "coordinator/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static enum err nothing_open(const struct settings *settings, void **state)
{
    (void)settings;
    static uint64_t units;
    units = strtoull(getenv(NOTHING_UNITS) ? getenv(NOTHING_UNITS) : "1000000", NULL, 10);
    *state = &units;
    return OK;
}

static void nothing_close(void **state)
{
    *state = NULL;
}

static void nothing_grid(const void *state, uint64_t *rows, uint64_t *columns)
{
    *rows = *(const uint64_t *)state;
    *columns = 1;
}

static enum err nothing_describe(const void *state, const struct settings *settings,
                                 struct ledger *ledger)
{
    (void)state;
    (void)settings;
    return ledger_set(ledger, "queries_total", "0");
}

static enum err nothing_fold(void *state, struct ledger *ledger, uint64_t row)
{
    (void)state;
    (void)ledger;
    (void)row;
    return OK;
}

static enum err nothing_digest(void *state, struct ledger *ledger, struct digest *out)
{
    (void)state;
    (void)ledger;
    digest_bytes("", 0, out);
    return OK;
}

static void nothing_print(const void *state, const struct settings *settings)
{
    (void)state;
    (void)settings;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum err measure(const char *db, const char *worker, uint32_t workers)
{
    struct settings *settings = NULL;
    struct plan *plan = NULL;
    struct ledger *ledger = NULL;
    const struct serve_config config = {
        .worker_path = worker,
        .workers = workers,
        .threads = 1,
        .hub = {.lease_ms = 30000, .beat_ms = 2000},
        .quiet = true,
    };
    struct serve_report report = {0};
    struct ledger_counts counts = {0};

    const double start = seconds();
    enum err err = settings_open(&settings);
    if (!err) err = plan_open(settings, &plan);
    if (!err) err = ledger_open(db, &ledger);
    if (!err) err = plan_store(plan, ledger, 0);
    const double planned = seconds();
    if (!err) err = serve_run(plan, ledger, &config, &report);
    const double served = seconds();
    if (!err) ledger_counts(ledger, &counts);

    ledger_close(&ledger);
    plan_close(&plan);
    settings_close(&settings);
    const double units = (double)counts.total;
    if (!err && counts.unit[UNIT_DONE] != counts.total)
        err = err_note(ERR_FAILED, "bench: %" PRIu64 " of %" PRIu64 " units done",
                       counts.unit[UNIT_DONE], counts.total);
    if (!err)
        printf("%.0f units, %u workers: planned in %.2f s, done in %.2f s: %.2f us a unit in all\n",
               units, workers, planned - start, served - planned, 1e6 * (served - start) / units);
    return err;
}

int main(int argc, char **argv)
{
    static const struct plan_program nothing = {
        .name = NOTHING_NAME,
        .open = nothing_open,
        .close = nothing_close,
        .grid = nothing_grid,
        .describe = nothing_describe,
        .fold = nothing_fold,
        .digest = nothing_digest,
        .print = nothing_print,
    };
    if (argc != 4) return 2;
    plan_register(&nothing, 1);
    const enum err err = measure(argv[1], argv[2], (uint32_t)atoi(argv[3]));
    if (err) fprintf(stderr, "bench_nothing: %s\n", err_text());
    return err_exit_code(err);
}
