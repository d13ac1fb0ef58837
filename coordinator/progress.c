/* progress - rates and times left are those of the present serving period. */
#include "coordinator/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BAR_EVERY_MS = 200,
    LINE_EVERY_MS = 10000,
    BAR_WIDTH = 24,
    MRR_EVERY_MS = 1000,
    MRR_SHARE = 200, /* the query may take 1 / MRR_SHARE of the time */
    TEXT_BYTES = 64,
};

struct progress {
    struct ledger *ledger;
    bool bar;
    bool shown; /* a bar stands on the line */
    int64_t opened_ms, due_ms, mrr_due_ms;
    uint64_t done_before; /* units, when it was opened */
    double mrr;           /* NaN: not known */
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
    return progress;
}

static void clear_bar(struct progress *progress)
{
    if (progress->shown) fputs("\r\033[K", stderr);
    progress->shown = false;
}

void progress_close(struct progress **progress)
{
    if (*progress) clear_bar(*progress);
    free(*progress);
    *progress = NULL;
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

static void draw_bar(double part)
{
    const int full = (int)(part * BAR_WIDTH);
    fputs("\r\033[K[", stderr);
    for (int i = 0; i < BAR_WIDTH; i++) fputc(i < full ? '#' : '.', stderr);
    fputs("] ", stderr);
}

void progress_show(struct progress *progress, int64_t now_ms, uint64_t workers)
{
    if (!progress || now_ms < progress->due_ms) return;
    look_up_mrr(progress, now_ms);
    struct ledger_counts counts;
    ledger_counts(progress->ledger, &counts);
    const uint64_t done = counts.unit[UNIT_DONE], failed = counts.unit[UNIT_FAILED];
    const double part = counts.total ? (double)done / (double)counts.total : 1;
    const double span_s = (double)(now_ms - progress->opened_ms) / 1000;
    const double rate = span_s > 0 ? (double)(done - progress->done_before) / span_s : 0;
    char left[TEXT_BYTES], mrr[TEXT_BYTES] = "", trouble[TEXT_BYTES] = "";
    describe_time((double)(counts.total - done - failed) / rate, left, sizeof left);
    if (isfinite(progress->mrr)) snprintf(mrr, sizeof mrr, ", MRR so far %.4f", progress->mrr);
    if (failed) snprintf(trouble, sizeof trouble, ", %llu failed", (unsigned long long)failed);

    if (progress->bar)
        draw_bar(part);
    else
        fputs("millrace: ", stderr);
    fprintf(stderr, "%.1f%% of %llu units%s, %.4g/s, %s left, %llu worker%s%s%s", 100 * part,
            (unsigned long long)counts.total, trouble, rate, left, (unsigned long long)workers,
            workers == 1 ? "" : "s", mrr, progress->bar ? "" : "\n");
    fflush(stderr);
    progress->shown = progress->bar;
    progress->due_ms = now_ms + (progress->bar ? BAR_EVERY_MS : LINE_EVERY_MS);
}
