/*
 * ledger_db - SQLite in the few words that the ledger needs. The only user of sqlite3.h.
 *
 *     db_open --> db_run ... (no rows)
 *             --> db_first, db_next ... until ERR_NONE, or db_end (rows) --> db_close
 *
 * Statements are numbered by a table of texts that db_open keeps; each is prepared when it is
 * first used.
 *
 * Owner:   db_open gives, db_close takes. Values are borrowed for the call, columns until the
 *          statement's next use.
 * Errors:  ERR_IO, ERR_FULL (no space left), ERR_BUSY, ERR_INPUT (not a database), ERR_MEMORY,
 *          each with a note that names the file.
 */
#ifndef COORDINATOR_LEDGER_DB_H
#define COORDINATOR_LEDGER_DB_H

#include "common/err.h"

#include <stdint.h>

struct db;

enum db_use {
    DB_WRITE, /* the file's one coordinator: locks it, creates it, keeps its log */
    DB_READ,  /* beside one, or without */
};

/* `texts` [count] are the statements. */
MUST enum err db_open(const char *path, enum db_use use, const char *const *texts, size_t count,
                      struct db **out);
void db_close(struct db **db); /* rolls an open transaction back, and folds the log into the file */

/* Makes do with 2 MB of pages at hand, as a reader does, from now on; sorting, too. */
void db_trim(struct db *db);

bool db_empty(const struct db *db);                         /* nothing was ever stored in it */
MUST enum err db_create(struct db *db, const char *schema); /* in the open transaction */

/* A value to bind. */
struct db_value {
    enum { DB_NULL, DB_NUMBER, DB_REAL, DB_TEXT, DB_BYTES } type;
    int64_t number; /* or the size of bytes */
    const void *at;
    double real;
};
static inline struct db_value db_number(uint64_t number)
{
    return (struct db_value){.type = DB_NUMBER, .number = (int64_t)number};
}
static inline struct db_value db_real(double real) /* no NaN */
{
    return (struct db_value){.type = DB_REAL, .real = real};
}
static inline struct db_value db_time(int64_t at_ms)
{
    return (struct db_value){.type = DB_NUMBER, .number = at_ms};
}
static inline struct db_value db_text(const char *text) /* NULL: NULL */
{
    return (struct db_value){.type = text ? DB_TEXT : DB_NULL, .at = text};
}
static inline struct db_value db_bytes(const void *bytes, size_t size)
{
    return (struct db_value){.type = DB_BYTES, .number = (int64_t)size, .at = bytes};
}
static inline struct db_value db_none(void)
{
    return (struct db_value){.type = DB_NULL};
}
#define DB_VALUES(...)                      \
    (const struct db_value[]){__VA_ARGS__}, \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

MUST enum err db_run(struct db *db, size_t statement, const struct db_value *values, size_t count);
void db_rollback(struct db *db);          /* without effect outside a transaction */
uint64_t db_changed(const struct db *db); /* rows, by the last db_run */

/* ERR_NONE when there is no row (left); the statement is then ended. */
MUST enum err db_first(struct db *db, size_t statement, const struct db_value *values,
                       size_t count);
MUST enum err db_next(struct db *db, size_t statement);
void db_end(struct db *db, size_t statement);

/* Of the present row. */
int64_t db_column(struct db *db, size_t statement, int column);
const char *db_column_text(struct db *db, size_t statement, int column); /* NULL for NULL */
const void *db_column_bytes(struct db *db, size_t statement, int column, size_t *size);

/* Any one query; each row is given as texts. The visit's error ends it and is returned. */
typedef enum err db_visit(void *context, size_t columns, const char *const *names,
                          const char *const *values);
MUST enum err db_query(struct db *db, const char *sql, uint64_t argument, db_visit *visit,
                       void *context);

#endif
