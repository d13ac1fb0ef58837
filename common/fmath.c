/* Only + - * / and fma, which IEEE 754 rounds correctly everywhere, in one written order. */
#include "common/fmath.h"

/* pi/2 in three parts; products of the first two with a number below 2^20 are exact. */
#define HALF_PI_1 0x1.921fb544p+0
#define HALF_PI_2 0x1.0b4611a6p-34
#define HALF_PI_3 0x1.3198a2e037073p-69
#define HALF_PI_INVERSE 0x1.45f306dc9c883p-1

#define EXP_OVERFLOW 709.79
#define EXP_UNDERFLOW (-745.2)

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* exp(x) = 2^k exp(r), |r| <= ln 2 / 2, by the series of exp. */
double fmath_exp(double x)
{
    static const double series[] = {1.0 / 87178291200.0,
                                    1.0 / 6227020800.0,
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
                                    0.5};
    if (!(x <= EXP_OVERFLOW)) return x + INFINITY;
    if (x < EXP_UNDERFLOW) return 0;

    const double k = fmath_nearest(x * FMATH_LN2_INVERSE);
    const double high = fma(-k, FMATH_LN2_HIGH, x); /* exact */
    const double r = fma(-k, FMATH_LN2_LOW, high);
    const double rest = fma(-k, FMATH_LN2_LOW, high - r); /* what the rounding of r lost */
    const double tail = fma(r * r, fmath_horner(series, COUNT(series), r), rest);
    const double value = 1 + (r + tail);

    /* In two factors, since 2^k itself may be no number of this format. */
    const int half = (int)k / 2;
    return value * fmath_power_of_two(half) * fmath_power_of_two((int)k - half);
}

/* log(x) = k ln 2 + log(1 + f); with s = f / (2 + f) the series of the area tangent gives
 * log(1 + f) = f - f^2/2 + s (f^2/2 + R), R = 2/3 s^2 + 2/5 s^4 + ... */
double fmath_log(double x)
{
    static const double series[] = {2.0 / 25, 2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                                    2.0 / 13, 2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
    if (x != x || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (x == INFINITY) return x;

    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    exponent += (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    double mantissa;
    memcpy(&mantissa, &bits, sizeof(mantissa));
    if (mantissa > FMATH_SQRT2) {
        mantissa *= 0.5;
        exponent++;
    }

    const double k = exponent;
    const double f = mantissa - 1;
    const double s = f / (2 + f);
    const double z = s * s;
    const double rest = z * fmath_horner(series, COUNT(series), z);
    const double half_square = 0.5 * f * f;
    const double low = fma(s, half_square + rest, k * FMATH_LN2_LOW);
    return k * FMATH_LN2_HIGH - ((half_square - low) - f);
}

double fmath_pow(double x, double y)
{
    if (y == 0 || x == 1) return 1;
    const double logarithm = fmath_log(x);
    const double product = y * logarithm;
    if (!(product < EXP_OVERFLOW && product > EXP_UNDERFLOW)) return fmath_exp(product);
    const double lost = fma(y, logarithm, -product);
    const double value = fmath_exp(product);
    return fma(value, lost, value);
}

/* x = n pi/2 + r + rest, |r| <= pi/4; the quarter turn tells which of the two is which. */
void fmath_sincos(double x, double *sine, double *cosine)
{
    static const double odd[] = {-1.0 / 121645100408832000.0,
                                 1.0 / 355687428096000.0,
                                 -1.0 / 1307674368000.0,
                                 1.0 / 6227020800.0,
                                 -1.0 / 39916800.0,
                                 1.0 / 362880.0,
                                 -1.0 / 5040.0,
                                 1.0 / 120.0,
                                 -1.0 / 6.0};
    static const double even[] = {
        -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0,
        -1.0 / 3628800.0,          1.0 / 40320.0,          -1.0 / 720.0,         1.0 / 24.0};
    if (!(fabs(x) <= 0x1p20)) {
        *sine = *cosine = NAN;
        return;
    }
    const double n = fmath_nearest(x * HALF_PI_INVERSE);
    const double high = fma(-n, HALF_PI_1, x); /* exact */
    const double middle = fma(-n, HALF_PI_2, high);
    const double low = fma(-n, HALF_PI_3, fma(-n, HALF_PI_2, high - middle));
    const double r = middle + low;
    const double rest = low - (r - middle);
    const double z = r * r;

    const double s = r + fma(r * z, fmath_horner(odd, COUNT(odd), z), rest);
    const double half = 0.5 * z;
    const double near_one = 1 - half;
    const double c = near_one + fma(z * z, fmath_horner(even, COUNT(even), z),
                                    ((1 - near_one) - half) - r * rest);

    const double turn[] = {s, c, -s, -c};
    const int64_t quarter = (int64_t)n;
    *sine = turn[quarter & 3];
    *cosine = turn[(quarter + 1) & 3];
}
