/*
 * backend - where steps run: a row of functions for each kind of device (backends.c).
 *
 * A step function runs over all lanes and returns when its results are there. It never
 * allocates. A NULL says that the backend lacks the step.
 *
 * Owner:   backend_open gives a device, backend_close takes it; it keeps the pool.
 * Threads: a device belongs to the thread that runs its steps.
 */
#ifndef WORKER_BACKEND_H
#define WORKER_BACKEND_H

#include "common/err.h"
#include "worker/pool.h"
#include "worker/steps.h"

struct device; /* an open one; what it holds is the backend's business */

struct backend {
    const char *name; /* "cpu" */
    enum err (*open)(struct pool *pool, struct device **out);
    void (*close)(struct device **device);
    void (*describe)(const struct device *device, char *text, size_t size); /* "cpu avx512 ..." */
#define STEP(name, args) enum err (*name)(struct device * device, const args *arguments);
    STEPS(STEP)
#undef STEP
};

/* The backend of that name ("cpu"), NULL if this worker was built without it. */
const struct backend *backend_find(const char *name);

/* The rows, one for each file in backend/. */
extern const struct backend backend_cpu;

#endif
