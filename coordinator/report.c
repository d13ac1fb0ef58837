/* report - gathers what a report is made from, and hands it to the format. */
#include "coordinator/report_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const report_format_name[REPORT_FORMATS] = {"table", "json", "csv"};

/* ---- facts ------------------------------------------------------------------------------- */

/* Queries whose rows are a name and a text. `wall_s` and `peak_bytes` are of the whole run where
 * it has been noted, else of what the workers said. */
static const struct {
    enum fact_kind kind;
    const char *sql;
} sources[] = {
    {FACT_RUN, "select key, value from run"},
    {FACT_INPUT, "select role, sha256 from input"},
#define COUNTER(name) {FACT_WORK, "select '" #name "', sum(" #name ") from worker"},
    WORK_COUNTERS(COUNTER)
#undef COUNTER
        {FACT_WORK, "select 'lane_use', sum(lanes_live) * 1.0 / nullif(sum(lanes), 0) from worker"},
    {FACT_WORK, "select 'busy_s', sum(busy_us) / 1e6 from worker"},
    {FACT_WORK, "select key, value from run where key in ('wall_s', 'peak_bytes')"},
    {FACT_WORK, "select 'wall_s', (max(done_ms) - (select value from run where key = "
                "'serving_since_ms')) / 1000.0 from unit"},
    {FACT_WORK, "select 'peak_bytes', max(peak_bytes) from worker"},
    {FACT_WORK, "select 'class', class from tally limit 1"},
    {FACT_WORK, "select 'joined_before', count(*) from worker where joined_ms < (select cast(value "
                "as int) from run where key = 'serving_since_ms')"},
    {FACT_WORK, "select 'cut_off', count(*) from worker where how = 'coordinator ended'"},
};

struct gathering {
    struct report *report;
    enum fact_kind kind;
};

static enum err take_fact(void *context, size_t columns, const char *const *names,
                          const char *const *values)
{
    (void)names;
    check(columns == 2);
    const struct gathering *gathering = context;
    struct report *report = gathering->report;
    if (!values[0] || !values[1]) return OK;

    struct fact *more = realloc(report->fact, (report->fact_count + 1) * sizeof *more);
    if (more) report->fact = more;
    struct fact fact = {gathering->kind, strdup(values[0]), strdup(values[1])};
    if (!more || !fact.name || !fact.text) {
        free(fact.name);
        free(fact.text);
        return err_note(ERR_MEMORY, "report: no memory");
    }
    report->fact[report->fact_count++] = fact;
    return OK;
}

static enum err gather(struct ledger *reader, struct report *report)
{
    enum err err = OK;
    for (size_t i = 0; i < sizeof sources / sizeof *sources && !err; i++) {
        struct gathering gathering = {report, sources[i].kind};
        err = ledger_query(reader, sources[i].sql, 0, take_fact, &gathering);
    }
    return err;
}

const char *report_fact(const struct report *report, enum fact_kind kind, const char *name)
{
    for (size_t i = 0; i < report->fact_count; i++)
        if (report->fact[i].kind == kind && strcmp(report->fact[i].name, name) == 0)
            return report->fact[i].text;
    return NULL;
}

double report_number(const struct report *report, enum fact_kind kind, const char *name)
{
    const char *text = report_fact(report, kind, name);
    return text ? strtod(text, NULL) : NAN;
}

uint64_t report_count(const struct report *report, enum fact_kind kind, const char *name)
{
    const char *text = report_fact(report, kind, name);
    return text ? strtoumax(text, NULL, 10) : 0;
}

bool report_complete(const struct report *report)
{
    return report_fact(report, FACT_RUN, "results_digest") != NULL;
}

bool report_by(const struct report *report, enum report_by by)
{
    return report->config->by >> by & 1;
}

bool report_groups(const struct report *report, size_t grouping)
{
    return report->config->by >> REPORT_BY_RELATION >> grouping & 1;
}

bool report_searches(const struct report *report)
{
    const char *program = report_fact(report, FACT_RUN, "program");
    return program && strcmp(program, "prove") == 0;
}

bool report_reads(const struct report *report, const struct setting_row *row)
{
    return !row->program || strcmp(row->program, report_searches(report) ? "prove" : "rank") == 0;
}

/* One sum of the work over that of one or two others. */
static double ratio(const struct report *report, const char *dividend, const char *divisor,
                    const char *more)
{
    const double parts = report_number(report, FACT_WORK, dividend);
    const double whole = report_number(report, FACT_WORK, divisor) +
                         (more ? report_number(report, FACT_WORK, more) : 0);
    return whole > 0 ? parts / whole : NAN;
}

double report_steps_per_candidate(const struct report *report)
{
    return ratio(report, "lanes_live", "pairs", NULL);
}

double report_rows_per_state(const struct report *report)
{
    return ratio(report, "rows", "lanes_live", NULL);
}

double report_cache_hits(const struct report *report)
{
    return ratio(report, "recalled", "recalled", "encoded");
}

bool report_side_shown(const struct report *report, size_t side)
{
    const size_t *count = report->figures->count;
    if (side != FIGURES_BOTH) return count[side] > 0;
    return count[FIGURES_BOTH] != count[SIDE_HEAD] && count[FIGURES_BOTH] != count[SIDE_TAIL];
}

double report_value(const struct report *report, size_t side, enum rank_type type, const char *key)
{
    const size_t column = figures_find(report->figures, key);
    if (column == report->figures->column_count) return NAN;
    return figures_value(report->figures, side, type, column);
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum err flush(FILE *out)
{
    if (fflush(out) == 0 && !ferror(out)) return OK;
    return err_note(errno == ENOSPC ? ERR_FULL : ERR_IO, "report: cannot be written: %s",
                    strerror(errno));
}

enum err report_write(struct ledger *reader, const struct report_config *config)
{
    static enum err (*const formats[REPORT_FORMATS])(struct report *) = {report_table, report_json,
                                                                         report_csv};
    check(config->format < REPORT_FORMATS);
    struct report report = {.config = config};
    /* Counted before the ranks are read: what is said to be done is in the ranks. */
    ledger_counts(reader, &report.units);
    enum err err = gather(reader, &report);
    const struct figures_config figures = {.hits = config->hits,
                                           .hits_count = config->hits_count,
                                           .by = config->by >> REPORT_BY_RELATION,
                                           .searches = report_searches(&report)};
    if (!err) err = figures_open(reader, &figures, &report.figures);
    if (!err) err = formats[config->format](&report);
    if (!err) err = flush(config->out);

    figures_close(&report.figures);
    for (size_t i = 0; i < report.fact_count; i++) {
        free(report.fact[i].name);
        free(report.fact[i].text);
    }
    free(report.fact);
    return err;
}
