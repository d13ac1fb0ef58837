/*
 * fma - multiply-adds between registers, in as many chains as hide their latency: the peak that
 * bench_encode is measured against. Compiled once for each instruction set, as FMA_PEAK.
 */
#include "tests/bench/fma.h"

#include "worker/step/simd.h"

enum { CHAINS = 12, ROUNDS = 1 << 19 };

double FMA_PEAK(float sums[FMA_PEAK_SUMS])
{
    _Static_assert(CHAINS * FLOATS <= FMA_PEAK_SUMS, "the sums have room");
    struct floats sum[CHAINS], factor = floats_all(sums[0]), term = floats_all(sums[1]);
    for (int i = 0; i < CHAINS; i++) sum[i] = floats_all((float)i);
    for (int round = 0; round < ROUNDS; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sum[i] = floats_fma_once(sum[i], factor, term);
    for (int i = 0; i < CHAINS; i++) floats_store(sums + i * FLOATS, sum[i]);
    return (double)CHAINS * ROUNDS * FLOATS;
}
