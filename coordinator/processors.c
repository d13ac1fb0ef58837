#define _GNU_SOURCE /* sched_getaffinity */
#include "coordinator/processors.h"

#include <sched.h>

uint32_t processors_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}

uint32_t processors_share(const struct settings *settings)
{
    const uint32_t threads = (uint32_t)settings_count(settings, SET_threads);
    const uint32_t share = processors_count() / (uint32_t)settings_count(settings, SET_workers);
    if (threads) return threads;
    return share ? share : 1;
}
