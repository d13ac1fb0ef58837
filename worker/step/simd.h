/*
 * simd - the vectors that steps are written with: AVX-512, AVX2, or four plain numbers.
 *
 * FLOATS numbers of fp32 or DOUBLES of fp64 in a register, and the few operations needed. Each
 * rounds once per element, as IEEE 754 says, except that floats_fma and floats_fnma round twice
 * where the processor has no such instruction. doubles_fma always rounds once.
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
HD struct floats floats_fma(struct floats a, struct floats b, struct floats c)
{
    return (struct floats){SIMD(fmadd_ps)(a.v, b.v, c.v)};
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
