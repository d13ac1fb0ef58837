/*
 * exhaustive - the single-precision functions of common/fmath.h for each of their 2^32 arguments,
 * beside libm's long double ones. Argument: threads. Exits 1 if a result is broken, or further than
 * the header says.
 */
#include "tests/float_errors.h"
#include "worker/pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTS = 4096, PART = 1 << 20, THREADS_MOST = 64 };

struct sweep {
    const struct float_function *function;
    struct float_errors errors[THREADS_MOST];
};

static void sweep_part(void *context, uint32_t part, uint32_t thread)
{
    struct sweep *sweep = context;
    for (uint32_t i = 0; i < PART; i++)
        float_errors_add(sweep->function, bits_float(part * PART + i), &sweep->errors[thread]);
}

static bool sweep_function(const struct float_function *function, struct pool *pool)
{
    static struct sweep sweep;
    memset(&sweep, 0, sizeof(sweep));
    sweep.function = function;
    pool_run(pool, PARTS, sweep_part, &sweep);
    struct float_errors all = {.worst_ulp = 0};
    for (uint32_t i = 0; i < pool_threads(pool); i++) float_errors_merge(&sweep.errors[i], &all);
    printf("%s: %" PRIu64 " arguments: largest error %.10Lf ulp at %a; %" PRIu64
           " not correctly rounded, %" PRIu64 " in doubt, %" PRIu64 " broken\n",
           function->name, all.arguments, all.worst_ulp, (double)all.worst_at, all.otherwise,
           all.doubtful, all.broken);
    (void)fflush(stdout);
    return all.broken == 0 && all.worst_ulp <= FLOAT_ERROR_MOST;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    const int threads = atoi(argv[1]);
    if (threads < 1 || threads > THREADS_MOST) return 2;
    struct pool *pool;
    if (pool_open((uint32_t)threads, &pool)) return 4;
    pool_set_arithmetic();
    bool good = true;
    for (int i = 0; i < FLOAT_FUNCTIONS; i++)
        good = sweep_function(&float_functions[i], pool) && good;
    pool_close(&pool);
    return good ? 0 : 1;
}
