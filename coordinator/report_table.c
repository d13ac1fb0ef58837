/* report_table - a report for people: the headline metrics, and what they rest on. */
#include "coordinator/report_parts.h"
#include "coordinator/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_WIDTH = 32, CELL_WIDTH = 10, SHARE_WIDTH = 14 };

/* ---- words for numbers ------------------------------------------------------------------- */

/* 1234567 as "1.23 M". What three digits would round to 1000 has the next prefix. */
static const char *with_prefix(double number, char words[WORDS_SIZE])
{
    static const char prefix[] = " kMGTP";
    size_t i = 0;
    for (; number >= 999.5 && i + 2 < sizeof prefix; i++) number /= 1000;
    snprintf(words, WORDS_SIZE, i ? "%.3g %c" : "%.3g ", number, prefix[i]);
    return words;
}

/* ---- metrics ----------------------------------------------------------------------------- */

static void write_cell(const struct report *report, size_t side, const char *key)
{
    FILE *out = report->config->out;
    const double value = report_value(report, side, RANK_REALISTIC, key);
    if (isnan(value))
        fprintf(out, "  %*s", CELL_WIDTH, "-");
    else
        fprintf(out, "  %*.*f", CELL_WIDTH, fabs(value) < 100 ? 6 : 2, value);
}

static void write_row(const struct report *report, const char *label, const char *key)
{
    fprintf(report->config->out, "%-12s", label);
    for (size_t side = 0; side < FIGURES_SIDES; side++)
        if (report_side_shown(report, side)) write_cell(report, side, key);
    putc('\n', report->config->out);
}

static void write_metrics(const struct report *report)
{
    FILE *out = report->config->out;
    fprintf(out, "%-12s", "");
    for (size_t side = 0; side < FIGURES_SIDES; side++)
        if (report_side_shown(report, side))
            fprintf(out, "  %*s", CELL_WIDTH, figures_side_name[side]);
    putc('\n', out);

    write_row(report, "MRR", "inverse_harmonic_mean_rank");
    for (size_t i = 0; i < report->config->hits_count; i++) {
        char label[WORDS_SIZE], key[FIGURES_KEY_SIZE];
        snprintf(label, sizeof label, "hits@%" PRIu64, report->config->hits[i]);
        snprintf(key, sizeof key, "hits_at_%" PRIu64, report->config->hits[i]);
        write_row(report, label, key);
    }
    write_row(report, "mean rank", "arithmetic_mean_rank");
    write_row(report, "AMRI", "adjusted_arithmetic_mean_rank_index");
    write_row(report, "AMRR", "adjusted_inverse_harmonic_mean_rank");
}

/* ---- searches ---------------------------------------------------------------------------- */

static double value_true_proved(const struct proofs *proofs, size_t side)
{
    return 100 * proofs_success(&proofs->truth[side]);
}

static double value_false_proved(const struct proofs *proofs, size_t side)
{
    return 100 * proofs_success(&proofs->others[side]);
}

static double value_true_steps(const struct proofs *proofs, size_t side)
{
    return proofs_mean_depth(&proofs->truth[side]);
}

static double value_false_steps(const struct proofs *proofs, size_t side)
{
    return proofs_mean_depth(&proofs->others[side]);
}

static double value_auc_pr(const struct proofs *proofs, size_t side)
{
    return proofs->auc_pr[side];
}

/* What the searches of true triples and of false ones came to. */
static const struct proofs_row {
    const char *label;
    int places; /* behind the point */
    double (*value)(const struct proofs *proofs, size_t side);
} proofs_rows[] = {
    {"true proved %", 2, value_true_proved},
    {"false proved %", 2, value_false_proved},
    {"true steps", 2, value_true_steps},
    {"false steps", 2, value_false_steps},
    {"AUC-PR", 6, value_auc_pr},
};
enum {
    PROOFS_ROWS = sizeof proofs_rows / sizeof *proofs_rows,
    PROOFS_SHARES = 2, /* the first rows, which groups show, too */
};

static void write_proofs_cell(FILE *out, const struct proofs_row *row, const struct proofs *proofs,
                              size_t side, int width)
{
    const double value = row->value(proofs, side);
    if (isnan(value))
        fprintf(out, "  %*s", width, "-");
    else
        fprintf(out, "  %*.*f", width, row->places, value);
}

/* The sides stand below those of the metrics: the labels take a cell's two blanks. */
static void write_proofs(const struct report *report)
{
    FILE *out = report->config->out;
    putc('\n', out);
    for (size_t i = 0; i < PROOFS_ROWS; i++) {
        int width = CELL_WIDTH - 2;
        fprintf(out, "%-14s", proofs_rows[i].label);
        for (size_t side = 0; side < ITEM_SIDES; side++) {
            if (!report_side_shown(report, side)) continue;
            write_proofs_cell(out, &proofs_rows[i], &report->figures->proofs, side, width);
            width = CELL_WIDTH;
        }
        putc('\n', out);
    }
}

/* ---- ties -------------------------------------------------------------------------------- */

/* Ties matter when more than one query in a thousand has one. */
static void write_ties(const struct report *report)
{
    const struct figures *figures = report->figures;
    const char *mrr = "inverse_harmonic_mean_rank";
    if (figures->tied * 1000 <= figures->row_count) return;
    fprintf(report->config->out,
            "\nties        %.1f %% of queries; MRR optimistic %.6f, pessimistic %.6f\n",
            100 * (double)figures->tied / (double)figures->row_count,
            report_value(report, FIGURES_BOTH, RANK_OPTIMISTIC, mrr),
            report_value(report, FIGURES_BOTH, RANK_PESSIMISTIC, mrr));
}

/* ---- how far it is ----------------------------------------------------------------------- */

/* Comes before everything else, so that nobody takes a part for the whole. */
static void write_incomplete(const struct report *report)
{
    FILE *out = report->config->out;
    char words[2][WORDS_SIZE];
    const uint64_t done = report->figures->row_count;
    words_thousands(done, words[0]);
    words_thousands(report_count(report, FACT_RUN, "queries_total"), words[1]);
    if (done == 0)
        fprintf(out,
                "no metrics yet: none of %s queries is done; go on with `millrace run --db DB`\n",
                words[1]);
    else if (!report_complete(report))
        fprintf(out, "incomplete: %s of %s queries; the metrics are of these\n\n", words[0],
                words[1]);
}

/* ---- what was ranked, and how ------------------------------------------------------------ */

/* The settings that say what the metrics mean, under their own names, for the program's runs. */
static const struct shown {
    enum setting setting;
    enum { IF_GIVEN, ALWAYS, WITH_PREVIOUS } when;
} shown_settings[] = {{SET_scorer, ALWAYS},       {SET_layout, IF_GIVEN},
                      {SET_inverse, IF_GIVEN},    {SET_norm, IF_GIVEN},
                      {SET_policy, ALWAYS},       {SET_mode, IF_GIVEN},
                      {SET_depth, ALWAYS},        {SET_atoms, IF_GIVEN},
                      {SET_successors, IF_GIVEN}, {SET_memory_pruning, IF_GIVEN},
                      {SET_skip_unary, IF_GIVEN}, {SET_end_action, IF_GIVEN},
                      {SET_candidates, IF_GIVEN}, {SET_samples, WITH_PREVIOUS},
                      {SET_filter, ALWAYS},       {SET_queries, IF_GIVEN},
                      {SET_sides, IF_GIVEN},      {SET_limit, IF_GIVEN},
                      {SET_seed, IF_GIVEN}};

/* The maps: without them ids are a guess, and a wrong guess ranks well-formed nonsense. */
static const enum setting maps[] = {SET_entities, SET_relations};

/* A list's commas get a space behind them. */
static void write_setting(FILE *out, const char *name, const char *text, enum setting_type type)
{
    fprintf(out, "%-12s", name);
    for (; *text; text++) {
        putc(*text, out);
        if (*text == ',' && type == SETTING_CHOICES) putc(' ', out);
    }
    putc('\n', out);
}

/* What a setting stands at, NULL where that need not be told. */
static const char *shown_text(const struct report *report, const struct shown *shown)
{
    const struct setting_row *row = &setting_rows[shown->setting];
    const char *text = report_fact(report, FACT_RUN, row->name);
    const bool with = shown->when == WITH_PREVIOUS && shown_text(report, shown - 1);
    if (!report_reads(report, row)) return NULL;
    if (text || (shown->when != ALWAYS && !with)) return text;
    return row->standard && *row->standard ? row->standard : "none";
}

static void write_settings(const struct report *report)
{
    FILE *out = report->config->out;
    putc('\n', out);
    for (size_t i = 0; i < sizeof shown_settings / sizeof *shown_settings; i++) {
        const struct setting_row *row = &setting_rows[shown_settings[i].setting];
        const char *text = shown_text(report, &shown_settings[i]);
        if (text) write_setting(out, row->name, text, row->type);
    }
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        const struct setting_row *row = &setting_rows[maps[i]];
        if (report_reads(report, row) && !report_fact(report, FACT_RUN, row->name))
            fprintf(out,
                    "%-12sthe sorted labels of train; give `%s` if the model has its own map\n",
                    row->name, row->name);
    }
}

static void write_unknown(const struct report *report)
{
    static const struct {
        const char *key, *words;
    } fates[] = {{"unknown_dropped", "dropped"}, {"unknown_kept", "kept, ranked last"}};
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        char words[WORDS_SIZE];
        const uint64_t lines = report_count(report, FACT_RUN, fates[i].key);
        if (lines > 0)
            fprintf(report->config->out, "unknown     %s line%s %s\n",
                    words_thousands(lines, words), lines == 1 ? "" : "s", fates[i].words);
    }
}

/* ---- the run ----------------------------------------------------------------------------- */

static void write_progress(const struct report *report)
{
    FILE *out = report->config->out;
    char words[2][WORDS_SIZE];
    const uint64_t queries = report_count(report, FACT_RUN, "queries_total");
    fprintf(out, "queries     %s of %s\n", words_thousands(report->figures->row_count, words[0]),
            words_thousands(queries, words[1]));
    fprintf(out, "units       %s of %s", words_thousands(report->units.unit[UNIT_DONE], words[0]),
            words_thousands(report->units.total, words[1]));
    if (report->units.unit[UNIT_FAILED])
        fprintf(out, ", %s failed", words_thousands(report->units.unit[UNIT_FAILED], words[0]));
    putc('\n', out);
    if (report->figures->nonfinite)
        fprintf(out, "nonfinite   %s scores, counted as worst\n",
                words_thousands(report->figures->nonfinite, words[0]));
    const char *digest = report_fact(report, FACT_RUN, "results_digest");
    if (digest) fprintf(out, "digest      %s\n", digest);
}

/* Which sittings `wall_s` is the time of; "" if there was but one. The time of a sitting is noted
 * when it ends in order, while what it has done counts at once: `*whole` says whether it is the
 * time of all the work. */
static const char *sittings(const struct report *report, bool *whole)
{
    *whole = report_count(report, FACT_WORK, "joined_before") == 0;
    if (*whole) return "";
    if (!report_fact(report, FACT_RUN, "wall_s")) return " in the last sitting";
    *whole = report_complete(report) && report_count(report, FACT_WORK, "cut_off") == 0;
    return *whole ? " in all sittings" : " in the sittings that ended in order";
}

/* How many pairs a second; searches take so long that their number is told as it is. */
static void write_rate(const struct report *report, double rate)
{
    FILE *out = report->config->out;
    char words[WORDS_SIZE];
    if (!report_searches(report))
        fprintf(out, ", %spairs/s", with_prefix(rate, words));
    else if (rate >= 100)
        fprintf(out, ", %s candidates/s", words_thousands((uint64_t)(rate + 0.5), words));
    else
        fprintf(out, ", %.3g candidates/s", rate);
}

/* What keeps a search from being slower than it must be. */
static void write_search(const struct report *report)
{
    FILE *out = report->config->out;
    const double lane_use = report_number(report, FACT_WORK, "lane_use");
    const double steps = report_steps_per_candidate(report), rows = report_rows_per_state(report);
    const double hits = report_cache_hits(report);
    if (isnan(lane_use) || isnan(steps)) return;
    fprintf(out, "work        lane use %.1f %%, %.1f steps a candidate, %.1f successors a state",
            100 * lane_use, steps, rows);
    if (!isnan(hits)) fprintf(out, ",\n            %.1f %% of states recalled", 100 * hits);
    putc('\n', out);
}

static void write_work(const struct report *report)
{
    FILE *out = report->config->out;
    char words[WORDS_SIZE];
    const double wall_s = report_number(report, FACT_WORK, "wall_s");
    const double pairs = report_number(report, FACT_WORK, "pairs");
    const uint64_t peak_bytes = report_count(report, FACT_WORK, "peak_bytes");
    bool whole;
    const char *which = sittings(report, &whole);
    if (!isnan(wall_s)) fprintf(out, "time        %.2f s%s", wall_s, which);
    if (wall_s > 0 && pairs > 0 && whole) write_rate(report, pairs / wall_s);
    if (!isnan(wall_s)) putc('\n', out);
    if (report_searches(report)) write_search(report);
    if (peak_bytes > 0) fprintf(out, "memory      %s at most\n", words_bytes(peak_bytes, words));
}

/* ---- groups ------------------------------------------------------------------------------ */

static int compare_counts(const void *one, const void *other)
{
    const struct figures_group *a = *(const struct figures_group *const *)one;
    const struct figures_group *b = *(const struct figures_group *const *)other;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return strcmp(a->label, b->label);
}

static const struct {
    const char *label, *key;
} group_columns[] = {
    {"MRR", "inverse_harmonic_mean_rank"}, {"hits@1", "hits_at_1"}, {"hits@10", "hits_at_10"}};
enum { GROUP_COLUMNS = sizeof group_columns / sizeof *group_columns };

/* `proofs` NULL: none to tell of. */
static void write_group(const struct report *report, const char *label, size_t side,
                        const struct proofs *proofs)
{
    char words[WORDS_SIZE];
    fprintf(report->config->out, "%-*s  %*s", LABEL_WIDTH, label, CELL_WIDTH,
            words_thousands(report->figures->count[side], words));
    for (size_t i = 0; i < GROUP_COLUMNS; i++) write_cell(report, side, group_columns[i].key);
    for (size_t i = 0; proofs && i < PROOFS_SHARES; i++)
        write_proofs_cell(report->config->out, &proofs_rows[i], proofs, side, SHARE_WIDTH);
    putc('\n', report->config->out);
}

static void write_groups_head(const struct report *report, const char *label)
{
    FILE *out = report->config->out;
    fprintf(out, "\n%-*s  %*s", LABEL_WIDTH, label, CELL_WIDTH, "queries");
    for (size_t i = 0; i < GROUP_COLUMNS; i++)
        fprintf(out, "  %*s", CELL_WIDTH, group_columns[i].label);
    for (size_t i = 0; report->figures->searches && i < PROOFS_SHARES; i++)
        fprintf(out, "  %*s", SHARE_WIDTH, proofs_rows[i].label);
    putc('\n', out);
}

static const struct proofs *proofs_of(const struct report *report, const struct proofs *proofs)
{
    return report->figures->searches ? proofs : NULL;
}

static void write_sides(const struct report *report)
{
    const size_t *count = report->figures->count;
    const bool joint = count[SIDE_HEAD] + count[SIDE_TAIL] == 0; /* all queries are of either */
    write_groups_head(report, "side");
    for (size_t side = 0; side < FIGURES_SIDES; side++)
        if (count[side] > 0 && (side != FIGURES_BOTH || joint))
            write_group(report, figures_side_name[side], side,
                        proofs_of(report, &report->figures->proofs));
}

/* Labels that are numbers keep their order; of others, those with the most queries come first. */
static enum err write_groups(struct report *report, size_t grouping)
{
    struct figures *figures = report->figures;
    const size_t count = figures->group_count[grouping];
    const struct figures_group **sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted) return err_note(ERR_MEMORY, "report: no memory for %zu groups", count);
    for (size_t i = 0; i < count; i++) sorted[i] = &figures->group[grouping][i];
    if (!figures_groupings[grouping].numbers) qsort(sorted, count, sizeof *sorted, compare_counts);

    enum err err = OK;
    write_groups_head(report, figures_groupings[grouping].name);
    for (size_t i = 0; i < count && !err; i++) {
        err = figures_compute(figures, sorted[i]);
        if (!err)
            write_group(report, sorted[i]->label, FIGURES_BOTH,
                        proofs_of(report, &sorted[i]->proofs));
    }
    free(sorted);
    return err;
}

enum err report_table(struct report *report)
{
    enum err err = figures_compute(report->figures, NULL);
    if (err) return err;
    write_incomplete(report);
    if (report->figures->row_count > 0) {
        write_metrics(report);
        if (report->figures->searches) write_proofs(report);
        write_ties(report);
    }
    write_settings(report);
    write_unknown(report);
    write_progress(report);
    write_work(report);
    if (report_by(report, REPORT_BY_SIDE)) write_sides(report);
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++)
        if (report_groups(report, i)) err = write_groups(report, i);
    return err;
}
