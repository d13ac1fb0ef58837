/* fma - this machine's peak of fp32 multiply-adds, for each instruction set it was compiled for. */
#ifndef TESTS_BENCH_FMA_H
#define TESTS_BENCH_FMA_H

enum { FMA_PEAK_SUMS = 12 * 16 };

/* Work of a millisecond or so; returns how many multiply-adds it was. sums[0] and sums[1] are
 * factor and term; all of them are written, so that nothing is left out. */
double fma_peak_base(float sums[FMA_PEAK_SUMS]);
double fma_peak_avx2(float sums[FMA_PEAK_SUMS]);
double fma_peak_avx512(float sums[FMA_PEAK_SUMS]);

#endif
