/* Tests of the pool: every part once, whatever the number of threads, again and again. */
#include "worker/pool.h"
#include "tests/test.h"

#include <fenv.h>
#include <stdatomic.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { PARTS = 1000, THREADS_MAX = 5 };

struct tallied {
    atomic_uint part[PARTS];
    uint32_t threads;
    atomic_bool out_of_range;
};

static void count_part(void *context, uint32_t part, uint32_t thread)
{
    struct tallied *tallied = context;
    if (thread >= tallied->threads) atomic_store(&tallied->out_of_range, true);
    atomic_fetch_add(&tallied->part[part], 1);
}

static void each_part_is_done_once(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= THREADS_MAX; threads++) {
        struct pool *pool;
        expect(OK, pool_open(threads, &pool));
        assert_int_equal(pool_threads(pool), threads);
        static struct tallied tallied;
        tallied = (struct tallied){.threads = threads};
        pool_run(pool, PARTS, count_part, &tallied);
        for (uint32_t part = 0; part < PARTS; part++) assert_int_equal(tallied.part[part], 1);
        assert_false(tallied.out_of_range);
        pool_close(&pool);
        assert_null(pool);
    }
}

static void progress_moves_with_each_part(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= THREADS_MAX; threads++) {
        struct pool *pool;
        static struct tallied tallied;
        _Atomic uint64_t progress = 5;
        tallied = (struct tallied){.threads = threads};
        expect(OK, pool_open(threads, &pool));
        pool_watch(pool, &progress);
        pool_run(pool, PARTS, count_part, &tallied);
        assert_int_equal(progress, 5 + PARTS);
        pool_close(&pool);
    }
}

static void add_number(void *context, uint32_t part, uint32_t thread)
{
    (void)thread;
    atomic_fetch_add((atomic_uint *)context, part);
}

static void many_short_rounds_are_each_complete(void **state)
{
    (void)state;
    struct pool *pool;
    expect(OK, pool_open(3, &pool));
    for (uint32_t round = 0; round < 5000; round++) {
        atomic_uint sum = 0;
        const uint32_t parts = round % 7;
        pool_run(pool, parts, add_number, &sum);
        assert_int_equal(sum, parts * (parts - (parts > 0)) / 2);
    }
    pool_close(&pool);
}

static void note_arithmetic(void *context, uint32_t part, uint32_t thread)
{
    (void)part;
    (void)thread;
    volatile float tiny = 0x1p-140f;
    volatile float kept = tiny * 1.0f;
    if (kept == 0 || fegetround() != FE_TONEAREST) atomic_store((atomic_bool *)context, true);
}

/* A thread that was changed by a library before the pool existed hands its mode on. */
static void arithmetic_is_set_in_every_thread(void **state)
{
    (void)state;
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
    struct pool *pool;
    expect(OK, pool_open(4, &pool));
    pool_set_arithmetic();
    atomic_bool wrong = false;
    for (int round = 0; round < 100; round++) pool_run(pool, 64, note_arithmetic, &wrong);
    assert_false(wrong);
    pool_close(&pool);
}

static void closing_nothing_is_allowed(void **state)
{
    (void)state;
    struct pool *pool = NULL;
    pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(each_part_is_done_once),
        test_plain(progress_moves_with_each_part),
        test_plain(many_short_rounds_are_each_complete),
        test_plain(arithmetic_is_set_in_every_thread),
        test_plain(closing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
