/* To add a program: write program/NAME.c with its row, and name the row here. */
#include "worker/program.h"

#include <stdio.h>
#include <string.h>

static const struct program *const built_in[] = {&program_rank, &program_prove};
enum { BUILT_IN = sizeof(built_in) / sizeof(built_in[0]) };

static const struct program *registered;
static size_t registered_count;

void program_register(const struct program *programs, size_t count)
{
    registered = programs;
    registered_count = count;
}

/* Program number `i` of all, the registered ones first; NULL after the last. */
static const struct program *program_at(size_t i)
{
    if (i < registered_count) return &registered[i];
    return i - registered_count < BUILT_IN ? built_in[i - registered_count] : NULL;
}

const struct program *program_find(const char *name)
{
    for (size_t i = 0; program_at(i); i++)
        if (strcmp(name, program_at(i)->name) == 0) return program_at(i);
    return NULL;
}

void program_work_add(struct program_work *sum, const struct program_work *more)
{
#define COUNTER(name) sum->name += more->name;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
}

void program_names(const struct backend *backend, char *text, size_t size)
{
    check(size > 0);
    text[0] = 0;
    for (size_t i = 0; program_at(i); i++) {
        const struct program *program = program_at(i);
        if (program->runs_on && !program->runs_on(backend)) continue;
        const size_t used = strlen(text);
        (void)snprintf(text + used, size - used, "%s%s", used ? "," : "", program->name);
    }
}
