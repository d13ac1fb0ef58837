/* The processor: threads of the pool, and the best instruction set that is there. */
#include "worker/backend.h"
#include "worker/step/rank_cpu.h"

#include <stdio.h>
#include <stdlib.h>

struct device {
    struct pool *pool;
    const struct rank_kernel *rank;
    const struct encode_kernel *encode;
};

static void cpu_close(struct device **device)
{
    free(*device);
    *device = NULL;
}

static enum err cpu_open(struct pool *pool, struct device **out)
{
    struct device *device = calloc(1, sizeof(*device));
    enum err err = device ? OK : err_note(ERR_MEMORY, "cpu: no memory for the device");
    if (!err) device->pool = pool;
    if (!err) err = rank_kernel_find(NULL, &device->rank);
    if (!err) err = encode_kernel_find(NULL, &device->encode);
    if (err) cpu_close(&device);
    *out = device;
    return err;
}

static void cpu_describe(const struct device *device, char *text, size_t size)
{
    (void)snprintf(text, size, "cpu %s, %u threads", device->rank->name,
                   pool_threads(device->pool));
}

static enum err cpu_rank(struct device *device, const struct rank_args *args)
{
    return rank_cpu(device->pool, device->rank, args);
}

static enum err cpu_derive(struct device *device, const struct derive_args *args)
{
    return derive_cpu(device->pool, args);
}

static enum err cpu_encode(struct device *device, const struct encode_args *args)
{
    return encode_cpu(device->pool, device->encode, args);
}

static enum err cpu_choose(struct device *device, const struct choose_args *args)
{
    struct choose_args own = *args;
    own.kernel = device->encode;
    return choose_cpu(device->pool, &own);
}

const struct backend backend_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .rank = cpu_rank,
    .derive = cpu_derive,
    .encode = cpu_encode,
    .choose = cpu_choose,
};
