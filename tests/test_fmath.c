/* Tests of fmath: its errors against the long double functions of libm, and its edges. */
#include "common/fmath.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

enum { SAMPLES = 400000 };

/* A fixed sequence of numbers in [0, 1). */
static double fraction(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static long double ulp_of(long double value)
{
    int exponent;
    (void)frexpl(value, &exponent);
    return ldexpl(1, exponent - 53 > -1074 ? exponent - 53 : -1074);
}

static void exp_is_within_one_ulp(void **state)
{
    (void)state;
    uint64_t random = 1;
    long double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double x = i % 2 ? -745 + 1454.7 * fraction(&random) : 2 * fraction(&random) - 1;
        const long double exact = expl((long double)x);
        const long double error = fabsl((long double)fmath_exp(x) - exact) / ulp_of(exact);
        if (error > worst) worst = error;
    }
    print_message("exp: %.3Lf ulp\n", worst);
    assert_true(worst < 1);
}

static void log_is_within_one_ulp(void **state)
{
    (void)state;
    uint64_t random = 2;
    long double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const int exponent = (int)(2090 * fraction(&random)) - 1070;
        const double mantissa = 1 + fraction(&random);
        const double x = i % 2 ? ldexp(mantissa, exponent) : mantissa - 0.5;
        const long double exact = logl((long double)x);
        const long double error = fabsl((long double)fmath_log(x) - exact) / ulp_of(exact);
        if (error > worst) worst = error;
    }
    print_message("log: %.3Lf ulp\n", worst);
    assert_true(worst < 1);
}

static void sincos_is_within_its_bound(void **state)
{
    (void)state;
    uint64_t random = 3;
    long double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double range = i % 2 ? 0x1p20 : 7;
        double x = range * (2 * fraction(&random) - 1);
        if (i % 8 == 3) x = floor(x) * (PI / 2); /* near the zeros */
        if (fabs(x) > 0x1p20) continue;
        double sine, cosine;
        fmath_sincos(x, &sine, &cosine);
        const long double errors[] = {fabsl((long double)sine - sinl((long double)x)),
                                      fabsl((long double)cosine - cosl((long double)x))};
        for (int j = 0; j < 2; j++)
            if (errors[j] > worst) worst = errors[j];
    }
    print_message("sincos: %.3Lf * 2^-52\n", worst * 0x1p52L);
    assert_true(worst < 0x1p-52L);
}

static void pow_is_within_its_bound(void **state)
{
    (void)state;
    uint64_t random = 4;
    long double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double x = ldexp(1 + fraction(&random), (int)(40 * fraction(&random)) - 20);
        const double y = 30 * (2 * fraction(&random) - 1);
        const long double exact = powl((long double)x, (long double)y);
        const long double bound = (fabsl((long double)y * logl((long double)x)) + 2) * 0x1p-52L;
        const long double error =
            fabsl((long double)fmath_pow(x, y) - exact) / fabsl(exact) / bound;
        if (error > worst) worst = error;
    }
    print_message("pow: %.3Lf of its bound\n", worst);
    assert_true(worst < 1);
}

static void edges_are_as_promised(void **state)
{
    (void)state;
    assert_true(fmath_exp(0) == 1 && fmath_exp(-0.0) == 1);
    assert_true(fmath_exp(-INFINITY) == 0 && fmath_exp(-746) == 0);
    assert_true(fmath_exp(INFINITY) == INFINITY && fmath_exp(710) == INFINITY);
    assert_true(fmath_exp(-745) > 0 && fmath_exp(709.78) < INFINITY);
    assert_true(isnan(fmath_exp(NAN)));

    assert_true(fmath_log(1) == 0 && fmath_log(0) == -INFINITY && fmath_log(INFINITY) == INFINITY);
    assert_true(isnan(fmath_log(-1)) && isnan(fmath_log(NAN)));
    assert_true(fabs(fmath_log(0x1p-1074) + 744.44007192138126231) < 1e-12);

    assert_true(fmath_pow(3, 0) == 1 && fmath_pow(1, 1e300) == 1);
    assert_true(fmath_pow(2, 2000) == INFINITY && fmath_pow(2, -2000) == 0);

    double sine, cosine;
    fmath_sincos(0, &sine, &cosine);
    assert_true(sine == 0 && cosine == 1);
    fmath_sincos(-PI / 2, &sine, &cosine);
    assert_true(sine == -1 && fabs(cosine) < 1e-16);
    fmath_sincos(INFINITY, &sine, &cosine);
    assert_true(isnan(sine) && isnan(cosine));
}

/* The sum over many arguments, as bits: any compiler and processor must find the same. */
static void bits_are_the_same_everywhere(void **state)
{
    (void)state;
    uint64_t random = 5;
    uint64_t mix = 0;
    for (int i = 0; i < 10000; i++) {
        const double x = 20 * fraction(&random) - 10;
        double parts[4] = {fmath_exp(x), fmath_log(x + 11)};
        fmath_sincos(x, &parts[2], &parts[3]);
        for (int j = 0; j < 4; j++) {
            uint64_t bits;
            memcpy(&bits, &parts[j], sizeof(bits));
            mix = (mix ^ bits) * 1099511628211u;
        }
    }
    assert_int_equal(mix, 0x437f05be5d0957c8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(exp_is_within_one_ulp),      test_plain(log_is_within_one_ulp),
        test_plain(sincos_is_within_its_bound), test_plain(pow_is_within_its_bound),
        test_plain(edges_are_as_promised),      test_plain(bits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
