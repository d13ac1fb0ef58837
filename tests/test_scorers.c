/* Tests of the scorers: each formula, written once more from its paper, gives the same score from
 * either side, and the query vector has the bits of its written order. */
#include "tests/test.h"
#include "worker/scorers.h"
#include "worker/step/rank.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 32, HALF = WIDTH / 2 };

/* A triple's score from its three rows, in fp64 and in the order of the papers. */
typedef double paper(const float *h, const float *r, const float *t);

static double paper_transe_l1(const float *h, const float *r, const float *t)
{
    double sum = 0;
    for (int k = 0; k < WIDTH; k++) sum += fabs((double)h[k] + (double)r[k] - (double)t[k]);
    return -sum;
}

static double paper_transe_l2(const float *h, const float *r, const float *t)
{
    double sum = 0;
    for (int k = 0; k < WIDTH; k++) {
        const double x = (double)h[k] + (double)r[k] - (double)t[k];
        sum += x * x;
    }
    return -sum;
}

static double paper_distmult(const float *h, const float *r, const float *t)
{
    double sum = 0;
    for (int k = 0; k < WIDTH; k++) sum += (double)h[k] * (double)r[k] * (double)t[k];
    return sum;
}

/* The product of two complex numbers. */
static void multiply(double a, double b, double c, double d, double *real, double *imaginary)
{
    *real = a * c - b * d;
    *imaginary = a * d + b * c;
}

static double paper_complex(const float *h, const float *r, const float *t)
{
    double sum = 0;
    for (int k = 0; k < HALF; k++) {
        double u, v, real, imaginary;
        multiply(h[k], h[HALF + k], r[k], r[HALF + k], &u, &v);
        multiply(u, v, t[k], -(double)t[HALF + k], &real, &imaginary);
        sum += real;
    }
    return sum;
}

static double paper_rotate(const float *h, const float *r, const float *t)
{
    double sum = 0;
    for (int k = 0; k < HALF; k++) {
        double u, v;
        multiply(h[k], h[HALF + k], r[k], r[HALF + k], &u, &v);
        sum += sqrt((u - t[k]) * (u - t[k]) + (v - t[HALF + k]) * (v - t[HALF + k]));
    }
    return -sum;
}

struct scorer_case {
    const char *name;
    enum rank_form form;
    void (*query)(const struct scorer_query *ask, float *query);
    paper *score;
};

static const struct scorer_case scorers[] = {
#define ROW(name, form, relation) {#name, FORM_##form, name##_query, paper_##name},
    SCORERS(ROW)
#undef ROW
};

/* Rows of numbers in -1 .. 1; `turn` makes unit complex numbers. */
static void fill(uint64_t *random, bool turn, float row[WIDTH])
{
    for (int k = 0; k < WIDTH; k++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        row[k] = (float)((double)(*random >> 11) * 0x1p-52 - 1);
    }
    for (int k = 0; turn && k < HALF; k++) {
        const double angle = 3 * (double)row[k];
        row[k] = (float)cos(angle);
        row[HALF + k] = (float)sin(angle);
    }
}

static void every_scorer_follows_its_paper_from_both_sides(void **state)
{
    (void)state;
    uint64_t random = 11;
    for (size_t i = 0; i < sizeof(scorers) / sizeof(scorers[0]); i++)
        for (int round = 0; round < 100; round++) {
            const struct scorer_case *scorer = &scorers[i];
            float h[WIDTH], r[WIDTH], t[WIDTH], query[WIDTH];
            fill(&random, false, h);
            fill(&random, scorer->form == FORM_MODULUS, r);
            fill(&random, false, t);
            const double want = scorer->score(h, r, t);
            for (int head = 0; head < 2; head++) {
                const struct scorer_query ask = {head ? t : h, r, WIDTH, head};
                scorer->query(&ask, query);
                const double got = rank_score(scorer->form, query, head ? h : t, 1, WIDTH);
                if (fabs(got - want) > 1e-5)
                    fail_msg("%s, head %d: %.17g, paper %.17g", scorer->name, head, got, want);
            }
        }
}

/* With whole numbers nothing is rounded, so nothing may differ. */
static void whole_numbers_are_scored_without_error(void **state)
{
    (void)state;
    uint64_t random = 12;
    for (size_t i = 0; i < sizeof(scorers) / sizeof(scorers[0]); i++) {
        const struct scorer_case *scorer = &scorers[i];
        float row[3][WIDTH], query[WIDTH];
        for (int j = 0; j < 3; j++) {
            fill(&random, false, row[j]);
            for (int k = 0; k < WIDTH; k++) row[j][k] = (float)(int)(5 * row[j][k]);
        }
        for (int k = 0; scorer->form == FORM_MODULUS && k < HALF; k++) {
            row[1][k] = (float)(k % 3 - 1); /* quarter turns */
            row[1][HALF + k] = k % 3 == 1 ? 1 : 0;
        }
        for (int head = 0; head < 2; head++) {
            const struct scorer_query ask = {row[head ? 2 : 0], row[1], WIDTH, head};
            scorer->query(&ask, query);
            const double got = rank_score(scorer->form, query, row[head ? 0 : 2], 1, WIDTH);
            const double want = scorer->score(row[0], row[1], row[2]);
            if (scorer->form == FORM_MODULUS)
                assert_true(fabs(got - want) < 1e-12); /* the order of the sum differs */
            else
                assert_true(got == want);
        }
    }
}

/* Fused or reordered arithmetic would change these bits. */
static void query_bits_are_those_of_the_written_order(void **state)
{
    (void)state;
    uint64_t random = 13;
    uint64_t mix = 0;
    for (size_t i = 0; i < sizeof(scorers) / sizeof(scorers[0]); i++)
        for (int round = 0; round < 50; round++) {
            float anchor[WIDTH], relation[WIDTH], query[WIDTH];
            fill(&random, false, anchor);
            fill(&random, false, relation);
            const struct scorer_query ask = {anchor, relation, WIDTH, round % 2};
            scorers[i].query(&ask, query);
            for (int k = 0; k < WIDTH; k++) {
                uint32_t bits;
                memcpy(&bits, &query[k], sizeof(bits));
                mix = (mix ^ bits) * 1099511628211u;
            }
        }
    assert_int_equal(mix, 0xb168a020484205ac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_scorer_follows_its_paper_from_both_sides),
        test_plain(whole_numbers_are_scored_without_error),
        test_plain(query_bits_are_those_of_the_written_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
