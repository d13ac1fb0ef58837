/* Tests of the metrics: figures computed elsewhere, and the edges of their definition. */
#include "coordinator/metrics.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The unit vector; its figures were computed by an independent program and have 15 digits. */
static const double ranks[] = {1, 2, 2.5, 7, 10};
static const uint32_t candidates[] = {3, 10, 10, 20, 50};
static const double weights[] = {1, 2, 1, 4, 2};
enum { RANKS = 5 };

static void assert_near(const char *what, double want, double got, double tolerance)
{
    if (fabs(got - want) <= tolerance * fabs(want)) return;
    fail_msg("%s: want %.17g, got %.17g", what, want, got);
}

static double value_of(const char *name, const struct metrics *metrics, uint64_t k)
{
    for (size_t i = 0; i < metrics_count; i++)
        if (strcmp(metrics_table[i].name, name) == 0) return metrics_table[i].value(metrics, k);
    fail_msg("no metric is called %s", name);
    return NAN;
}

struct expected {
    const char *name;
    uint64_t k;
    double plain, weighted; /* NaN: not given */
};

static const struct expected table[] = {
    {"arithmetic_mean_rank", 0, 4.5, 5.55},
    {"inverse_arithmetic_mean_rank", 0, 1 / 4.5, 1 / 5.55},
    {"inverse_harmonic_mean_rank", 0, .428571428571429, .317142857142857},
    {"harmonic_mean_rank", 0, 1 / .428571428571429, 1 / .317142857142857},
    {"geometric_mean_rank", 0, 3.2271088092617, 4.34549461429911},
    {"inverse_geometric_mean_rank", 0, 1 / 3.2271088092617, 1 / 4.34549461429911},
    {"adjusted_arithmetic_mean_rank", 0, .459183673469388, .497757847533632},
    {"adjusted_arithmetic_mean_rank_index", 0, .602272727272727, .551724137931034},
    {"z_arithmetic_mean_rank", 0, 1.64769051117574, 1.49297948383288},
    {"adjusted_inverse_harmonic_mean_rank", 0, .19134967466502, .102764878581336},
    {"z_inverse_harmonic_mean_rank", 0, 1.25441867871337, .690488456240164},
    {"adjusted_geometric_mean_rank_index", 0, .553450926562486, .491280280188325},
    {"z_geometric_mean_rank", 0, 1.52726772998184, 1.20758607160075},
    {"hits_at", 1, .2, .1},
    {"adjusted_hits_at", 1, .0902198635329795, .0138787436084733},
    {"z_hits_at", 1, .579015443636688, .103058640063088},
    {"hits_at", 3, .6, .4},
    {"adjusted_hits_at", 3, .373040752351097, .186991869918699},
    {"hits_at", 10, 1, 1},
    {"variance", 0, 11.8, 10.3225},
    {"standard_deviation", 0, 3.43511280746353, 3.21286476528347},
    {"median_rank", 0, 2.5, NAN},
    {"inverse_median_rank", 0, .4, NAN},
    {"median_absolute_deviation", 0, 2.2239033277584, NAN},
    {"count", 0, 5, 5},
};

static void check_column(const double *weight, bool weighted)
{
    struct chance chance;
    struct metrics metrics;
    expect(OK, chance_open(candidates, weight, RANKS, &chance));
    expect(OK, metrics_sum(&(struct sample){RANKS, ranks, weight}, &chance, &metrics));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const double want = weighted ? table[i].weighted : table[i].plain;
        if (!isnan(want))
            assert_near(table[i].name, want, value_of(table[i].name, &metrics, table[i].k), 2e-14);
    }
    chance_close(&chance);
}

static void unit_vector_agrees(void **state)
{
    (void)state;
    check_column(NULL, false);
}

static void unit_vector_agrees_with_weights(void **state)
{
    (void)state;
    check_column(weights, true);
}

static void expectations_of_the_unit_vector_agree(void **state)
{
    (void)state;
    struct chance chance;
    expect(OK, chance_open(candidates, NULL, RANKS, &chance));
    assert_near("E[MR]", 9.8, chance.rank.mean, 1e-14);
    assert_near("Var[MR]", 10.3466666666667, chance.rank.variance, 1e-14);
    assert_near("E[MRR]", .293355170305707, chance.reciprocal.mean, 2e-15);
    assert_near("E[GMR]", 5.98737751736336, chance.geometric.mean, 2e-15);
    assert_near("E[hits@3]", .362, chance_hits(&chance, 3).mean, 2e-15);
    assert_near("E[hits@10]", .74, chance_hits(&chance, 10).mean, 2e-15);
    chance_close(&chance);

    expect(OK, chance_open(candidates, weights, RANKS, &chance));
    assert_near("weighted E[MR]", 11.15, chance.rank.mean, 1e-14);
    assert_near("weighted Var[MR]", 14.0691666666667, chance.rank.variance, 1e-14);
    assert_near("weighted E[MRR]", .23893177322635, chance.reciprocal.mean, 2e-14);
    assert_near("weighted E[GMR]", 7.5763022033775, chance.geometric.mean, 2e-14);
    assert_near("weighted E[hits@3]", .262, chance_hits(&chance, 3).mean, 2e-15);
    assert_near("weighted E[hits@10]", .64, chance_hits(&chance, 10).mean, 2e-15);
    chance_close(&chance);
}

static void equal_weights_change_nothing(void **state)
{
    (void)state;
    const double same[RANKS] = {4, 4, 4, 4, 4};
    check_column(same, false);
}

/* Every count up to a few hundred, and some beyond, against sums made term by term. */
static void long_sums_equal_term_by_term_sums(void **state)
{
    (void)state;
    long double harmonic = 0;
    long double squares = 0;
    long double growth = 0;
    const double exponent = 1e-6;
    for (uint32_t count = 1; count <= 200000; count++) {
        harmonic += 1.0L / count;
        squares += 1.0L / ((long double)count * count);
        growth += expm1l(exponent * logl(count));
        if (count > 400 && count % 9973 != 0) continue;
        assert_near("H", (double)harmonic, chance_harmonic(count, 1), 4e-16);
        assert_near("H2", (double)squares, chance_harmonic(count, 2), 4e-16);
        assert_near("growth", (double)(growth / count), chance_growth(count, exponent), 2e-15);
    }
}

static void growth_of_whole_exponents_is_a_polynomial(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 100; count++) {
        const double n = count;
        assert_near("sum of j", (n + 1) / 2 - 1, chance_growth(count, 1), 1e-14);
        assert_near("sum of j^2", (n + 1) * (2 * n + 1) / 6 - 1, chance_growth(count, 2), 1e-14);
    }
}

/* For many ranks the geometric mean's z-score is that of the logarithms' mean. */
static void geometric_score_holds_for_many_ranks(void **state)
{
    (void)state;
    enum { MANY = 100000, CANDIDATES = 1000 };
    uint32_t *many = malloc(MANY * sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < MANY; i++) many[i] = CANDIDATES;
    long double sum = 0;
    long double squares = 0;
    for (int j = 1; j <= CANDIDATES; j++) {
        sum += logl(j);
        squares += logl(j) * logl(j);
    }
    const double mean = (double)(sum / CANDIDATES);
    const double variance = (double)(squares / CANDIDATES) - mean * mean;

    struct chance chance;
    expect(OK, chance_open(many, NULL, MANY, &chance));
    const double relative =
        chance.geometric.variance / (chance.geometric.mean * chance.geometric.mean);
    assert_near("mean", exp(mean), chance.geometric.mean, 1e-4);
    assert_near("variance", variance / MANY, relative, 1e-4);
    chance_close(&chance);
    free(many);
}

static void no_ranks_have_no_metrics(void **state)
{
    (void)state;
    struct chance chance;
    struct metrics metrics;
    expect(OK, chance_open(NULL, NULL, 0, &chance));
    expect(OK, metrics_sum(&(struct sample){0}, &chance, &metrics));
    for (size_t i = 0; i < metrics_count; i++) {
        const double value = metrics_table[i].value(&metrics, 10);
        if (strcmp(metrics_table[i].name, "count") == 0)
            assert_true(value == 0);
        else if (!isnan(value))
            fail_msg("%s of nothing is %g", metrics_table[i].name, value);
    }
    chance_close(&chance);
}

/* With one candidate chance is perfect, so nothing can be better than chance. */
static void what_chance_does_perfectly_has_no_index(void **state)
{
    (void)state;
    const uint32_t one[] = {1, 1};
    const double first[] = {1, 1};
    struct chance chance;
    struct metrics metrics;
    expect(OK, chance_open(one, NULL, 2, &chance));
    expect(OK, metrics_sum(&(struct sample){2, first, NULL}, &chance, &metrics));
    assert_true(value_of("arithmetic_mean_rank", &metrics, 0) == 1);
    assert_true(value_of("hits_at", &metrics, 1) == 1);
    assert_true(isnan(value_of("adjusted_arithmetic_mean_rank_index", &metrics, 0)));
    assert_true(isnan(value_of("adjusted_geometric_mean_rank_index", &metrics, 0)));
    assert_true(isnan(value_of("adjusted_inverse_harmonic_mean_rank", &metrics, 0)));
    assert_true(isnan(value_of("adjusted_hits_at", &metrics, 1)));
    assert_true(isnan(value_of("z_arithmetic_mean_rank", &metrics, 0)));
    assert_true(isnan(value_of("z_geometric_mean_rank", &metrics, 0)));
    assert_true(isnan(value_of("z_hits_at", &metrics, 10)));
    chance_close(&chance);
}

static void median_of_an_even_number_is_between_two(void **state)
{
    (void)state;
    const uint32_t ten[] = {10, 10, 10, 10};
    const double four[] = {8, 1, 5, 2};
    const double heavy[] = {1, 1, 1, 3};
    struct chance chance;
    struct metrics metrics;
    expect(OK, chance_open(ten, NULL, 4, &chance));
    expect(OK, metrics_sum(&(struct sample){4, four, NULL}, &chance, &metrics));
    assert_true(metrics.median == 3.5);
    chance_close(&chance);
    expect(OK, chance_open(ten, heavy, 4, &chance));
    expect(OK, metrics_sum(&(struct sample){4, four, heavy}, &chance, &metrics));
    assert_true(metrics.median == 2);
    chance_close(&chance);
}

static int compare_numbers(const void *one, const void *other)
{
    const double a = *(const double *)one;
    const double b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Against sorting, for samples of every size and with many equal ranks. */
static void median_is_the_middle_of_the_sorted_ranks(void **state)
{
    (void)state;
    enum { MOST = 300 };
    double rank[MOST], sorted[MOST];
    uint32_t hundred[MOST];
    uint32_t seed = 1;
    for (size_t i = 0; i < MOST; i++) hundred[i] = 100;
    for (size_t count = 1; count <= MOST; count++) {
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525 + 1013904223;
            rank[i] = 1 + (double)((seed >> 16) % (1 + count / 3)) / 2;
        }
        memcpy(sorted, rank, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_numbers);
        const double want = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
        struct chance chance;
        struct metrics metrics;
        expect(OK, chance_open(hundred, NULL, count, &chance));
        expect(OK, metrics_sum(&(struct sample){count, rank, NULL}, &chance, &metrics));
        assert_true(metrics.median == want);
        chance_close(&chance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(unit_vector_agrees),
        test_plain(unit_vector_agrees_with_weights),
        test_plain(expectations_of_the_unit_vector_agree),
        test_plain(equal_weights_change_nothing),
        test_plain(long_sums_equal_term_by_term_sums),
        test_plain(growth_of_whole_exponents_is_a_polynomial),
        test_plain(geometric_score_holds_for_many_ranks),
        test_plain(no_ranks_have_no_metrics),
        test_plain(what_chance_does_perfectly_has_no_index),
        test_plain(median_of_an_even_number_is_between_two),
        test_plain(median_is_the_middle_of_the_sorted_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
