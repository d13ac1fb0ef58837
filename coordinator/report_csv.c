/* report_csv - a report for spreadsheets: a line for each metric. */
#include "coordinator/json.h"
#include "coordinator/report_parts.h"

#include <math.h>
#include <string.h>

/* A field in quotes where it needs them (RFC 4180). */
static void write_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"') putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* The group that was last computed; `relation` NULL: no such column, "": of all relations. */
static void write_group(const struct report *report, const char *relation)
{
    FILE *out = report->config->out;
    const struct figures *figures = report->figures;
    for (size_t side = 0; side < FIGURES_SIDES; side++) {
        if (figures->count[side] == 0) continue;
        for (enum rank_type type = 0; type < RANK_TYPES; type++) {
            for (size_t i = 0; i < figures->column_count; i++) {
                const struct figures_column *column = &figures->column[i];
                const double value = figures_value(figures, side, type, i);
                char text[JSON_NUMBER_SIZE] = "";
                if (isfinite(value))
                    json_digits(value, column->metric->rounded ? METRIC_DIGITS : 0, text);
                if (relation) {
                    write_field(out, relation);
                    putc(',', out);
                }
                fprintf(out, "%s,%s,%s,%s\n", figures_side_name[side], figures_type_name[type],
                        column->key, text);
            }
        }
    }
}

enum err report_csv(struct report *report)
{
    const bool by_relation = report_by(report, REPORT_BY_RELATION);
    fprintf(report->config->out, "%sside,type,metric,value\n", by_relation ? "relation," : "");
    enum err err = figures_compute(report->figures, NULL);
    if (!err) write_group(report, by_relation ? "" : NULL);
    for (size_t i = 0; i < report->figures->relation_count && !err; i++) {
        err = figures_compute(report->figures, &report->figures->relation[i]);
        if (!err) write_group(report, report->figures->relation[i].label);
    }
    return err;
}
