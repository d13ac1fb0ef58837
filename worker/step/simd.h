/*
 * simd - the vectors that steps are written with: AVX-512, AVX2, or four plain numbers.
 *
 * FLOATS numbers of fp32 or DOUBLES of fp64 in a register, and the few operations needed. Each
 * rounds once per element, as IEEE 754 says, except that floats_fma and floats_fnma round twice
 * where the processor has no such instruction; floats_fma_once and doubles_fma never do, and are
 * slower there. floats_max gives `a > b ? a : b`, so b where one is no number. floats_fold adds
 * up a register by halves: a[i] += a[i + 8], then 4, 2, 1.
 */
#ifndef WORKER_STEP_SIMD_H
#define WORKER_STEP_SIMD_H

#include "common/hd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>

#if defined(__AVX512F__)

enum { FLOATS = 16, DOUBLES = 8 };
struct floats {
    __m512 v;
};
struct doubles {
    __m512d v;
};
#define SIMD(name) _mm512_##name
#define SIMD_HALF(name) _mm256_##name

HD uint32_t floats_greater(struct floats a, struct floats b)
{
    return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ);
}
HD struct floats floats_abs(struct floats a)
{
    return (struct floats){_mm512_abs_ps(a.v)};
}
HD struct doubles doubles_abs(struct doubles a)
{
    return (struct doubles){_mm512_abs_pd(a.v)};
}
HD __m256 floats_halved(struct floats a)
{
    const __m256d upper = _mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1);
    return _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm256_castpd_ps(upper));
}

#else

enum { FLOATS = 8, DOUBLES = 4 };
struct floats {
    __m256 v;
};
struct doubles {
    __m256d v;
};
#define SIMD(name) _mm256_##name
#define SIMD_HALF(name) _mm_##name

HD uint32_t floats_greater(struct floats a, struct floats b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ));
}
HD struct floats floats_abs(struct floats a)
{
    return (struct floats){_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)};
}
HD struct doubles doubles_abs(struct doubles a)
{
    return (struct doubles){_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)};
}
HD __m256 floats_halved(struct floats a)
{
    return a.v;
}

#endif

#define FLOATS_1(name)                                 \
    HD struct floats floats_##name(struct floats a)    \
    {                                                  \
        return (struct floats){SIMD(name##_ps)(a.v)};  \
    }                                                  \
    HD struct doubles doubles_##name(struct doubles a) \
    {                                                  \
        return (struct doubles){SIMD(name##_pd)(a.v)}; \
    }
#define FLOATS_2(name)                                                   \
    HD struct floats floats_##name(struct floats a, struct floats b)     \
    {                                                                    \
        return (struct floats){SIMD(name##_ps)(a.v, b.v)};               \
    }                                                                    \
    HD struct doubles doubles_##name(struct doubles a, struct doubles b) \
    {                                                                    \
        return (struct doubles){SIMD(name##_pd)(a.v, b.v)};              \
    }
FLOATS_1(sqrt)
FLOATS_2(add)
FLOATS_2(sub)
FLOATS_2(mul)
FLOATS_2(div)
FLOATS_2(max)

HD struct floats floats_all(float x)
{
    return (struct floats){SIMD(set1_ps)(x)};
}
HD struct floats floats_load(const float *at)
{
    return (struct floats){SIMD(loadu_ps)(at)};
}
HD void floats_store(float *at, struct floats a)
{
    SIMD(storeu_ps)(at, a.v);
}
HD float floats_fold(struct floats a)
{
    const __m256 eight = floats_halved(a);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
HD struct floats floats_fma(struct floats a, struct floats b, struct floats c)
{
    return (struct floats){SIMD(fmadd_ps)(a.v, b.v, c.v)};
}
HD struct floats floats_fma_once(struct floats a, struct floats b, struct floats c)
{
    return floats_fma(a, b, c);
}
HD struct floats floats_fnma(struct floats a, struct floats b, struct floats c)
{
    return (struct floats){SIMD(fnmadd_ps)(a.v, b.v, c.v)};
}
HD struct doubles doubles_all(double x)
{
    return (struct doubles){SIMD(set1_pd)(x)};
}
HD struct doubles doubles_widen(const float *at)
{
    return (struct doubles){SIMD(cvtps_pd)(SIMD_HALF(loadu_ps)(at))};
}
HD void doubles_store(double *at, struct doubles a)
{
    SIMD(storeu_pd)(at, a.v);
}
HD struct doubles doubles_fma(struct doubles a, struct doubles b, struct doubles c)
{
    return (struct doubles){SIMD(fmadd_pd)(a.v, b.v, c.v)};
}

#else /* GCC's vectors, of which compilers make SSE2, NEON or plain code */

enum { FLOATS = 4, DOUBLES = 2 };
struct floats {
    float v __attribute__((vector_size(16)));
};
struct doubles {
    double v __attribute__((vector_size(16)));
};

#define FLOATS_1(name)                                             \
    HD struct floats floats_##name(struct floats a)                \
    {                                                              \
        for (int i = 0; i < FLOATS; i++) a.v[i] = name##f(a.v[i]); \
        return a;                                                  \
    }                                                              \
    HD struct doubles doubles_##name(struct doubles a)             \
    {                                                              \
        for (int i = 0; i < DOUBLES; i++) a.v[i] = name(a.v[i]);   \
        return a;                                                  \
    }
#define FLOATS_2(name, operator)                                         \
    HD struct floats floats_##name(struct floats a, struct floats b)     \
    {                                                                    \
        a.v = a.v operator b.v;                                          \
        return a;                                                        \
    }                                                                    \
    HD struct doubles doubles_##name(struct doubles a, struct doubles b) \
    {                                                                    \
        a.v = a.v operator b.v;                                          \
        return a;                                                        \
    }
FLOATS_1(sqrt)
FLOATS_2(add, +)
FLOATS_2(sub, -)
FLOATS_2(mul, *)
FLOATS_2(div, /)

HD struct floats floats_abs(struct floats a)
{
    for (int i = 0; i < FLOATS; i++) a.v[i] = fabsf(a.v[i]);
    return a;
}
HD struct doubles doubles_abs(struct doubles a)
{
    for (int i = 0; i < DOUBLES; i++) a.v[i] = fabs(a.v[i]);
    return a;
}
HD struct floats floats_max(struct floats a, struct floats b)
{
    for (int i = 0; i < FLOATS; i++) a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return a;
}
HD struct floats floats_all(float x)
{
    struct floats a;
    for (int i = 0; i < FLOATS; i++) a.v[i] = x;
    return a;
}
HD struct doubles doubles_all(double x)
{
    struct doubles a;
    for (int i = 0; i < DOUBLES; i++) a.v[i] = x;
    return a;
}
HD struct floats floats_load(const float *at)
{
    struct floats a;
    memcpy(&a, at, sizeof(a));
    return a;
}
HD struct doubles doubles_widen(const float *at)
{
    struct doubles a;
    for (int i = 0; i < DOUBLES; i++) a.v[i] = (double)at[i];
    return a;
}
HD void floats_store(float *at, struct floats a)
{
    memcpy(at, &a, sizeof(a));
}
HD void doubles_store(double *at, struct doubles a)
{
    memcpy(at, &a, sizeof(a));
}
HD float floats_fold(struct floats a)
{
    return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
}
HD uint32_t floats_greater(struct floats a, struct floats b)
{
    uint32_t mask = 0;
    for (int i = 0; i < FLOATS; i++) mask |= (uint32_t)(a.v[i] > b.v[i]) << i;
    return mask;
}
HD struct floats floats_fma(struct floats a, struct floats b, struct floats c)
{
    return floats_add(floats_mul(a, b), c);
}
HD struct floats floats_fnma(struct floats a, struct floats b, struct floats c)
{
    return floats_sub(c, floats_mul(a, b));
}
HD struct doubles doubles_fma(struct doubles a, struct doubles b, struct doubles c)
{
    for (int i = 0; i < DOUBLES; i++) c.v[i] = fma(a.v[i], b.v[i], c.v[i]);
    return c;
}

#if defined(__FP_FAST_FMAF)
HD struct floats floats_fma_once(struct floats a, struct floats b, struct floats c)
{
    for (int i = 0; i < FLOATS; i++) c.v[i] = fmaf(a.v[i], b.v[i], c.v[i]);
    return c;
}
#else
/*
 * Without the instruction: the product of two floats is an exact double, so only the sum rounds.
 * What it lost (Knuth's two-sum) tells on which side the exact value is; the double next to it that
 * is odd stands for it (Boldo and Melquiond, IEEE Trans. Computers 57, 2008), and rounds to the
 * right float.
 */
typedef float simd_floats __attribute__((vector_size(8)));
typedef double simd_doubles __attribute__((vector_size(16)));
typedef int64_t simd_bits __attribute__((vector_size(16)));

HD simd_floats simd_fma(simd_floats a, simd_floats b, simd_floats c)
{
    const simd_doubles term = __builtin_convertvector(c, simd_doubles);
    const simd_doubles product =
        __builtin_convertvector(a, simd_doubles) * __builtin_convertvector(b, simd_doubles);
    const simd_doubles sum = product + term;
    const simd_doubles back = sum - product;
    const simd_doubles lost = (product - (sum - back)) + (term - back);
    const simd_bits inexact = (lost > 0) | (lost < 0); /* all ones; 0, too, where it is a NaN */
    const simd_bits inwards = (lost > 0) ^ (sum > 0);
    const simd_bits step = 1 + (inwards & -2); /* to the next double, out or in */
    const simd_bits odd = (simd_bits)sum & 1;
    const simd_bits bits = (simd_bits)sum + (step & inexact & (odd - 1));
    return __builtin_convertvector((simd_doubles)bits, simd_floats);
}
HD struct floats floats_fma_once(struct floats a, struct floats b, struct floats c)
{
    simd_floats x[2], y[2], z[2];
    memcpy(x, &a, sizeof(a));
    memcpy(y, &b, sizeof(b));
    memcpy(z, &c, sizeof(c));
    for (int i = 0; i < 2; i++) z[i] = simd_fma(x[i], y[i], z[i]);
    memcpy(&c, z, sizeof(c));
    return c;
}
#endif

#endif

HD struct floats floats_zero(void)
{
    return floats_all(0);
}
HD struct doubles doubles_zero(void)
{
    return doubles_all(0);
}

#endif
