/* command_status - how far a run is, and what holds it up. */
#include "coordinator/command.h"
#include "coordinator/words.h"
#include "coordinator/ledger_lock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The row of view progress as numbers; what is NULL there is 0 here, and not known. */
enum { TOTAL, DONE, LEASED, FAILED, QUERIES, QUERIES_DONE, RATE, ETA, MRR, PROGRESS_COLUMNS };

struct standing {
    double value[PROGRESS_COLUMNS];
    bool known[PROGRESS_COLUMNS];
    bool served;   /* a coordinator has the database */
    bool searches; /* the run is of `prove` */
};

static const char progress_sql[] =
    "select units_total, units_done, units_leased, units_failed, queries_total, queries_done,"
    " rate_per_s, eta_s, mrr from progress";

/* The names are those of the views. ?1 is 1 while a coordinator has the database; without one,
 * leases and the time left are of the past. `oldest_lease` is null while no lease is open. */
static const char json_sql[] =
    "select json_object("
    "'units_total', units_total, 'units_done', units_done, 'units_leased', units_leased,"
    " 'units_failed', units_failed, 'queries_total', queries_total, 'queries_done', queries_done,"
    " 'rate_per_s', rate_per_s,"
    " 'eta_s', case when ?1 or units_done = units_total then eta_s end, 'mrr', mrr,"
    " 'served', json(case when ?1 then 'true' else 'false' end),"
    " 'workers', json((select json_group_array(json_object('worker', worker, 'name', name,"
    "   'device', device, 'units', units, 'rate_per_s', rate_per_s, 'lane_use', lane_use,"
    "   'how', how)) from worker_rate)),"
    " 'failed', json((select json_group_array(json_object('unit', unit, 'attempts', attempts,"
    "   'worker', worker, 'error', error)) from failed)),"
    " 'oldest_lease', json((select json_object('unit', unit, 'attempt', attempt,"
    "   'worker', worker, 'leased_ms', leased_ms) from attempt where outcome is null and ?1"
    "   order by leased_ms, unit limit 1))) from progress";

/* An open lease older than `?1` ms since the epoch. */
static const char oldest_sql[] =
    "select unit, attempt, worker, leased_ms from attempt"
    " where outcome is null and leased_ms < ?1 order by leased_ms, unit limit 1";

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

/* A lease that may hold the run up. */
struct oldest {
    int64_t now_ms;
    char text[160]; /* "": none */
};

static enum err visit_oldest(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    struct oldest *oldest = context;
    (void)columns;
    (void)names;
    const double held_s = (double)(oldest->now_ms - strtoll(values[3], NULL, 10)) / 1000;
    snprintf(oldest->text, sizeof oldest->text,
             "  oldest lease: unit %s, attempt %s, worker %s, for %.1f s\n", values[0], values[1],
             values[2] ? values[2] : "-", held_s);
    return OK;
}

static enum err visit_count(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    (void)columns;
    (void)names;
    *(uint64_t *)context = strtoull(values[0], NULL, 10);
    return OK;
}

static bool is_complete(const struct standing *standing)
{
    return standing->value[DONE] >= standing->value[TOTAL];
}

static bool is_over(const struct standing *standing)
{
    return standing->value[DONE] + standing->value[FAILED] >= standing->value[TOTAL];
}

static const char *words_of(double value, char words[WORDS_SIZE])
{
    return words_thousands(value > 0 ? (uint64_t)value : 0, words);
}

static void print_progress(const struct standing *standing)
{
    const double *value = standing->value;
    const double share = value[TOTAL] > 0 ? 100 * value[DONE] / value[TOTAL] : 0;
    char a[WORDS_SIZE], b[WORDS_SIZE];
    printf("units    %s of %s done (%.1f%%)", words_of(value[DONE], a), words_of(value[TOTAL], b),
           share);
    if (standing->served) printf(", %s leased", words_of(value[LEASED], a));
    printf(", %s failed\n", words_of(value[FAILED], a));
    printf("queries  %s of %s %s\n", words_of(value[QUERIES_DONE], a), words_of(value[QUERIES], b),
           standing->searches ? "searched" : "ranked");
    if (standing->known[RATE]) printf("rate     %.4g units/s\n", value[RATE]);
    if (standing->served && standing->known[ETA] && value[ETA] > 0)
        printf("eta      %s s\n", words_of(value[ETA] + 0.5, a));
    if (standing->known[MRR])
        printf("mrr      %.6f (realistic%s)\n", value[MRR],
               is_complete(standing) ? "" : ", so far");
}

/* How workers reach the coordinator of `db`; one that serves only its own tells nobody. */
static void print_served(const char *db, uint64_t workers)
{
    char path[4096 + 16], address[256] = "";
    snprintf(path, sizeof path, "%s.endpoint", db);
    FILE *file = fopen(path, "re");
    if (file && !fgets(address, sizeof address, file)) *address = 0;
    if (file) (void)!fclose(file);
    address[strcspn(address, "\n")] = 0;
    if (*address)
        printf("\na coordinator serves it%s: start `millrace-worker --connect %s` (%s)\n",
               workers ? "; for more workers" : ", and no worker is there", address, path);
    else
        printf("\na coordinator is working on it%s\n",
               workers ? "" : ", and no worker is there yet");
}

/* Who works on it, and what to do where nobody does. */
static void print_next(const char *db, const struct standing *standing, uint64_t workers)
{
    if (is_complete(standing)) return;
    if (standing->served)
        print_served(db, workers);
    else if (!is_over(standing))
        printf("\nnothing is running; go on with `millrace run --db %s`\n", db);
}

/* Leases are renewed by progress, but one older than half their span is worth a line. */
static enum err find_oldest(struct ledger *reader, struct oldest *oldest)
{
    uint64_t lease_s;
    enum err err = command_number(reader, setting_rows[SET_lease_s].name, 30, &lease_s);
    oldest->now_ms = command_now_ms();
    const uint64_t before = (uint64_t)oldest->now_ms - lease_s * 500;
    return err ? err : ledger_query(reader, oldest_sql, before, visit_oldest, oldest);
}

/* What keeps the run from its end: nothing, for one that does well. */
static enum err print_holdups(const char *db, struct ledger *reader,
                              const struct standing *standing)
{
    struct oldest oldest = {.text = ""};
    uint64_t workers = 0;
    enum err err = ledger_query(reader, "select count(*) from worker where left_ms is null", 0,
                                visit_count, &workers);
    if (!err) print_next(db, standing, workers);
    if (!err && standing->served && !is_over(standing)) err = find_oldest(reader, &oldest);
    if (err || (!*oldest.text && standing->value[FAILED] == 0)) return err;
    printf("\nholding it up\n%s", oldest.text);
    err = ledger_query(reader, "select unit, attempts, error from failed limit 10", 0, print_failed,
                       NULL);
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
    if (!err) err = print_holdups(command_argument(call, 0), reader, standing);
    return err;
}

static enum err find_program(struct ledger *reader, struct standing *standing)
{
    char program[64];
    const enum err err = ledger_get(reader, "program", program, sizeof program);
    standing->searches = strcmp(program, "prove") == 0;
    return err;
}

/* Shows the run as it is now; `over` tells whether more can be expected. */
static enum err show(const struct command_call *call, bool *over)
{
    struct ledger *reader = NULL;
    struct standing standing = {.served = ledger_lock_held(command_argument(call, 0))};
    enum err err = command_open_reader(call, &reader);
    if (!err) err = ledger_query(reader, progress_sql, 0, visit_progress, &standing);
    if (!err) err = find_program(reader, &standing);
    if (!err && command_given(call, "json"))
        err = ledger_query(reader, json_sql, standing.served, print_line, NULL);
    else if (!err)
        err = print_people(call, reader, &standing);
    *over = is_over(&standing);
    ledger_close(&reader);
    return err;
}

enum err command_status(struct command_call *call)
{
    static const char redraw[] = "\033[H\033[J"; /* home, and clear what is below */
    const struct timespec pause = {1, 0};
    const bool json = command_given(call, "json"), watch = command_given(call, "watch");
    const bool terminal = watch && !json && isatty(STDOUT_FILENO);
    bool over = false;
    if (terminal) {
        /* What is shown goes out in one piece, so that nothing flickers. */
        (void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ * 8);
        printf("\033[2J%s", redraw);
    }
    enum err err = show(call, &over);
    while (!err && !over && watch) {
        fflush(stdout);
        nanosleep(&pause, NULL);
        printf("%s", terminal ? redraw : json ? "" : "\n");
        err = show(call, &over);
    }
    return err;
}
