/* report_json - a report for tools: metrics in PyKEEN's nesting, and the run they are of. */
#include "coordinator/json.h"
#include "coordinator/report_parts.h"

static void write_side(struct json *json, const struct figures *figures, size_t side)
{
    json_begin(json, figures_side_name[side]);
    for (enum rank_type type = 0; type < RANK_TYPES; type++) {
        json_begin(json, figures_type_name[type]);
        for (size_t i = 0; i < figures->column_count; i++) {
            const struct figures_column *column = &figures->column[i];
            json_number(json, column->key, figures_value(figures, side, type, i),
                        column->metric->rounded ? METRIC_DIGITS : 0);
        }
        json_end(json);
    }
    json_end(json);
}

/* The group that was last computed: its ranks, and what its searches came to. */
static void write_sides(struct json *json, const struct figures *figures)
{
    for (size_t side = 0; side < FIGURES_SIDES; side++) write_side(json, figures, side);
}

static void write_count(struct json *json, const char *key, const struct proofs_count *count)
{
    json_begin(json, key);
    json_count(json, "count", count->count);
    json_count(json, "proved", count->proved);
    json_number(json, "success_rate", proofs_success(count), 0);
    json_number(json, "mean_depth", proofs_mean_depth(count), 0);
    json_end(json);
}

static void write_proofs(struct json *json, const struct proofs *proofs)
{
    json_begin(json, "proofs");
    for (size_t side = 0; side < ITEM_SIDES; side++) {
        json_begin(json, item_side_name[side]);
        write_count(json, "true", &proofs->truth[side]);
        write_count(json, "false", &proofs->others[side]);
        json_number(json, "auc_pr", proofs->auc_pr[side], 0);
        json_end(json);
    }
    json_end(json);
}

/* Every setting that was given, and the defaults of those that can change its results. */
static void write_settings(struct json *json, const struct report *report)
{
    json_begin(json, "settings");
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        const struct setting_row *row = &setting_rows[i];
        const char *text = report_fact(report, FACT_RUN, row->name);
        const bool counts = row->kind == MEANING && report_reads(report, row);
        if (!text && counts && row->standard && *row->standard) text = row->standard;
        if (text) json_text(json, row->name, text);
    }
    json_end(json);
}

static void write_inputs(struct json *json, const struct report *report)
{
    json_begin(json, "inputs");
    for (size_t i = 0; i < report->fact_count; i++)
        if (report->fact[i].kind == FACT_INPUT)
            json_text(json, report->fact[i].name, report->fact[i].text);
    json_end(json);
}

static void write_work(struct json *json, const struct report *report)
{
    json_begin(json, "work");
#define COUNTER(name) json_count(json, #name, report_count(report, FACT_WORK, #name));
    WORK_COUNTERS(COUNTER)
#undef COUNTER
    json_number(json, "lane_use", report_number(report, FACT_WORK, "lane_use"), 0);
    json_number(json, "busy_s", report_number(report, FACT_WORK, "busy_s"), 0);
    json_number(json, "wall_s", report_number(report, FACT_WORK, "wall_s"), 0);
    json_count(json, "peak_bytes", report_count(report, FACT_WORK, "peak_bytes"));
    if (report_searches(report)) {
        json_number(json, "steps_per_candidate", report_steps_per_candidate(report), 0);
        json_number(json, "rows_per_state", report_rows_per_state(report), 0);
        json_number(json, "cache_hits", report_cache_hits(report), 0);
    }
    json_end(json);
}

static void write_run(struct json *json, const struct report *report)
{
    const struct figures *figures = report->figures;
    const double rows = (double)figures->row_count;
    json_begin(json, "run");
    write_settings(json, report);
    write_inputs(json, report);
    json_text(json, "run_digest", report_fact(report, FACT_RUN, "run_digest"));
    json_text(json, "results_digest", report_fact(report, FACT_RUN, "results_digest"));
    json_bool(json, "complete", report_complete(report));
    json_count(json, "units_done", report->units.unit[UNIT_DONE]);
    json_count(json, "units_failed", report->units.unit[UNIT_FAILED]);
    json_count(json, "units_total", report->units.total);
    json_count(json, "queries_done", figures->row_count);
    json_count(json, "queries_total", report_count(report, FACT_RUN, "queries_total"));
    json_count(json, "unknown_dropped", report_count(report, FACT_RUN, "unknown_dropped"));
    json_count(json, "unknown_kept", report_count(report, FACT_RUN, "unknown_kept"));
    json_count(json, "nonfinite", figures->nonfinite);
    json_number(json, "ties", rows > 0 ? (double)figures->tied / rows : 0, 0);
    json_text(json, "class", report_fact(report, FACT_WORK, "class"));
    json_text(json, "millrace_version", report_fact(report, FACT_RUN, "millrace_version"));
    write_work(json, report);
    json_end(json);
}

static enum err write_groups(struct json *json, struct report *report, size_t grouping)
{
    struct figures *figures = report->figures;
    enum err err = OK;
    json_begin(json, figures_groupings[grouping].name);
    for (size_t i = 0; i < figures->group_count[grouping] && !err; i++) {
        const struct figures_group *group = &figures->group[grouping][i];
        err = figures_compute(figures, group);
        json_begin(json, group->label);
        if (!err) write_sides(json, figures);
        if (!err && figures->searches) write_proofs(json, &group->proofs);
        json_end(json);
    }
    json_end(json);
    return err;
}

enum err report_json(struct report *report)
{
    struct json json = {.out = report->config->out};
    enum err err = figures_compute(report->figures, NULL);
    if (err) return err;

    json_begin(&json, NULL);
    json_begin(&json, "metrics");
    write_sides(&json, report->figures);
    json_end(&json);
    if (report->figures->searches) write_proofs(&json, &report->figures->proofs);
    write_run(&json, report);
    if (report->config->by) json_begin(&json, "by");
    if (report_by(report, REPORT_BY_SIDE)) {
        json_begin(&json, "side");
        for (size_t side = 0; side < SIDES; side++) write_side(&json, report->figures, side);
        json_end(&json);
    }
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++)
        if (report_groups(report, i)) err = write_groups(&json, report, i);
    if (report->config->by) json_end(&json);
    json_end(&json);
    return err;
}
