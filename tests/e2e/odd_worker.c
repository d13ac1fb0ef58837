/*
 * odd_worker - the worker program, with faults on demand. Tests put it in the worker's place.
 *
 *     MILLRACE_ODD_CRASH=N   abort when unit N is loaded
 *     MILLRACE_ODD_SLEEP_MS=N   take so long for each step
 *     MILLRACE_ODD_WIRE=N    say that the protocol has version N (linked with --wrap=wire_encode)
 */
#include "common/wire.h"
#include "worker/program.h"
#include "worker/worker_main.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct program *real;

static enum err load(void *state, uint64_t unit)
{
    const char *crash = getenv("MILLRACE_ODD_CRASH");
    if (crash && unit == strtoull(crash, NULL, 10)) abort();
    return real->load(state, unit);
}

static enum err advance(void *state)
{
    const char *text = getenv("MILLRACE_ODD_SLEEP_MS");
    const long long ms = text ? atoll(text) : 0;
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0) nanosleep(&span, NULL);
    return real->advance(state);
}

enum err __real_wire_encode(const struct wire *message, uint8_t **bytes, size_t *size);
enum err __wrap_wire_encode(const struct wire *message, uint8_t **bytes, size_t *size);

/* A message starts with an array's head, the magic number (3 bytes), and the version. */
enum err __wrap_wire_encode(const struct wire *message, uint8_t **bytes, size_t *size)
{
    const char *version = getenv("MILLRACE_ODD_WIRE");
    const enum err err = __real_wire_encode(message, bytes, size);
    if (!err && version && *size > 4) {
        check((*bytes)[4] == WIRE_VERSION);
        (*bytes)[4] = (uint8_t)atoi(version);
    }
    return err;
}

int main(int argc, char **argv)
{
    static struct program odd;
    real = program_find("rank");
    check(real);
    odd = *real;
    odd.load = load;
    odd.advance = advance;
    program_register(&odd, 1);
    return worker_main(argc, argv);
}
