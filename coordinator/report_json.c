/* report_json - a report for tools: metrics in PyKEEN's nesting, and the run they are of. */
#include "common/settings.h"
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

/* Every setting that was given, and the defaults of those that can change a result. */
static void write_settings(struct json *json, const struct report *report)
{
    json_begin(json, "settings");
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        const struct setting_row *row = &setting_rows[i];
        const char *text = report_fact(report, FACT_RUN, row->name);
        if (!text && row->kind == MEANING && row->standard && *row->standard) text = row->standard;
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
    json_count(json, "pairs", report_count(report, FACT_WORK, "pairs"));
    json_count(json, "rescored", report_count(report, FACT_WORK, "rescored"));
    json_number(json, "lane_use", report_number(report, FACT_WORK, "lane_use"), 0);
    json_number(json, "busy_s", report_number(report, FACT_WORK, "busy_s"), 0);
    json_number(json, "wall_s", report_number(report, FACT_WORK, "wall_s"), 0);
    json_count(json, "peak_bytes", report_count(report, FACT_WORK, "peak_bytes"));
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

static enum err write_relations(struct json *json, struct report *report)
{
    enum err err = OK;
    json_begin(json, "relation");
    for (size_t i = 0; i < report->figures->relation_count && !err; i++) {
        const struct figures_relation *relation = &report->figures->relation[i];
        err = figures_compute(report->figures, relation);
        json_begin(json, relation->label);
        for (size_t side = 0; side < FIGURES_SIDES && !err; side++)
            write_side(json, report->figures, side);
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
    for (size_t side = 0; side < FIGURES_SIDES; side++) write_side(&json, report->figures, side);
    json_end(&json);
    write_run(&json, report);
    if (report->config->by) json_begin(&json, "by");
    if (report_by(report, REPORT_BY_SIDE)) {
        json_begin(&json, "side");
        for (size_t side = 0; side < SIDES; side++) write_side(&json, report->figures, side);
        json_end(&json);
    }
    if (report_by(report, REPORT_BY_RELATION)) err = write_relations(&json, report);
    if (report->config->by) json_end(&json);
    json_end(&json);
    return err;
}
