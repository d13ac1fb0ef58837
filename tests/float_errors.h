/*
 * float_errors - how far functions of a float are from the true values, argument by argument.
 *
 * The true values are libm's in long double, whose 64 bits leave no doubt about the right float
 * but where they are next to the middle between two: such arguments are counted as doubtful.
 */
#ifndef TESTS_FLOAT_ERRORS_H
#define TESTS_FLOAT_ERRORS_H

#include "common/fmath.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* In ulp, as common/fmath.h promises. */
#define FLOAT_ERROR_MOST 0.500000001L

struct float_function {
    const char *name;
    float (*ours)(float x);
    long double (*exact)(long double x);
};

struct float_errors {
    uint64_t arguments;
    uint64_t otherwise; /* results that are not the float next to the true value */
    uint64_t doubtful;
    uint64_t broken;       /* not the one NAN, or not infinite or NaN where the true value is */
    long double worst_ulp; /* of finite results */
    float worst_at;
};

static float float_errors_expf(float x)
{
    return fmath_expf(x);
}
static float float_errors_logf(float x)
{
    return fmath_logf(x);
}

static const struct float_function float_functions[] = {
    {"expf", float_errors_expf, expl},
    {"logf", float_errors_logf, logl},
};
enum { FLOAT_FUNCTIONS = sizeof(float_functions) / sizeof(float_functions[0]) };

static uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static float bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static long double float_ulp(long double value)
{
    int exponent;
    (void)frexpl(value, &exponent);
    return ldexpl(1, (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent) - FLT_MANT_DIG);
}

static void float_errors_add(const struct float_function *function, float x,
                             struct float_errors *errors)
{
    const float got = function->ours(x);
    const long double exact = function->exact((long double)x);
    const float want = (float)exact;
    errors->arguments++;
    if (isnan(want) || isinf(want) || isinf(got)) {
        errors->broken += float_bits(got) != float_bits(isnan(want) ? NAN : want);
        return;
    }
    errors->otherwise += got != want;
    const long double ulp = float_ulp(exact);
    const long double error = fabsl((long double)got - exact) / ulp;
    const long double off = fabsl(exact - (long double)want) / ulp;
    errors->doubtful += fabsl(off - 0.5L) < 0x1p-37L;
    if (!(error <= errors->worst_ulp)) {
        errors->worst_ulp = error;
        errors->worst_at = x;
    }
}

/* Adds what another thread found. */
__attribute__((unused)) static void float_errors_merge(const struct float_errors *from,
                                                       struct float_errors *into)
{
    into->arguments += from->arguments;
    into->otherwise += from->otherwise;
    into->doubtful += from->doubtful;
    into->broken += from->broken;
    if (from->worst_ulp > into->worst_ulp) {
        into->worst_ulp = from->worst_ulp;
        into->worst_at = from->worst_at;
    }
}

#endif
