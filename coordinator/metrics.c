/* metrics - the table of formulas, and the sums that they are made from. */
#include "coordinator/metrics.h"

#include "common/fmath.h"

#include <math.h>
#include <stdlib.h>

/* ---- formulas ---------------------------------------------------------------------------- */

/* A quotient whose divisor is 0 is not defined, whatever its dividend. */
static double over(double dividend, double divisor)
{
    return divisor != 0 ? dividend / divisor : NAN;
}

/* How far from chance on the way to the optimum 1: for means (where less is better), for shares. */
static double index_of_mean(double value, double expected)
{
    const double way = over(value - 1, expected - 1);
    return 1 - way;
}

static double index_of_share(double value, double expected)
{
    return over(value - expected, 1 - expected);
}

/* How many standard deviations above chance; for means, below it: larger is better. */
static double score(double value, struct moments chance)
{
    return over(value - chance.mean, sqrt(chance.variance));
}

static double hits(const struct metrics *metrics, uint64_t k)
{
    const struct sample *sample = &metrics->sample;
    double sum = 0;
    for (size_t i = 0; i < sample->count; i++)
        if (sample->rank[i] <= (double)k) sum += sample->weight ? sample->weight[i] : 1;
    return over(sum, metrics->chance->total);
}

/* ROW(name, at_k, rounded, formula): the formula sees m, the struct metrics, and k. */
#define METRICS(ROW)                                                                             \
    ROW(arithmetic_mean_rank, 0, 0, m->mean)                                                     \
    ROW(inverse_arithmetic_mean_rank, 0, 0, 1 / m->mean)                                         \
    ROW(geometric_mean_rank, 0, 1, m->geometric)                                                 \
    ROW(inverse_geometric_mean_rank, 0, 1, 1 / m->geometric)                                     \
    ROW(harmonic_mean_rank, 0, 0, 1 / m->reciprocal)                                             \
    ROW(inverse_harmonic_mean_rank, 0, 0, m->reciprocal)                                         \
    ROW(median_rank, 0, 0, m->median)                                                            \
    ROW(inverse_median_rank, 0, 0, 1 / m->median)                                                \
    ROW(standard_deviation, 0, 0, sqrt(m->variance))                                             \
    ROW(variance, 0, 0, m->variance)                                                             \
    ROW(median_absolute_deviation, 0, 0, m->deviation)                                           \
    ROW(count, 0, 0, (double)m->sample.count)                                                    \
    ROW(hits_at, 1, 0, hits(m, k))                                                               \
    ROW(adjusted_arithmetic_mean_rank, 0, 0, over(m->mean, m->chance->rank.mean))                \
    ROW(adjusted_arithmetic_mean_rank_index, 0, 0, index_of_mean(m->mean, m->chance->rank.mean)) \
    ROW(adjusted_geometric_mean_rank_index, 0, 1,                                                \
        index_of_mean(m->geometric, m->chance->geometric.mean))                                  \
    ROW(adjusted_inverse_harmonic_mean_rank, 0, 1,                                               \
        index_of_share(m->reciprocal, m->chance->reciprocal.mean))                               \
    ROW(adjusted_hits_at, 1, 0, index_of_share(hits(m, k), chance_hits(m->chance, k).mean))      \
    ROW(z_arithmetic_mean_rank, 0, 0, -score(m->mean, m->chance->rank))                          \
    ROW(z_geometric_mean_rank, 0, 1, -score(m->geometric, m->chance->geometric))                 \
    ROW(z_inverse_harmonic_mean_rank, 0, 1, score(m->reciprocal, m->chance->reciprocal))         \
    ROW(z_hits_at, 1, 0, score(hits(m, k), chance_hits(m->chance, k)))

#define ROW(name, at_k, rounded, formula)                           \
    static double value_##name(const struct metrics *m, uint64_t k) \
    {                                                               \
        (void)k;                                                    \
        return formula;                                             \
    }
METRICS(ROW)
#undef ROW

const struct metric metrics_table[] = {
#define ROW(name, at_k, rounded, formula) {#name, at_k, rounded, value_##name},
    METRICS(ROW)
#undef ROW
};
const size_t metrics_count = sizeof metrics_table / sizeof *metrics_table;

/* ---- sums -------------------------------------------------------------------------------- */

struct weighted {
    double value, weight;
};

static void swap(struct weighted *a, struct weighted *b)
{
    const struct weighted kept = *a;
    *a = *b;
    *b = kept;
}

/* What a pivot makes of values: those below it come first, then those equal to it. */
struct parts {
    size_t below, equal; /* values */
    double below_weight, equal_weight;
};

static struct parts partition(struct weighted *values, size_t count, double pivot)
{
    struct parts parts = {0, 0, 0, 0};
    size_t end = count; /* values from here on are above the pivot */
    for (size_t i = 0; i < end;) {
        if (values[i].value < pivot) {
            parts.below_weight += values[i].weight;
            swap(&values[i++], &values[parts.below++]);
        } else if (values[i].value == pivot) {
            parts.equal_weight += values[i++].weight;
        } else {
            swap(&values[i], &values[--end]);
        }
    }
    parts.equal = end - parts.below;
    return parts;
}

static double extreme(const struct weighted *values, size_t count, bool largest)
{
    double found = values[0].value;
    for (size_t i = 1; i < count; i++)
        if ((values[i].value > found) == largest) found = values[i].value;
    return found;
}

/* The smallest value that has half of the weight at or below it; where it has exactly half, the
 * mean of it and the next. Found by halving, not by sorting: the values end up in any order. */
static double median(struct weighted *values, size_t count, double total)
{
    double missing = total / 2; /* weight that is still to be found at or below the median */
    for (;;) {
        const double pivot = values[count / 2].value;
        const struct parts parts = partition(values, count, pivot);
        const size_t above = parts.below + parts.equal;
        if (parts.below > 0 && parts.below_weight == missing)
            return (extreme(values, parts.below, true) + pivot) / 2;
        if (parts.below_weight > missing) {
            count = parts.below;
        } else if (above == count || parts.below_weight + parts.equal_weight > missing) {
            return pivot;
        } else if (parts.below_weight + parts.equal_weight == missing) {
            return (pivot + extreme(values + above, count - above, false)) / 2;
        } else {
            missing -= parts.below_weight + parts.equal_weight;
            values += above;
            count -= above;
        }
    }
}

/* The median, and the median distance from it, as a normal distribution's standard deviation. */
static enum err find_medians(struct metrics *metrics)
{
    static const double normal_quartile = 0.67448975019608171;
    const struct sample *sample = &metrics->sample;
    const double total = metrics->chance->total;
    struct weighted *values = malloc(sample->count * sizeof *values);
    if (!values) return err_note(ERR_MEMORY, "metrics: no memory for %zu ranks", sample->count);

    for (size_t i = 0; i < sample->count; i++)
        values[i] = (struct weighted){sample->rank[i], sample->weight ? sample->weight[i] : 1};
    metrics->median = median(values, sample->count, total);
    for (size_t i = 0; i < sample->count; i++)
        values[i].value = fabs(values[i].value - metrics->median);
    metrics->deviation = median(values, sample->count, total) / normal_quartile;
    free(values);
    return OK;
}

enum err metrics_sum(const struct sample *sample, const struct chance *chance, struct metrics *out)
{
    struct metrics metrics = {*sample, chance, NAN, NAN, NAN, NAN, NAN, NAN};
    *out = metrics;
    if (sample->count == 0) return OK;

    double sum = 0;
    double reciprocals = 0;
    double logs = 0;
    for (size_t i = 0; i < sample->count; i++) {
        const double weight = sample->weight ? sample->weight[i] : 1;
        sum += weight * sample->rank[i];
        reciprocals += weight / sample->rank[i];
        logs += weight * fmath_log(sample->rank[i]);
    }
    metrics.mean = sum / chance->total;
    metrics.reciprocal = reciprocals / chance->total;
    metrics.geometric = fmath_exp(logs / chance->total);

    double squares = 0;
    for (size_t i = 0; i < sample->count; i++) {
        const double distance = sample->rank[i] - metrics.mean;
        squares += (sample->weight ? sample->weight[i] : 1) * (distance * distance);
    }
    metrics.variance = squares / chance->total;

    const enum err err = find_medians(&metrics);
    if (!err) *out = metrics;
    return err;
}
