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

double fmath_exp(double x); /* error under 1 ulp; 0 below -745.2, +inf above 709.79 */
double fmath_log(double x); /* error under 1 ulp; -inf at 0, NaN below */
/* exp(y log x), x > 0: relative error under (|y log x| + 2) 2^-52. */
double fmath_pow(double x, double y);
/* Sine and cosine for |x| up to 2^20; absolute error under 2^-52. */
void fmath_sincos(double x, double *sine, double *cosine);

#endif
