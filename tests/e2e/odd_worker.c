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

enum { PROGRAMS = 2 };
static const char *const program_name[PROGRAMS] = {"rank", "prove"};
static const struct program *program[PROGRAMS];
static const struct program *real; /* that the run asks for */

static enum err measure(const struct program_job *job, void **state, uint64_t *bytes)
{
    const char *name = settings_text(job->settings, SET_program);
    for (int i = 0; i < PROGRAMS; i++)
        if (!strcmp(program_name[i], name)) real = program[i];
    check(real);
    return real->measure(job, state, bytes);
}

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
    static struct program odd[PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++) {
        program[i] = program_find(program_name[i]);
        check(program[i]);
        odd[i] = *program[i];
        odd[i].measure = measure;
        odd[i].load = load;
        odd[i].advance = advance;
    }
    program_register(odd, PROGRAMS);
    return worker_main(argc, argv);
}
