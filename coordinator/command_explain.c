/* command_explain - why a unit is where it is (explain), and another chance for it (retry). */
#include "coordinator/command.h"
#include "common/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char unit_sql[] =
    "select u.state, u.attempts, u.worker, w.name, u.done_ms,"
    " (select count(distinct worker) from attempt a where a.unit = u.unit and charged),"
    " (select outcome from attempt a where a.unit = u.unit and outcome is not null"
    "  order by attempt desc limit 1),"
    " (select error from attempt a where a.unit = u.unit and error is not null"
    "  order by attempt desc limit 1)"
    " from unit u left join worker w on w.worker = u.worker where u.unit = ?1";

static const char attempts_sql[] =
    "select a.attempt, a.worker, w.name, w.host, a.leased_ms, a.ended_ms, a.outcome, a.error"
    " from attempt a left join worker w on w.worker = a.worker"
    " where a.unit = ?1 order by a.attempt";

/* What can end a run, or keep it from going on, without a unit that failed. */
static const char events_sql[] =
    "select e.at_ms, e.kind, e.worker, w.name, e.detail"
    " from (select rowid as place, * from event"
    "  where kind in ('input', 'died', 'worker', 'mismatch', 'refused')"
    "  order by rowid desc limit ?1) e"
    " left join worker w on w.worker = e.worker order by e.place";
enum { EVENTS_SHOWN = 10 };

/* One unit, as far as it was looked up. */
struct explained {
    uint64_t unit;
    const char *db;
    bool found;
};

/* A time for people, in UTC. */
static const char *time_text(const char *ms, char out[32])
{
    const long long value = ms ? strtoll(ms, NULL, 10) : 0;
    const time_t seconds = (time_t)(value / 1000);
    struct tm parts;
    if (!ms || !gmtime_r(&seconds, &parts)) return "-";
    const size_t used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + used, 32 - used, ".%03lldZ", value % 1000);
    return out;
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

/* The sentence for each state; the columns are those of unit_sql. */
static void tell_ready(const struct explained *explained, const char *const *values)
{
    (void)explained;
    if (strcmp(or_dash(values[1]), "0") == 0)
        printf("It waits: no worker has taken it yet.\n");
    else
        printf("It waits for a worker to try it again: its last attempt %s%s%s.\n",
               values[6] ? "ended as " : "was forgiven", values[6] ? values[6] : "",
               values[7] ? ", and one said why" : "");
}

static void tell_leased(const struct explained *explained, const char *const *values)
{
    (void)explained;
    printf("Worker %s (%s) is working on it; its lease is renewed while it makes progress.\n",
           or_dash(values[2]), or_dash(values[3]));
}

static void tell_done(const struct explained *explained, const char *const *values)
{
    char text[32];
    (void)explained;
    printf("It is done since %s; worker %s (%s) delivered it.\n", time_text(values[4], text),
           or_dash(values[2]), or_dash(values[3]));
}

static void tell_failed(const struct explained *explained, const char *const *values)
{
    printf("It was set aside: %s worker%s failed at it%s%s. `millrace retry %s` makes it ready"
           " again.\n",
           or_dash(values[5]), strcmp(or_dash(values[5]), "1") == 0 ? "" : "s",
           values[7] ? ", the last saying: " : "", values[7] ? values[7] : "", explained->db);
}

static void (*const tells[UNIT_STATES])(const struct explained *, const char *const *) = {
    [UNIT_READY] = tell_ready,
    [UNIT_LEASED] = tell_leased,
    [UNIT_DONE] = tell_done,
    [UNIT_FAILED] = tell_failed,
};

static enum err visit_sentence(void *context, size_t columns, const char *const *names,
                               const char *const *values)
{
    struct explained *explained = context;
    (void)columns;
    (void)names;
    for (size_t state = 0; state < UNIT_STATES; state++)
        if (values[0] && strcmp(values[0], unit_state_name[state]) == 0)
            tells[state](explained, values);
    return OK;
}

static enum err visit_state(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    struct explained *explained = context;
    (void)columns;
    (void)names;
    explained->found = true;
    printf("unit %" PRIu64 ": %s\n", explained->unit, or_dash(values[0]));
    return OK;
}

static enum err visit_attempt(void *context, size_t columns, const char *const *names,
                              const char *const *values)
{
    char text[32];
    (void)context;
    (void)columns;
    (void)names;
    printf("  attempt %s  worker %s (%s on %s)  %s  ", values[0], or_dash(values[1]),
           or_dash(values[2]), or_dash(values[3]), time_text(values[4], text));
    if (values[4] && values[5])
        printf("for %.1f s  ", (strtod(values[5], NULL) - strtod(values[4], NULL)) / 1000);
    printf("%s%s%s\n", values[6] ? values[6] : "open", values[7] ? ": " : "",
           values[7] ? values[7] : "");
    return OK;
}

static enum err visit_failed(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    bool *any = context;
    (void)columns;
    (void)names;
    *any = true;
    printf("unit %s: failed after %s attempts: %s\n", values[0], or_dash(values[1]),
           values[2] ? values[2] : "no reason given");
    return OK;
}

static enum err visit_event(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    char text[32];
    bool *any = context;
    (void)columns;
    (void)names;
    if (!*any) printf("last events\n");
    *any = true;
    printf("  %s  %-8s  ", time_text(values[0], text), or_dash(values[1]));
    if (values[2]) printf("worker %s (%s): ", values[2], or_dash(values[3]));
    printf("%s\n", or_dash(values[4]));
    return OK;
}

/* One direction of the grid: what lies along it, and the keys of how many there are, in all and in
 * a unit. A database has those of its program. */
struct direction {
    const char *what, *total, *unit;
};

static const struct direction grids[][2] = {
    {{"questions", "questions", "unit_questions"}, /* rank */
     {"candidates", "entities_total", "unit_candidates"}},
    {{"targets", "questions", "unit_targets"}, {"places", "places", "unit_places"}}, /* prove */
};

static enum err print_span(struct ledger *reader, const struct direction *direction, uint64_t part)
{
    uint64_t total, unit;
    enum err err = command_number(reader, direction->total, 0, &total);
    if (!err) err = command_number(reader, direction->unit, 0, &unit);
    if (!err)
        printf("%s %" PRIu64 " to %" PRIu64, direction->what, part * unit,
               numbers_least((part + 1) * unit, total) - 1);
    return err;
}

/* The unit's place in the grid, from what the plan stored. */
static enum err print_place(struct ledger *reader, uint64_t unit)
{
    uint64_t columns;
    enum err err = command_number(reader, "columns", 1, &columns);
    for (size_t i = 0; !err && columns > 0 && i < sizeof grids / sizeof *grids; i++) {
        uint64_t rows_in_unit;
        err = command_number(reader, grids[i][0].unit, 0, &rows_in_unit);
        if (err || rows_in_unit == 0) continue;
        printf("  row %" PRIu64 ", column %" PRIu64 ": ", unit / columns, unit % columns);
        err = print_span(reader, &grids[i][0], unit / columns);
        printf(", ");
        if (!err) err = print_span(reader, &grids[i][1], unit % columns);
        putchar('\n');
    }
    return err;
}

static enum err explain_unit(struct ledger *reader, struct explained *explained)
{
    struct ledger_counts counts;
    ledger_counts(reader, &counts);
    enum err err = ledger_query(reader, unit_sql, explained->unit, visit_state, explained);
    if (!err && !explained->found)
        return err_note(ERR_USAGE,
                        "explain: %s: there is no unit %" PRIu64 "; there are 0 to %" PRIu64,
                        explained->db, explained->unit, counts.total - 1);
    if (!err) err = print_place(reader, explained->unit);
    if (!err) err = ledger_query(reader, attempts_sql, explained->unit, visit_attempt, NULL);
    if (!err) err = ledger_query(reader, unit_sql, explained->unit, visit_sentence, explained);
    return err;
}

static const char *counts_text(struct ledger *reader, char text[128])
{
    struct ledger_counts counts;
    ledger_counts(reader, &counts);
    snprintf(text, 128, "%" PRIu64 " of %" PRIu64 " are done", counts.unit[UNIT_DONE],
             counts.total);
    return text;
}

static enum err explain_failed(struct ledger *reader)
{
    char text[128];
    bool any = false;
    enum err err = ledger_query(reader, "select unit, attempts, error from failed order by unit", 0,
                                visit_failed, &any);
    if (!err && !any) printf("no unit has failed; %s\n", counts_text(reader, text));
    any = false;
    return err ? err : ledger_query(reader, events_sql, EVENTS_SHOWN, visit_event, &any);
}

enum err command_explain(struct command_call *call)
{
    const char *unit = command_argument(call, 1);
    struct explained explained = {.db = command_argument(call, 0)};
    struct ledger *reader = NULL;
    enum err err = unit ? command_parse(unit, "explain: UNIT", &explained.unit) : OK;
    if (!err) err = command_open_reader(call, &reader);
    if (!err) err = unit ? explain_unit(reader, &explained) : explain_failed(reader);
    ledger_close(&reader);
    return err;
}

enum err command_retry(struct command_call *call)
{
    const char *db = command_argument(call, 0);
    struct ledger *ledger = NULL;
    uint64_t count = 0;
    enum err err = command_open_ledger(call, &ledger);
    if (err == ERR_BUSY)
        return err_note(err,
                        "retry: %s: a coordinator is working on it; wait for its end, or stop"
                        " it first (it can be resumed)",
                        db);
    if (!err) err = ledger_begin(ledger);
    if (!err) err = ledger_retry(ledger, command_now_ms(), &count);
    if (!err) err = ledger_commit(ledger);
    if (!err)
        printf("%" PRIu64 " unit%s ready again; `millrace run --db %s` goes on\n", count,
               count == 1 ? " is" : "s are", db);
    ledger_close(&ledger);
    return err;
}
