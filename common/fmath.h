/*
 * fmath - exp, log, sine and cosine whose bits are the same on every machine.
 *
 * libm's change between machines and versions; these are built from +, -, *, fma and scaling by
 * powers of two in a written order, so compilers and processors agree. Results are within the
 * stated error of the correctly rounded ones; the tests measure it.
 *
 * Threads: pure functions.
 */
#ifndef COMMON_FMATH_H
#define COMMON_FMATH_H

#include "common/hd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

double fmath_exp(double x); /* error under 1 ulp; 0 below -745.2, +inf above 709.79 */
double fmath_log(double x); /* error under 1 ulp; -inf at 0, NaN below */
/* exp(y log x), x > 0: relative error under (|y log x| + 2) 2^-52. */
double fmath_pow(double x, double y);
/* Sine and cosine for |x| up to 2^20; absolute error under 2^-52. */
void fmath_sincos(double x, double *sine, double *cosine);

#define FMATH_LN2_HIGH 0x1.62e42fee00000p-1 /* 32 bits: times a binary exponent it is exact */
#define FMATH_LN2_LOW 0x1.a39ef35793c76p-33
#define FMATH_LN2_INVERSE 0x1.71547652b82fep+0
#define FMATH_SQRT2 0x1.6a09e667f3bcdp+0
#define FMATH_ROUNDER 0x1.8p52 /* added and taken off again, leaves the nearest whole number */

/* The polynomial with these coefficients, the highest power first (Horner). */
HD double fmath_horner(const double *coefficient, int count, double x)
{
    double sum = coefficient[0];
    for (int i = 1; i < count; i++) sum = fma(sum, x, coefficient[i]);
    return sum;
}

HD double fmath_nearest(double x)
{
    return (x + FMATH_ROUNDER) - FMATH_ROUNDER;
}

/* 2^power, for -1022 <= power <= 1023. */
HD double fmath_power_of_two(int power)
{
    const uint64_t bits = (uint64_t)(power + 1023) << 52;
    double out;
    memcpy(&out, &bits, sizeof(out));
    return out;
}

/*
 * In single precision, computed in fp64 and rounded once. Over all 2^32 arguments (ops/exhaustive)
 * expf is correctly rounded; logf is within 0.500000001 ulp, and 5 of its results are not the
 * nearest float. A result that is no number is NAN itself, whatever the argument's bits.
 */

/* exp(x) = 2^k exp(r), |r| <= ln 2 / 2, by the series of exp. */
HD float fmath_expf(float x)
{
    static const double series[] = {1.0 / 6227020800.0,
                                    1.0 / 479001600.0,
                                    1.0 / 39916800.0,
                                    1.0 / 3628800.0,
                                    1.0 / 362880.0,
                                    1.0 / 40320.0,
                                    1.0 / 5040.0,
                                    1.0 / 720.0,
                                    1.0 / 120.0,
                                    1.0 / 24.0,
                                    1.0 / 6.0,
                                    0.5,
                                    1.0,
                                    1.0};
    if (x != x) return NAN;
    if (x > 89) return INFINITY;
    if (x < -104) return 0;
    const double k = fmath_nearest((double)x * FMATH_LN2_INVERSE);
    const double r = fma(-k, FMATH_LN2_LOW, fma(-k, FMATH_LN2_HIGH, (double)x));
    const double value = fmath_horner(series, sizeof(series) / sizeof(series[0]), r);
    return (float)(value * fmath_power_of_two((int)k));
}

/* log(x) = k ln 2 + log(m), sqrt(1/2) < m <= sqrt(2); with s = (m - 1) / (m + 1) the series of the
 * area tangent gives log(m) = 2 (s + s^3/3 + s^5/5 + ...). */
HD float fmath_logf(float x)
{
    static const double series[] = {2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11,
                                    2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3,  2.0};
    if (x != x || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (x == INFINITY) return x;
    double m = x; /* a normal number, also where x is not */
    uint64_t bits;
    memcpy(&bits, &m, sizeof(bits));
    int k = (int)(bits >> 52) - 1023;
    m *= fmath_power_of_two(-k);
    if (m > FMATH_SQRT2) {
        m *= 0.5;
        k++;
    }
    const double s = (m - 1) / (m + 1);
    const double rest = s * fmath_horner(series, sizeof(series) / sizeof(series[0]), s * s);
    return (float)fma((double)k, FMATH_LN2_HIGH, fma((double)k, FMATH_LN2_LOW, rest));
}

#endif
