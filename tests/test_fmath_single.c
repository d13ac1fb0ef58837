/* Tests of fmath's single-precision functions: a part of all arguments (ops/exhaustive takes every
 * one), their edges, and their bits. */
#include "tests/float_errors.h"
#include "tests/test.h"

/* No divisor of 2^32, so that all kinds of bits come up. */
enum { STRIDE = 2039, NEAR = 1 << 14 };

static void expect_errors(const struct float_function *function, const struct float_errors *errors)
{
    print_message("%s: %.9Lf ulp at %a\n", function->name, errors->worst_ulp,
                  (double)errors->worst_at);
    assert_int_equal(errors->broken, 0);
    assert_true(errors->worst_ulp <= FLOAT_ERROR_MOST);
}

static void results_are_the_nearest_floats(void **state)
{
    (void)state;
    for (int f = 0; f < FLOAT_FUNCTIONS; f++) {
        struct float_errors errors = {.arguments = 0};
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += STRIDE)
            float_errors_add(&float_functions[f], bits_float((uint32_t)bits), &errors);
        expect_errors(&float_functions[f], &errors);
        assert_int_equal(errors.otherwise, 0);
    }
}

/* Around each of these, all arguments: zero, one, the overflow of exp, its underflow, infinity. */
static void edges_have_no_seams(void **state)
{
    (void)state;
    static const float middles[] = {
        0x1p-126f,     1,    0x1.6a09e6p+0f,  0x1.62e43p-1f, 89,
        0x1.62e43p+6f, -104, -0x1.9fe368p+6f, -87,           0x1.8p-24f};
    for (int f = 0; f < FLOAT_FUNCTIONS; f++) {
        struct float_errors errors = {.arguments = 0};
        for (size_t m = 0; m < sizeof(middles) / sizeof(middles[0]); m++)
            for (uint32_t i = 0; i < 2 * NEAR; i++)
                float_errors_add(&float_functions[f], bits_float(float_bits(middles[m]) - NEAR + i),
                                 &errors);
        for (uint32_t i = 0; i < NEAR; i++) {
            float_errors_add(&float_functions[f], bits_float(i), &errors);
            float_errors_add(&float_functions[f], bits_float(UINT32_C(0x80000000) + i), &errors);
            float_errors_add(&float_functions[f], bits_float(UINT32_C(0x7f800000) - i), &errors);
        }
        expect_errors(&float_functions[f], &errors);
    }
}

static void special_arguments_have_special_results(void **state)
{
    (void)state;
    const float largest = 0x1.62e42ep+6f; /* of those whose exp is finite */
    assert_int_equal(float_bits(fmath_expf(0)), float_bits(1));
    assert_int_equal(float_bits(fmath_expf(-0.0f)), float_bits(1));
    assert_true(fmath_expf(largest) < INFINITY);
    assert_true(fmath_expf(nextafterf(largest, INFINITY)) == INFINITY);
    assert_true(fmath_expf(INFINITY) == INFINITY && fmath_expf(FLT_MAX) == INFINITY);
    assert_int_equal(float_bits(fmath_expf(-INFINITY)), 0);
    assert_int_equal(float_bits(fmath_expf(-103.9f)), 1); /* the smallest number there is */

    assert_int_equal(float_bits(fmath_logf(1)), 0);
    assert_true(fmath_logf(0) == -INFINITY && fmath_logf(-0.0f) == -INFINITY);
    assert_true(fmath_logf(INFINITY) == INFINITY);
    assert_true(fmath_logf(0x1p-149f) == -103.27893f);
}

static void every_nan_becomes_the_same(void **state)
{
    (void)state;
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001,
                                    0x7fffffff, 0xffffffff, 0x7fc12345};
    for (size_t i = 0; i < sizeof(nans) / sizeof(nans[0]); i++) {
        assert_int_equal(float_bits(fmath_expf(bits_float(nans[i]))), 0x7fc00000);
        assert_int_equal(float_bits(fmath_logf(bits_float(nans[i]))), 0x7fc00000);
    }
    assert_int_equal(float_bits(fmath_logf(-1)), 0x7fc00000);
    assert_int_equal(float_bits(fmath_logf(-INFINITY)), 0x7fc00000);
    assert_int_equal(float_bits(fmath_logf(-0x1p-149f)), 0x7fc00000);
}

/* Results depend on these numbers: any compiler and processor must find the same. */
static void bits_are_the_same_everywhere(void **state)
{
    (void)state;
    uint64_t mix = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 65521) {
        const float x = bits_float((uint32_t)bits);
        mix = (mix ^ float_bits(fmath_expf(x))) * 1099511628211u;
        mix = (mix ^ float_bits(fmath_logf(x))) * 1099511628211u;
    }
    assert_int_equal(mix, 0x6f988a4e09e3da1c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(results_are_the_nearest_floats),         test_plain(edges_have_no_seams),
        test_plain(special_arguments_have_special_results), test_plain(every_nan_becomes_the_same),
        test_plain(bits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
