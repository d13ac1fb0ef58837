/* proofs - reads table outcome from the highest score down, and counts. */
#include "coordinator/proofs.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_SIZE = 512 };

/* The score as SQL only orders the rows; what it is, outcome_score says. */
enum { LABEL, SIDE, CANDIDATE, PROVED, DEPTH, LOGPROB, COLUMNS };
static const char select_outcomes[] =
    "select %s as label, side, candidate, proved, depth, logprob from outcome x"
    " order by label, logprob + %.1f * (1 - proved) desc";

/* Items from the highest score down to some score. */
struct reached {
    uint64_t truth, all;
};

struct reading {
    proofs_find *find;
    void *context;
    char *label;           /* of the group that is read; NULL before the first */
    struct proofs *proofs; /* of that group; NULL: passed over */
    double score;          /* of the last item */
    struct reached above[ITEM_SIDES],
        here[ITEM_SIDES];    /* all above that score; those that have it */
    double area[ITEM_SIDES]; /* the sum of P_n, once for each true item */
};

struct item {
    enum item_side side;
    bool truth, proved;
    uint64_t depth;
    double score;
};

void proofs_clear(struct proofs *proofs)
{
    *proofs = (struct proofs){0};
    for (size_t side = 0; side < ITEM_SIDES; side++) proofs->auc_pr[side] = NAN;
}

/* ---- counting ---------------------------------------------------------------------------- */

/* The last score is done with: it was a threshold. */
static void end_score(struct reading *reading)
{
    for (size_t side = 0; side < ITEM_SIDES; side++) {
        struct reached *above = &reading->above[side], *here = &reading->here[side];
        above->truth += here->truth;
        above->all += here->all;
        if (here->truth > 0)
            reading->area[side] +=
                (double)here->truth * ((double)above->truth / (double)above->all);
        *here = (struct reached){0, 0};
    }
}

static void end_group(struct reading *reading)
{
    struct proofs *proofs = reading->proofs;
    end_score(reading);
    for (size_t side = 0; side < ITEM_SIDES; side++) {
        const uint64_t truth = reading->above[side].truth, all = reading->above[side].all;
        if (proofs && truth > 0 && all > truth)
            proofs->auc_pr[side] = reading->area[side] / (double)truth;
        reading->above[side] = (struct reached){0, 0};
        reading->area[side] = 0;
    }
    free(reading->label);
    reading->label = NULL;
    reading->proofs = NULL;
}

static enum err begin_group(struct reading *reading, const char *label)
{
    end_group(reading);
    reading->label = strdup(label);
    if (!reading->label) return err_note(ERR_MEMORY, "report: no memory");
    reading->proofs = reading->find(reading->context, label);
    reading->score = INFINITY;
    return OK;
}

static void count_item(struct reading *reading, const struct item *item, enum item_side side)
{
    struct proofs *proofs = reading->proofs;
    struct proofs_count *count = item->truth ? &proofs->truth[side] : &proofs->others[side];
    count->count++;
    count->proved += item->proved;
    count->steps += item->depth;
    reading->here[side].truth += item->truth;
    reading->here[side].all++;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A whole number up to `most`. */
static bool read_number(const char *text, uint64_t most, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    *out = text ? strtoumax(text, &end, 10) : 0;
    return text && *text != '-' && end != text && !*end && !errno && *out <= most;
}

static bool read_item(const char *const *values, struct item *out)
{
    uint64_t candidate, proved;
    char *end = NULL;
    const double logprob = values[LOGPROB] ? strtod(values[LOGPROB], &end) : NAN;
    out->side = ITEM_HEAD;
    while (out->side < ITEM_SIDES &&
           (!values[SIDE] || strcmp(values[SIDE], item_side_name[out->side]) != 0))
        out->side++;
    if (out->side == ITEM_SIDES || !read_number(values[CANDIDATE], UINT64_MAX, &candidate) ||
        !read_number(values[PROVED], 1, &proved) ||
        !read_number(values[DEPTH], UINT16_MAX, &out->depth) ||
        !(logprob <= 0 && logprob > -(double)INFINITY) || end == values[LOGPROB] || *end)
        return false;
    const struct outcome outcome = {.end = proved ? END_TRUE : END_FALSE,
                                    .logprob = (float)logprob};
    out->truth = candidate == 0;
    out->proved = proved;
    out->score = outcome_score(&outcome);
    return true;
}

static enum err take_item(void *context, size_t columns, const char *const *names,
                          const char *const *values)
{
    struct reading *reading = context;
    struct item item;
    (void)names;
    check(columns == COLUMNS);
    if (!values[LABEL] || !read_item(values, &item))
        return err_note(ERR_FORMAT, "report: a row of table outcome is damaged; "
                                    "check the database with `pragma integrity_check`");
    if (!reading->label || strcmp(reading->label, values[LABEL]) != 0) {
        const enum err err = begin_group(reading, values[LABEL]);
        if (err) return err;
    }
    if (!reading->proofs) return OK;
    if (item.score != reading->score) end_score(reading);
    reading->score = item.score;
    if (item.side != ITEM_BOTH) count_item(reading, &item, item.side);
    count_item(reading, &item, ITEM_BOTH);
    return OK;
}

enum err proofs_read(struct ledger *reader, const char *label, proofs_find *find, void *context)
{
    struct reading reading = {.find = find, .context = context};
    char sql[SQL_SIZE];
    const int used = snprintf(sql, sizeof sql, select_outcomes, label, OUTCOME_UNPROVED);
    check(used > 0 && used < SQL_SIZE);
    const enum err err = ledger_query(reader, sql, 0, take_item, &reading);
    end_group(&reading);
    return err;
}

/* ---- values ------------------------------------------------------------------------------ */

static double over(uint64_t dividend, uint64_t divisor)
{
    return divisor ? (double)dividend / (double)divisor : NAN;
}

double proofs_success(const struct proofs_count *count)
{
    return over(count->proved, count->count);
}

double proofs_mean_depth(const struct proofs_count *count)
{
    return over(count->steps, count->count);
}
