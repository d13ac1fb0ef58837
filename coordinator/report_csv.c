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

/* A line up to its value; the label of a group stands in its grouping's column. */
static void begin_line(const struct report *report, size_t grouping, const char *label,
                       const char *side)
{
    FILE *out = report->config->out;
    for (size_t i = 0; i < FIGURES_GROUPINGS; i++) {
        if (!report_groups(report, i)) continue;
        if (i == grouping) write_field(out, label);
        putc(',', out);
    }
    fputs(side, out);
}

static void end_line(FILE *out, const char *type, const char *name, double value, int digits)
{
    char text[JSON_NUMBER_SIZE] = "";
    if (isfinite(value)) json_digits(value, digits, text);
    fprintf(out, ",%s,%s,%s\n", type, name, text);
}

/* The group that was last computed; `grouping` FIGURES_GROUPINGS: all. */
static void write_metrics(const struct report *report, size_t grouping, const char *label)
{
    const struct figures *figures = report->figures;
    for (size_t side = 0; side < FIGURES_SIDES; side++) {
        if (figures->count[side] == 0) continue;
        for (enum rank_type type = 0; type < RANK_TYPES; type++) {
            for (size_t i = 0; i < figures->column_count; i++) {
                const struct figures_column *column = &figures->column[i];
                begin_line(report, grouping, label, figures_side_name[side]);
                end_line(report->config->out, figures_type_name[type], column->key,
                         figures_value(figures, side, type, i),
                         column->metric->rounded ? METRIC_DIGITS : 0);
            }
        }
    }
}

static void write_proofs(const struct report *report, size_t grouping, const char *label,
                         const struct proofs *proofs)
{
    for (size_t side = 0; side < ITEM_SIDES; side++) {
        const struct proofs_count *truth = &proofs->truth[side], *others = &proofs->others[side];
        const struct {
            const char *type, *name;
            double value;
        } lines[] = {
            {"true", "count", (double)truth->count},
            {"true", "proved", (double)truth->proved},
            {"true", "success_rate", proofs_success(truth)},
            {"true", "mean_depth", proofs_mean_depth(truth)},
            {"false", "count", (double)others->count},
            {"false", "proved", (double)others->proved},
            {"false", "success_rate", proofs_success(others)},
            {"false", "mean_depth", proofs_mean_depth(others)},
            {"all", "auc_pr", proofs->auc_pr[side]},
        };
        if (truth->count + others->count == 0) continue;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            begin_line(report, grouping, label, item_side_name[side]);
            end_line(report->config->out, lines[i].type, lines[i].name, lines[i].value, 0);
        }
    }
}

static enum err write_group(struct report *report, size_t grouping,
                            const struct figures_group *group)
{
    struct figures *figures = report->figures;
    const char *label = group ? group->label : "";
    const enum err err = figures_compute(figures, group);
    if (err) return err;
    write_metrics(report, grouping, label);
    if (figures->searches)
        write_proofs(report, grouping, label, group ? &group->proofs : &figures->proofs);
    return OK;
}

enum err report_csv(struct report *report)
{
    const struct figures *figures = report->figures;
    for (size_t i = 0; i < FIGURES_GROUPINGS; i++)
        if (report_groups(report, i))
            fprintf(report->config->out, "%s,", figures_groupings[i].name);
    fputs("side,type,metric,value\n", report->config->out);
    enum err err = write_group(report, FIGURES_GROUPINGS, NULL);
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++)
        for (size_t j = 0; j < figures->group_count[i] && !err; j++)
            err = write_group(report, i, &figures->group[i][j]);
    return err;
}
