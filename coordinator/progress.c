/* progress - rates and times left are those of the present serving period. */
#include "coordinator/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    BAR_EVERY_MS = 200,
    LINE_EVERY_MS = 10000,
    BAR_WIDTH = 24,
    BAR_LEAST = 6, /* a shorter one tells nothing */
    BAR_ENDS = 3,  /* "[" and "] " */
    COLUMNS_USUAL = 80,
    MRR_EVERY_MS = 1000,
    MRR_SHARE = 200, /* the query may take 1 / MRR_SHARE of the time */
    FIELD_BYTES = 64,
};

struct progress {
    struct ledger *ledger;
    bool bar;
    bool shown; /* a bar stands on the line */
    int64_t opened_ms, due_ms, mrr_due_ms;
    uint64_t done_before; /* units, when it was opened */
    double mrr;           /* NaN: not known */
    int64_t remarks_ms;   /* when the first of these was made: */
    uint64_t remarks;
};

struct progress *progress_open(struct ledger *ledger, bool quiet, int64_t now_ms)
{
    struct progress *progress = quiet ? NULL : calloc(1, sizeof *progress);
    if (!progress) return NULL;
    struct ledger_counts counts;
    ledger_counts(ledger, &counts);
    const char *terminal = getenv("TERM");
    progress->ledger = ledger;
    progress->bar = isatty(STDERR_FILENO) && !(terminal && !strcmp(terminal, "dumb"));
    progress->opened_ms = now_ms;
    progress->due_ms = now_ms + (progress->bar ? BAR_EVERY_MS : LINE_EVERY_MS);
    progress->mrr_due_ms = now_ms;
    progress->done_before = counts.unit[UNIT_DONE];
    progress->mrr = NAN;
    progress->remarks_ms = now_ms;
    return progress;
}

static void clear_bar(struct progress *progress)
{
    if (progress->shown) fputs("\r\033[K", stderr);
    progress->shown = false;
}

int64_t progress_due_ms(const struct progress *progress)
{
    return progress ? progress->due_ms : INT64_MAX;
}

void progress_say(struct progress *progress, const char *line)
{
    if (progress) clear_bar(progress);
    fprintf(stderr, "millrace: %s\n", line);
}

static void tell_left_out(struct progress *progress)
{
    char line[FIELD_BYTES];
    if (progress->remarks <= PROGRESS_REMARKS_MAX) return;
    const uint64_t more = progress->remarks - PROGRESS_REMARKS_MAX;
    snprintf(line, sizeof line, "%" PRIu64 " more line%s like the last", more,
             more == 1 ? "" : "s");
    progress_say(progress, line);
}

static void begin_remarks(struct progress *progress, int64_t now_ms)
{
    if (now_ms - progress->remarks_ms < PROGRESS_REMARKS_MS) return;
    tell_left_out(progress);
    progress->remarks = 0;
    progress->remarks_ms = now_ms;
}

void progress_remark(struct progress *progress, int64_t now_ms, const char *line)
{
    if (!progress) return;
    begin_remarks(progress, now_ms);
    if (progress->remarks++ < PROGRESS_REMARKS_MAX) progress_say(progress, line);
}

void progress_close(struct progress **progress)
{
    if (*progress) {
        tell_left_out(*progress);
        clear_bar(*progress);
    }
    free(*progress);
    *progress = NULL;
}

static enum err take_mrr(void *context, size_t columns, const char *const *names,
                         const char *const *values)
{
    double *mrr = context;
    (void)columns, (void)names;
    *mrr = values[0] ? strtod(values[0], NULL) : NAN;
    return OK;
}

/* The query reads all ranks that there are, so it is asked the more seldom the longer it takes. */
static void look_up_mrr(struct progress *progress, int64_t now_ms)
{
    struct timespec start, end;
    if (now_ms < progress->mrr_due_ms) return;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (ledger_query(progress->ledger, "SELECT avg(1 / (1 + above + level / 2.0)) FROM rank", 0,
                     take_mrr, &progress->mrr))
        progress->mrr = NAN;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const int64_t took_ms =
        (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
    const int64_t rest_ms = took_ms * MRR_SHARE;
    progress->mrr_due_ms = now_ms + (rest_ms > MRR_EVERY_MS ? rest_ms : MRR_EVERY_MS);
}

static void describe_time(double seconds, char *text, size_t size)
{
    const uint64_t s = isfinite(seconds) && seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 0;
    if (!isfinite(seconds) || seconds >= 1e9)
        snprintf(text, size, "?");
    else if (s < 3600)
        snprintf(text, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
    else
        snprintf(text, size, "%llu:%02d:%02d", (unsigned long long)(s / 3600), (int)(s / 60 % 60),
                 (int)(s % 60));
}

/* ---- the line -------------------------------------------------------------------------------- */

/* In the order in which they stand; the last are the first to go. */
enum field { PERCENT, UNITS, TROUBLE, LEFT, RATE, MRR, WORKERS, FIELDS };

static void fill_fields(const struct progress_figures *figures, char field[FIELDS][FIELD_BYTES])
{
    char left[FIELD_BYTES / 2];
    memset(field, 0, sizeof field[0] * FIELDS);
    describe_time(figures->left_s, left, sizeof left);
    snprintf(field[PERCENT], FIELD_BYTES, "%.1f%%", 100 * figures->part);
    snprintf(field[UNITS], FIELD_BYTES, " of %" PRIu64 " units", figures->units);
    if (figures->failed)
        snprintf(field[TROUBLE], FIELD_BYTES, ", %" PRIu64 " failed", figures->failed);
    snprintf(field[LEFT], FIELD_BYTES, ", %s left", left);
    snprintf(field[RATE], FIELD_BYTES, ", %.4g/s", figures->rate);
    if (isfinite(figures->mrr))
        snprintf(field[MRR], FIELD_BYTES, ", MRR so far %.4f", figures->mrr);
    snprintf(field[WORKERS], FIELD_BYTES, ", %" PRIu64 " worker%s", figures->workers,
             figures->workers == 1 ? "" : "s");
}

/* "[####....] ", `width` wide between the brackets. */
static size_t draw_bar(double part, size_t width, char *text)
{
    const size_t full = (size_t)(part * (double)width);
    text[0] = '[';
    for (size_t i = 0; i < width; i++) text[1 + i] = i < full ? '#' : '.';
    memcpy(text + 1 + width, "] ", 3);
    return width + BAR_ENDS;
}

const char *progress_format(const struct progress_figures *figures, bool bar, size_t columns,
                            char text[PROGRESS_TEXT_BYTES])
{
    char field[FIELDS][FIELD_BYTES];
    const size_t least = bar ? BAR_LEAST + BAR_ENDS : 0;
    size_t room = columns ? columns - 1 : 0, used = 0, fields = FIELDS, at = 0;
    if (room > PROGRESS_TEXT_BYTES - 1) room = PROGRESS_TEXT_BYTES - 1;
    fill_fields(figures, field);
    for (size_t i = 0; i < FIELDS; i++) used += strlen(field[i]);
    while (fields > 1 && used + least > room) used -= strlen(field[--fields]);
    text[0] = 0;
    if (bar && used + least <= room) {
        const size_t width = room - used - BAR_ENDS;
        at = draw_bar(figures->part, width < BAR_WIDTH ? width : BAR_WIDTH, text);
    }
    for (size_t i = 0; i < fields; i++) {
        snprintf(text + at, room + 1 - at, "%s", field[i]);
        at += strlen(text + at);
    }
    return text;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
    return known ? size.ws_col : COLUMNS_USUAL;
}

void progress_show(struct progress *progress, int64_t now_ms, uint64_t workers)
{
    if (!progress || now_ms < progress->due_ms) return;
    look_up_mrr(progress, now_ms);
    begin_remarks(progress, now_ms);
    struct ledger_counts counts;
    ledger_counts(progress->ledger, &counts);
    const uint64_t done = counts.unit[UNIT_DONE], failed = counts.unit[UNIT_FAILED];
    const double span_s = (double)(now_ms - progress->opened_ms) / 1000;
    const double rate = span_s > 0 ? (double)(done - progress->done_before) / span_s : 0;
    const struct progress_figures figures = {
        .units = counts.total,
        .failed = failed,
        .workers = workers,
        .part = counts.total ? (double)done / (double)counts.total : 1,
        .rate = rate,
        .left_s = (double)(counts.total - done - failed) / rate,
        .mrr = progress->mrr,
    };
    char text[PROGRESS_TEXT_BYTES];
    if (progress->bar)
        fprintf(stderr, "\r%s\033[K", progress_format(&figures, true, terminal_columns(), text));
    else
        fprintf(stderr, "millrace: %s\n", progress_format(&figures, false, sizeof text, text));
    fflush(stderr);
    progress->shown = progress->bar;
    progress->due_ms = now_ms + (progress->bar ? BAR_EVERY_MS : LINE_EVERY_MS);
}
