/* chance - moments of metrics of random ranks. */
#include "coordinator/chance.h"

#include "common/fmath.h"

#include <math.h>
#include <stdlib.h>

/* ---- sums over 1 .. count ---------------------------------------------------------------- */

/* Sums add this many terms one by one; the formula below has the rest, to the last bit or two. */
enum { ONE_BY_ONE = 16 };

/*
 * The Euler-Maclaurin formula: the sum of f(j) over j = a .. b is the integral of f from a to b,
 * plus (f(a) + f(b)) / 2, plus bend(b) - bend(a), where bend(x) is the sum of
 * B[2i] / (2i)! times f's derivative of order 2i - 1 at x. Here f(x) = x^s (a constant added to
 * it has no derivative), and `power` is x^s.
 */
static double bend(double x, double s, double power)
{
    static const double factor[] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600,
                                    1.0 / 47900160};
    double derivative = s * power / x;
    double sum = 0;
    for (size_t i = 0; i < sizeof factor / sizeof *factor; i++) {
        sum = sum + factor[i] * derivative;
        const double order = 2 * (double)i + 1;
        derivative = derivative * ((s - order) * (s - order - 1)) / (x * x);
    }
    return sum;
}

double chance_harmonic(uint32_t count, int power)
{
    const uint32_t first = count < 2 * ONE_BY_ONE ? count : ONE_BY_ONE;
    double sum = 0;
    for (uint32_t j = 1; j <= first; j++) sum += power == 1 ? 1.0 / j : 1.0 / ((double)j * j);
    if (first == count) return sum;

    const double a = first;
    const double b = count;
    const double at_a = power == 1 ? 1 / a : 1 / (a * a);
    const double at_b = power == 1 ? 1 / b : 1 / (b * b);
    const double integral = power == 1 ? fmath_log(b / a) : 1 / a - 1 / b;
    /* f(a) is in the sum already, so half of it is taken off here. */
    return sum + (integral + (at_b - at_a) / 2 + (bend(b, -power, at_b) - bend(a, -power, at_a)));
}

/* exp(x) - 1 and log(1 + x) without loss for small x, after W. Kahan: the error of u's rounding
 * is in both factors and cancels. */
static double exp_less_one(double x)
{
    const double u = fmath_exp(x);
    if (u == 1) return x;
    return isinf(u) || u == 0 ? u - 1 : (u - 1) * x / fmath_log(u);
}

static double log_one_more(double x)
{
    const double u = 1 + x;
    return u == 1 ? x : fmath_log(u) * x / (u - 1);
}

double chance_growth(uint32_t count, double exponent)
{
    const double s = exponent;
    const uint32_t first = count < 2 * ONE_BY_ONE ? count : ONE_BY_ONE;
    double sum = 0;
    for (uint32_t j = 2; j <= first; j++) sum += exp_less_one(s * fmath_log(j));
    if (first == count) return sum / count;

    const double a = first;
    const double b = count;
    const double at_a = exp_less_one(s * fmath_log(a));
    const double at_b = exp_less_one(s * fmath_log(b));
    /* The integral of x^s - 1 from 0 to x is x ((x^s - 1) - s) / (1 + s). */
    const double integral = (b * (at_b - s) - a * (at_a - s)) / (1 + s);
    sum += integral + (at_b - at_a) / 2 + (bend(b, s, at_b + 1) - bend(a, s, at_a + 1));
    return sum / count;
}

/* ---- moments ----------------------------------------------------------------------------- */

static int compare_groups(const void *one, const void *other)
{
    const struct chance_group *a = one;
    const struct chance_group *b = other;
    if (a->candidates != b->candidates) return a->candidates < b->candidates ? -1 : 1;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

/* Sorts the groups and joins equal ones; returns how many are left. */
static size_t join_groups(struct chance_group *group, size_t count)
{
    qsort(group, count, sizeof *group, compare_groups);
    size_t last = 0;
    for (size_t i = 1; i < count; i++) {
        if (compare_groups(&group[last], &group[i]) == 0)
            group[last].count += 1;
        else
            group[++last] = group[i];
    }
    return count > 0 ? last + 1 : 0;
}

/* A metric that is a weighted mean of something of each rank: from that thing's moments. */
typedef struct moments one_rank(double candidates, uint64_t k);

static struct moments mean_of(const struct chance *chance, one_rank *of, uint64_t k)
{
    struct moments sum = {0, 0};
    for (size_t i = 0; i < chance->group_count; i++) {
        const struct chance_group *group = &chance->group[i];
        const struct moments one = of(group->candidates, k);
        sum.mean += group->count * group->weight * one.mean;
        sum.variance += group->count * (group->weight * group->weight) * one.variance;
    }
    return (struct moments){sum.mean / chance->total,
                            sum.variance / (chance->total * chance->total)};
}

static struct moments one_itself(double candidates, uint64_t k)
{
    (void)k;
    return (struct moments){(candidates + 1) / 2, (candidates * candidates - 1) / 12};
}

static struct moments one_reciprocal(double candidates, uint64_t k)
{
    (void)k;
    const double mean = chance_harmonic((uint32_t)candidates, 1) / candidates;
    const double square = chance_harmonic((uint32_t)candidates, 2) / candidates;
    return (struct moments){mean, square - mean * mean};
}

static struct moments one_hit(double candidates, uint64_t k)
{
    const double share = (double)k < candidates ? (double)k / candidates : 1;
    return (struct moments){share, share * (1 - share)};
}

/* The geometric mean is a product of r^(w/W): its moments are products of means of powers. */
static struct moments product(const struct chance *chance)
{
    double log_mean = 0;
    double log_excess = 0; /* log of the mean square over the squared mean */
    for (size_t i = 0; i < chance->group_count; i++) {
        const struct chance_group *group = &chance->group[i];
        const double exponent = group->weight / chance->total;
        const double once = log_one_more(chance_growth(group->candidates, exponent));
        const double twice = log_one_more(chance_growth(group->candidates, 2 * exponent));
        log_mean += group->count * once;
        log_excess += group->count * (twice - 2 * once);
    }
    const double mean = fmath_exp(log_mean);
    return (struct moments){mean, mean * mean * exp_less_one(log_excess)};
}

enum err chance_open(const uint32_t *candidates, const double *weight, size_t count,
                     struct chance *out)
{
    *out = (struct chance){.rank = {NAN, NAN}, .reciprocal = {NAN, NAN}, .geometric = {NAN, NAN}};
    if (count == 0) return OK;
    struct chance chance = {.group = malloc(count * sizeof *chance.group)};
    if (!chance.group) return err_note(ERR_MEMORY, "metrics: no memory for %zu ranks", count);

    for (size_t i = 0; i < count; i++) {
        check(candidates[i] > 0);
        const double one = weight ? weight[i] : 1;
        chance.group[i] = (struct chance_group){candidates[i], one, 1};
        chance.total += one;
    }
    chance.group_count = join_groups(chance.group, count);
    chance.rank = mean_of(&chance, one_itself, 0);
    chance.reciprocal = mean_of(&chance, one_reciprocal, 0);
    chance.geometric = product(&chance);
    *out = chance;
    return OK;
}

void chance_close(struct chance *chance)
{
    free(chance->group);
    *chance = (struct chance){0};
}

struct moments chance_hits(const struct chance *chance, uint64_t k)
{
    if (chance->group_count == 0) return (struct moments){NAN, NAN};
    return mean_of(chance, one_hit, k);
}
