/* footprint - see /proc/PID/smaps_rollup in proc(5). */
#include "coordinator/footprint.h"

#include <stdio.h>
#include <time.h>

enum {
    PATH_BYTES = 64,
    LINE_BYTES = 256,
    EVERY_MS = 1000,
    SHARE = 200, /* looking may take 1 / SHARE of the time */
};

static uint64_t pss_bytes(uint64_t pid)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    unsigned long long kib = 0;
    if (pid)
        snprintf(path, sizeof path, "/proc/%llu/smaps_rollup", (unsigned long long)pid);
    else
        snprintf(path, sizeof path, "/proc/self/smaps_rollup");
    FILE *file = fopen(path, "re");
    while (file && !kib && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu", &kib) != 1) kib = 0;
    if (file) fclose(file);
    return kib * 1024;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void footprint_look(struct footprint *footprint, const uint64_t *pids, uint32_t count)
{
    const int64_t start_ms = clock_ms();
    uint64_t sum = pss_bytes(0);
    for (uint32_t i = 0; i < count; i++)
        if (pids[i]) sum += pss_bytes(pids[i]);
    if (sum > footprint->peak_bytes) footprint->peak_bytes = sum;
    const int64_t end_ms = clock_ms();
    const int64_t rest_ms = (end_ms - start_ms) * SHARE;
    footprint->due_ms = end_ms + (rest_ms > EVERY_MS ? rest_ms : EVERY_MS);
}
