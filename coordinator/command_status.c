/* command_status - how far a run is, and what holds it up. */
#include "coordinator/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The row of view progress as numbers; what is NULL there is 0 here, and not known. */
enum { TOTAL, DONE, LEASED, FAILED, QUERIES, QUERIES_DONE, RATE, ETA, MRR, PROGRESS_COLUMNS };

struct standing {
    double value[PROGRESS_COLUMNS];
    bool known[PROGRESS_COLUMNS];
};

static const char progress_sql[] =
    "select units_total, units_done, units_leased, units_failed, queries_total, queries_done,"
    " rate_per_s, eta_s, mrr from progress";

/* The names are those of the views. `oldest_lease` is null while no lease is open. */
static const char json_sql[] =
    "select json_object("
    "'units_total', units_total, 'units_done', units_done, 'units_leased', units_leased,"
    " 'units_failed', units_failed, 'queries_total', queries_total, 'queries_done', queries_done,"
    " 'rate_per_s', rate_per_s, 'eta_s', eta_s, 'mrr', mrr,"
    " 'workers', (select json_group_array(json_object('worker', worker, 'name', name,"
    "   'device', device, 'units', units, 'rate_per_s', rate_per_s, 'lane_use', lane_use,"
    "   'how', how)) from worker_rate),"
    " 'failed', (select json_group_array(json_object('unit', unit, 'attempts', attempts,"
    "   'worker', worker, 'error', error)) from failed),"
    " 'oldest_lease', (select json_object('unit', unit, 'attempt', attempt, 'worker', worker,"
    "   'leased_ms', leased_ms) from attempt where outcome is null"
    "   order by leased_ms, unit limit 1)) from progress";

static enum err visit_progress(void *context, size_t columns, const char *const *names,
                               const char *const *values)
{
    struct standing *standing = context;
    (void)names;
    for (size_t i = 0; i < columns && i < PROGRESS_COLUMNS; i++) {
        standing->known[i] = values[i] != NULL;
        standing->value[i] = values[i] ? strtod(values[i], NULL) : 0;
    }
    return OK;
}

static enum err print_line(void *context, size_t columns, const char *const *names,
                           const char *const *values)
{
    (void)context;
    (void)columns;
    (void)names;
    printf("%s\n", values[0]);
    return OK;
}

static enum err print_worker(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    bool *header = context;
    (void)columns;
    (void)names;
    if (!*header)
        printf("\n%-8s %-24s %10s %12s %10s  %s\n", "worker", "name", "units", "units/s",
               "lane use", "left");
    *header = true;
    printf("%-8s %-24s %10s %12.6s %10.5s  %s\n", values[0], values[1] ? values[1] : "-",
           values[2] ? values[2] : "0", values[3] ? values[3] : "-", values[4] ? values[4] : "-",
           values[5] ? values[5] : "");
    return OK;
}

static enum err print_failed(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    (void)context;
    (void)columns;
    (void)names;
    printf("  unit %s failed after %s attempts: %s\n", values[0], values[1],
           values[2] ? values[2] : "no reason given");
    return OK;
}

static enum err print_oldest(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    const int64_t *now_ms = context;
    (void)columns;
    (void)names;
    const double held_s = (double)(*now_ms - strtoll(values[3], NULL, 10)) / 1000;
    printf("  oldest lease: unit %s, attempt %s, worker %s, for %.1f s\n", values[0], values[1],
           values[2] ? values[2] : "-", held_s);
    return OK;
}

static void print_progress(const struct standing *standing)
{
    const double *value = standing->value;
    const double share = value[TOTAL] > 0 ? 100 * value[DONE] / value[TOTAL] : 0;
    printf("units    %.0f of %.0f done (%.1f%%), %.0f leased, %.0f failed\n", value[DONE],
           value[TOTAL], share, value[LEASED], value[FAILED]);
    printf("queries  %.0f of %.0f ranked\n", value[QUERIES_DONE], value[QUERIES]);
    if (standing->known[RATE]) printf("rate     %.4g units/s\n", value[RATE]);
    if (standing->known[ETA] && value[ETA] > 0) printf("eta      %.0f s\n", value[ETA]);
    if (standing->known[MRR]) printf("mrr      %.6f (realistic, so far)\n", value[MRR]);
}

static bool is_over(const struct standing *standing)
{
    return standing->value[DONE] + standing->value[FAILED] >= standing->value[TOTAL];
}

/* What keeps the run from its end, for one that is not complete. */
static enum err print_holdups(const struct command_call *call, struct ledger *reader,
                              const struct standing *standing)
{
    int64_t now_ms = command_now_ms();
    const char *db = command_argument(call, 0);
    if (standing->value[DONE] == standing->value[TOTAL]) return OK;
    printf("\nholding it up\n");
    if (standing->value[LEASED] == 0 && !is_over(standing))
        printf("  no worker has a unit; `millrace run --db %s` goes on\n", db);
    enum err err = ledger_query(reader,
                                "select unit, attempt, worker, leased_ms from attempt"
                                " where outcome is null order by leased_ms, unit limit 1",
                                0, print_oldest, &now_ms);
    if (!err)
        err = ledger_query(reader, "select unit, attempts, error from failed limit 10", 0,
                           print_failed, NULL);
    if (!err && standing->value[FAILED] > 0)
        printf("  `millrace explain %s UNIT` tells more, `millrace retry %s` tries them again\n",
               db, db);
    return err;
}

static enum err print_people(const struct command_call *call, struct ledger *reader,
                             const struct standing *standing)
{
    bool header = false;
    print_progress(standing);
    enum err err = ledger_query(reader,
                                "select worker, name, units, rate_per_s, lane_use, how"
                                " from worker_rate where units > 0 or how is null",
                                0, print_worker, &header);
    if (!err) err = print_holdups(call, reader, standing);
    return err;
}

/* Shows the run as it is now; `over` tells whether more can be expected. */
static enum err show(const struct command_call *call, bool *over)
{
    struct ledger *reader = NULL;
    struct standing standing = {{0}, {0}};
    enum err err = command_open_reader(call, &reader);
    if (!err) err = ledger_query(reader, progress_sql, 0, visit_progress, &standing);
    if (!err && command_given(call, "json"))
        err = ledger_query(reader, json_sql, 0, print_line, NULL);
    else if (!err)
        err = print_people(call, reader, &standing);
    *over = is_over(&standing);
    ledger_close(&reader);
    return err;
}

enum err command_status(struct command_call *call)
{
    const struct timespec pause = {1, 0};
    bool over = false;
    enum err err = show(call, &over);
    while (!err && !over && command_given(call, "watch")) {
        if (!command_given(call, "json")) printf("\n");
        fflush(stdout);
        nanosleep(&pause, NULL);
        err = show(call, &over);
    }
    return err;
}
