/*
 * pool - threads that share out the parts of one piece of work.
 *
 * pool_run calls work(context, part, thread) once for each part, from the pool's threads and the
 * caller's, and returns when all are done. Which thread takes which part is not fixed, so nothing
 * may depend on it. Every thread runs with round-to-nearest and with denormals kept, which is
 * set and checked when it starts; the caller sees to its own thread with pool_set_arithmetic.
 *
 * Owner:   pool_open gives, pool_close takes (and ends the threads).
 * Threads: one caller at a time.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "common/err.h"

#include <stdatomic.h>
#include <stdint.h>

struct pool;

typedef void pool_work(void *context, uint32_t part, uint32_t thread);

MUST enum err pool_open(uint32_t threads, struct pool **out); /* 1: the caller alone */
void pool_close(struct pool **pool);
uint32_t pool_threads(const struct pool *pool);
/* Adds 1 to `progress` with each part that is done, so that a long step shows that it moves. It is
 * kept; call before pool_run. */
void pool_watch(struct pool *pool, _Atomic uint64_t *progress);
void pool_run(struct pool *pool, uint32_t parts, pool_work *work, void *context);

/* Sets rounding mode and denormals of the calling thread, and checks both. */
void pool_set_arithmetic(void);

#endif
