#include "worker/pool.h"

#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Steps follow each other closely, so a thread looks this often before it goes to sleep. */
enum { SPINS = 300 };

struct helper {
    struct pool *pool;
    uint32_t thread;
    pthread_t handle;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    atomic_uint round;   /* grows with each piece of work */
    atomic_uint running; /* helpers that have not finished this round */
    atomic_uint next;    /* part to be taken */
    bool stop;
    uint32_t parts;
    _Atomic uint64_t *progress; /* moves with each part; NULL: nobody looks */
    pool_work *work;
    void *context;
    uint32_t threads;
    uint32_t started; /* helpers that exist */
    struct helper helper[];
};

static void breathe(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

void pool_set_arithmetic(void)
{
    check(fesetround(FE_TONEAREST) == 0);
#if defined(__x86_64__)
    const unsigned int flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    _mm_setcsr(_mm_getcsr() & ~(flush_to_zero | denormals_are_zero));
#endif
    /* Volatile, so that the processor answers and not the compiler. */
    volatile float tiny = 0x1p-140f, one = 1, above = 0x1.8p-24f, below = 0x1p-24f;
    volatile float kept = tiny * one, up = one + above, even = one + below, down = -one - below;
    check(kept == 0x1p-140f);
    check(up == 1 + 0x1p-23f && even == 1 && down == -1);
}

static void count_part(struct pool *pool)
{
    if (pool->progress) atomic_fetch_add_explicit(pool->progress, 1, memory_order_relaxed);
}

static void share_out(struct pool *pool, uint32_t thread)
{
    for (;;) {
        const uint32_t part = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (part >= pool->parts) break;
        pool->work(pool->context, part, thread);
        count_part(pool);
    }
}

/* Waits for a round other than `seen`; false when the pool ends. */
static bool await_round(struct pool *pool, unsigned int seen)
{
    for (int spin = 0; spin < SPINS && atomic_load(&pool->round) == seen; spin++) breathe();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->round) == seen && !pool->stop)
        pthread_cond_wait(&pool->start, &pool->lock);
    const bool go = !pool->stop;
    pthread_mutex_unlock(&pool->lock);
    return go;
}

static void finish_round(struct pool *pool)
{
    if (atomic_fetch_sub(&pool->running, 1) != 1) return;
    pthread_mutex_lock(&pool->lock); /* so that the caller is not between look and sleep */
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *help(void *argument)
{
    const struct helper *self = argument;
    struct pool *pool = self->pool;
    pool_set_arithmetic();
    for (unsigned int round = 0; await_round(pool, round); round++) {
        share_out(pool, self->thread);
        finish_round(pool);
    }
    return NULL;
}

enum err pool_open(uint32_t threads, struct pool **out)
{
    check(threads > 0);
    *out = NULL;
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->helper[0]));
    if (!pool) return err_note(ERR_MEMORY, "pool: no memory for %u threads", threads);
    check(pthread_mutex_init(&pool->lock, NULL) == 0);
    check(pthread_cond_init(&pool->start, NULL) == 0);
    check(pthread_cond_init(&pool->done, NULL) == 0);
    pool->threads = threads;

    enum err err = OK;
    for (uint32_t thread = 1; !err && thread < threads; thread++) {
        struct helper *helper = &pool->helper[thread];
        *helper = (struct helper){.pool = pool, .thread = thread};
        const int failure = pthread_create(&helper->handle, NULL, help, helper);
        if (failure)
            err = err_note(ERR_MEMORY,
                           "pool: thread %u of %u cannot be started: %s; use fewer "
                           "--threads",
                           thread, threads, strerror(failure));
        else
            pool->started = thread;
    }
    if (err) pool_close(&pool);
    *out = pool;
    return err;
}

void pool_close(struct pool **self)
{
    struct pool *pool = *self;
    *self = NULL;
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t thread = 1; thread <= pool->started; thread++)
        check(pthread_join(pool->helper[thread].handle, NULL) == 0);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_watch(struct pool *pool, _Atomic uint64_t *progress)
{
    pool->progress = progress;
}

uint32_t pool_threads(const struct pool *pool)
{
    return pool->threads;
}

static void await_helpers(struct pool *pool)
{
    for (int spin = 0; spin < SPINS && atomic_load(&pool->running); spin++) breathe();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->running)) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(struct pool *pool, uint32_t parts, pool_work *work, void *context)
{
    if (pool->threads == 1 || parts < 2) {
        for (uint32_t part = 0; part < parts; part++) {
            work(context, part, 0);
            count_part(pool);
        }
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->context = context;
    pool->parts = parts;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->running, pool->threads - 1);
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);

    share_out(pool, 0);
    await_helpers(pool);
}
