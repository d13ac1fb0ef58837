#define _GNU_SOURCE /* sched_getaffinity */
#include "common/processors.h"

#include <sched.h>

uint32_t processors_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
    const int count = CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}

uint32_t processors_share(uint64_t threads, uint64_t workers)
{
    const uint64_t share = workers ? processors_count() / workers : processors_count();
    if (threads) return (uint32_t)threads;
    return share ? (uint32_t)share : 1;
}
