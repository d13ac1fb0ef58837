/*
 * err - how anything here fails, and what the user is told.
 *
 * A function that can fail returns an enum err and is marked MUST. The code says what kind of
 * failure it was, so that callers can decide; the sentence for the user is left beside it with
 * err_note, in the calling thread, and printed once, by main.
 *
 *     return err_note(ERR_INPUT, "triples: %s:%zu: 2 columns, expected 3; separate them by tabs",
 *                     path, line);
 *
 * A sentence reads `what: where: why; what to do`, without the program's name and without a
 * final newline.
 *
 * Threads: each thread has its own note.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* ROW(code, exit code of the program when main ends with it) */
#define ERRORS(ROW)                                                                 \
    ROW(OK, 0)                                                                      \
    ROW(ERR_NONE, 1)          /* nothing there, which need not be wrong */          \
    ROW(ERR_STALE, 1)         /* the unit is done already */                        \
    ROW(ERR_MISMATCH, 1)      /* two answers to one question differ */              \
    ROW(ERR_FAILED, 1)        /* the run failed or is incomplete */                 \
    ROW(ERR_USAGE, 2)         /* bad usage or settings */                           \
    ROW(ERR_INPUT, 3)         /* bad input data */                                  \
    ROW(ERR_FORMAT, 3)        /* bytes are not of the form they claim */            \
    ROW(ERR_IO, 4)            /* a file, database, port or device cannot be used */ \
    ROW(ERR_FULL, 4)          /* the disk is full */                                \
    ROW(ERR_BUSY, 4)          /* somebody else has it */                            \
    ROW(ERR_MEMORY, 4)        /* not enough memory */                               \
    ROW(ERR_INTERRUPTED, 130) /* asked to stop; main turns SIGTERM into 143 */

enum err {
#define ROW(code, exit_code) code,
    ERRORS(ROW)
#undef ROW
};

#define MUST __attribute__((warn_unused_result))

/* The code's name, as written above: "ERR_INPUT". */
const char *err_name(enum err err);

/* The exit code that a program ends with after `err`. */
int err_exit_code(enum err err);

/* Leaves the sentence for the user and gives `err` back. A later note replaces it. */
enum err err_note(enum err err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_note, but puts "prefix: " before the note that is there already. */
enum err err_prefix(enum err err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The note of this thread, "" if there is none. Borrowed until the thread's next note. */
const char *err_text(void);
void err_clear(void);

/* For our own mistakes only, never for what a user or a peer sent. Always compiled in. */
#define check(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
