#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_SIZE = 4096 };

static _Thread_local char note[NOTE_SIZE];

struct row {
    const char *name;
    int exit_code;
};

#define ROW(code, exit_code) {#code, exit_code},
static const struct row rows[] = {ERRORS(ROW)};
#undef ROW

static const struct row *row_of(enum err err)
{
    check((size_t)err < sizeof rows / sizeof rows[0]);
    return &rows[err];
}

const char *err_name(enum err err)
{
    return row_of(err)->name;
}

int err_exit_code(enum err err)
{
    return row_of(err)->exit_code;
}

/* What users and peers sent may hold anything; a note stays one plain line. */
static void keep(const char text[NOTE_SIZE])
{
    memcpy(note, text, sizeof note);
    for (char *at = note; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127) *at = '?';
}

/* The sentence is made aside: its arguments may lie in the note that it replaces. */
enum err err_note(enum err err, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* A cut sentence still says most. */
    va_end(arguments);
    keep(text);
    return err;
}

enum err err_prefix(enum err err, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t used = strlen(text);
    (void)snprintf(text + used, sizeof text - used, note[0] ? ": %s" : "%s", note);
    keep(text);
    return err;
}

const char *err_text(void)
{
    return note;
}

void err_clear(void)
{
    note[0] = 0;
}

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "millrace: internal: %s:%d: `%s` does not hold; please report this\n",
                  file, line, condition);
    abort();
}
