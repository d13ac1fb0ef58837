/*
 * prove_worker - millrace-worker that says where the time of a proof search goes, measures this
 * machine's peak of multiply-adds meanwhile, and refills lanes as it is told:
 *
 *     MILLRACE_BENCH_TIMES=FILE   when the program is closed, a line is added to FILE: seconds in
 *                                 the steps derive, encode and choose, seconds in all of advance,
 *                                 the best and the mean peak in GF/s (0 if none was measured)
 *     MILLRACE_BENCH_REFILL=0|1|2 enum prove_refill (worker/program/prove.h)
 *
 * The peak is taken by the worker's own threads between two steps, some milliseconds in every
 * tenth of a second; that time is not part of the other numbers.
 */
#include "tests/bench/fma.h"
#include "worker/program.h"
#include "worker/program/prove.h"
#include "worker/step/isa.h"
#include "worker/worker_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PEAK_EVERY_S 0.1

/* All of this is read and written by the runner's thread alone. */
static struct backend timed;
static const struct backend *real_backend;
static struct pool *pool;
static enum isa peak_isa;
static double derive_s, encode_s, choose_s, advance_s;
static double peak_due_s, peak_best, peak_work, peak_s; /* due at advance_s; multiply-adds */

static double (*const fma_peak[ISA_COUNT])(float *) = {
#if defined(__x86_64__)
    fma_peak_base, fma_peak_avx2, fma_peak_avx512
#else
    fma_peak_base
#endif
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#define TIMED(name)                                                                          \
    static enum err timed_##name(struct device *device, const struct name##_args *arguments) \
    {                                                                                        \
        const double start = seconds();                                                      \
        const enum err err = real_backend->name(device, arguments);                          \
        name##_s += seconds() - start;                                                       \
        return err;                                                                          \
    }
TIMED(derive)
TIMED(encode)
TIMED(choose)
#undef TIMED

static void peak_part(void *context, uint32_t part, uint32_t thread)
{
    float sums[FMA_PEAK_SUMS] = {0.999f, 1e-3f};
    (void)thread;
    ((double *)context)[part] = fma_peak[peak_isa](sums);
}

static void take_peak(void)
{
    double done[FMA_PEAK_SUMS] = {0}, work = 0;
    const uint32_t threads = pool_threads(pool);
    if (threads > FMA_PEAK_SUMS) return;
    const double start = seconds();
    pool_run(pool, threads, peak_part, done);
    const double span = seconds() - start;
    for (uint32_t i = 0; i < threads; i++) work += done[i];
    if (work / span > peak_best) peak_best = work / span;
    peak_work += work;
    peak_s += span;
}

static enum err measure(const struct program_job *job, void **state, uint64_t *bytes)
{
    struct program_job own = *job;
    real_backend = job->backend;
    pool = job->pool;
    timed = *real_backend;
    timed.derive = timed_derive;
    timed.encode = timed_encode;
    timed.choose = timed_choose;
    own.backend = &timed;
    return program_prove.measure(&own, state, bytes);
}

static enum err open_program(void *state, void *memory, uint64_t bytes)
{
    const char *refill = getenv("MILLRACE_BENCH_REFILL");
    const enum err err = program_prove.open(state, memory, bytes);
    if (!err && refill) prove_set_refill(state, (enum prove_refill)atoi(refill));
    return err;
}

static enum err advance(void *state)
{
    if (encode_s > 0 && advance_s >= peak_due_s) {
        take_peak();
        peak_due_s = advance_s + PEAK_EVERY_S;
    }
    const double start = seconds();
    const enum err err = program_prove.advance(state);
    advance_s += seconds() - start;
    return err;
}

static void close_program(void **state)
{
    const char *path = getenv("MILLRACE_BENCH_TIMES");
    program_prove.close(state);
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%.6f %.6f %.6f %.6f %.1f %.1f\n", derive_s, encode_s, choose_s, advance_s,
            2e-9 * peak_best, peak_s > 0 ? 2e-9 * peak_work / peak_s : 0);
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct program program;
    static const char there;
    static const void *const made[ISA_COUNT] = {
#if defined(__x86_64__)
        &there,
        &there,
        &there
#else
        &there
#endif
    };
    if (isa_find(NULL, made, &peak_isa)) return 2;
    program = program_prove;
    program.measure = measure;
    program.open = open_program;
    program.advance = advance;
    program.close = close_program;
    program_register(&program, 1);
    return worker_main(argc, argv);
}
