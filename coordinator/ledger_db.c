#include "coordinator/ledger_db.h"
#include "coordinator/ledger_lock.h"

#include <sqlite3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BUSY_MS = 5000, /* readers hold locks for moments only */
    COLUMNS_MAX = 64,
    PATH_SIZE = 4096,
    APPLICATION_ID = 0x4d494c4c, /* "MILL", in the file's header */
};

struct db {
    sqlite3 *handle;
    enum db_use use;
    int lock;
    bool empty; /* nothing was ever stored in it */
    char *path;
    const char *const *text;  /* [count] */
    sqlite3_stmt **statement; /* [count], NULL until first used */
    size_t count;
};

/* ---- errors ------------------------------------------------------------------------------ */

static enum err full(const struct db *db, const char *why)
{
    return err_note(ERR_FULL,
                    "disk full: %s: %s; free some space and run the same command again, nothing "
                    "stored is lost",
                    db->path, why);
}

/* What SQLite's primary result codes mean to us; all others are ERR_IO. */
static const struct {
    int code;
    enum err err;
    const char *advice;
} meanings[] = {
    {SQLITE_BUSY, ERR_BUSY, "; another program has it open for writing, let it end first"},
    {SQLITE_NOTADB, ERR_INPUT, "; it is not a millrace database, give another --db"},
    {SQLITE_CORRUPT, ERR_INPUT, "; the file is damaged, use a copy or start anew"},
    {SQLITE_NOMEM, ERR_MEMORY, ""},
    {SQLITE_READONLY, ERR_IO, "; make file and folder writable"},
    {SQLITE_CANTOPEN, ERR_IO, "; check that it exists and that you may use it"},
};

static enum err failed(const struct db *db)
{
    const int code = sqlite3_errcode(db->handle) & 0xff;
    const int system = sqlite3_system_errno(db->handle);
    const char *why = sqlite3_errmsg(db->handle);
    if (code == SQLITE_FULL) return full(db, why);
    if (code == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
        return full(db, strerror(system));
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (code == meanings[i].code)
            return err_note(meanings[i].err, "database: %s: %s%s", db->path, why,
                            meanings[i].advice);
    return err_note(ERR_IO, "database: %s: %s%s%s", db->path, why,
                    code == SQLITE_IOERR && system ? ": " : "",
                    code == SQLITE_IOERR && system ? strerror(system) : "");
}

/* ---- life -------------------------------------------------------------------------------- */

/* Runs one pragma and compares its answer with what it must be (NULL: any). */
static enum err pragma(struct db *db, const char *sql, const char *must)
{
    sqlite3_stmt *statement = NULL;
    enum err err = OK;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL)) return failed(db);
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) err = failed(db);
    if (!err && must) {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        if (!answer || strcmp(answer, must))
            err = err_note(ERR_IO, "database: %s: %s answers %s; put it on a local disk with --db",
                           db->path, sql, answer ? answer : "nothing");
    }
    sqlite3_finalize(statement);
    return err;
}

static enum err number_of(struct db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    *out = 0;
    enum err err = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) ? failed(db) : OK;
    if (!err && sqlite3_step(statement) != SQLITE_ROW) err = failed(db);
    if (!err) *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return err;
}

/* Nothing may be written, not even a pragma, before the file is known to be ours. */
static enum err know(struct db *db)
{
    int64_t tables, application;
    enum err err = number_of(db, "SELECT count(*) FROM sqlite_master", &tables);
    if (!err) err = number_of(db, "PRAGMA application_id", &application);
    if (err) return err;
    db->empty = tables == 0 && application == 0;
    if (db->empty ? db->use == DB_READ : application != APPLICATION_ID)
        return err_note(ERR_INPUT, "database: %s: is not a millrace database; give another",
                        db->path);
    return OK;
}

static enum err open_writer(struct db *db)
{
    const bool in_memory = !strcmp(db->path, ":memory:");
    enum err err = in_memory ? OK : ledger_lock_open(db->path, &db->lock);
    if (!err &&
        sqlite3_open_v2(db->path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        err = failed(db);
    if (!err) sqlite3_busy_timeout(db->handle, BUSY_MS);
    if (!err) err = know(db);
    if (!err) err = pragma(db, "PRAGMA journal_mode = WAL", in_memory ? NULL : "wal");
    if (!err) err = pragma(db, "PRAGMA synchronous = FULL", NULL);
    if (!err) err = pragma(db, "PRAGMA secure_delete = OFF", NULL);
    if (!err) err = pragma(db, "PRAGMA cache_size = -65536", NULL);
    if (!err) err = pragma(db, "PRAGMA wal_autocheckpoint = 4000", NULL);
    return err;
}

/* A URI that tells SQLite that nobody can be writing; '%', '?' and '#' have a meaning there. */
static char *immutable_uri(const char *path)
{
    const size_t room = 3 * strlen(path) + sizeof("file:?immutable=1");
    char *uri = malloc(room);
    if (!uri) return NULL;
    size_t size = (size_t)snprintf(uri, room, "file:");
    for (; *path; path++)
        size += (size_t)snprintf(uri + size, room - size, strchr("%?#", *path) ? "%%%02x" : "%c",
                                 (unsigned char)*path);
    snprintf(uri + size, room - size, "?immutable=1");
    return uri;
}

/* SQLite reads a log-keeping database only where it may make the log's files. Where no log waits
 * beside the database, what is in the file is all there is, and it can do without. */
static bool can_do_without_log(const struct db *db)
{
    char log[PATH_SIZE + 8];
    struct stat status;
    const int code = sqlite3_errcode(db->handle) & 0xff;
    snprintf(log, sizeof(log), "%.*s-wal", PATH_SIZE, db->path);
    return (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) &&
           (stat(log, &status) || status.st_size == 0);
}

static enum err open_immutable(struct db *db)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    char *uri = immutable_uri(db->path);
    sqlite3_close(db->handle);
    db->handle = NULL;
    enum err err = uri ? OK : err_note(ERR_MEMORY, "database: %s: no memory", db->path);
    if (!err && sqlite3_open_v2(uri, &db->handle, flags, NULL)) err = failed(db);
    free(uri);
    return err ? err : know(db);
}

static enum err open_reader(struct db *db)
{
    struct stat status;
    if (stat(db->path, &status))
        return err_note(ERR_IO, "database: %s: %s; give the path of a run's database", db->path,
                        strerror(errno));
    const int code = sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READONLY, NULL);
    enum err err = code ? failed(db) : OK;
    if (!err) sqlite3_busy_timeout(db->handle, BUSY_MS);
    if (!err) err = know(db);
    if (!err || !can_do_without_log(db)) return err;
    err_clear();
    return open_immutable(db);
}

enum err db_open(const char *path, enum db_use use, const char *const *texts, size_t count,
                 struct db **out)
{
    struct db *db = calloc(1, sizeof(*db));
    enum err err = db ? OK : err_note(ERR_MEMORY, "database: no memory");
    if (!err) {
        *db = (struct db){.use = use, .lock = -1, .text = texts, .count = count};
        db->path = strdup(path);
        db->statement = calloc(count, sizeof(db->statement[0]));
        if (!db->path || !db->statement) err = err_note(ERR_MEMORY, "database: no memory");
    }
    if (!err) err = use == DB_WRITE ? open_writer(db) : open_reader(db);
    if (err) db_close(&db);
    *out = db;
    return err;
}

void db_trim(struct db *db)
{
    (void)!pragma(db, "PRAGMA cache_size = -2000", NULL); /* or it stays as it is */
}

void db_close(struct db **db)
{
    struct db *self = *db;
    *db = NULL;
    if (!self) return;
    for (size_t i = 0; self->statement && i < self->count; i++)
        sqlite3_finalize(self->statement[i]);
    if (self->handle && self->use == DB_WRITE) {
        db_rollback(self);
        /* Where a reader holds the log, it stays, and the next coordinator folds it in. */
        sqlite3_wal_checkpoint_v2(self->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sqlite3_close(self->handle);
    ledger_lock_close(&self->lock);
    free(self->statement);
    free(self->path);
    free(self);
}

bool db_empty(const struct db *db)
{
    return db->empty;
}

enum err db_create(struct db *db, const char *schema)
{
    char mark[64];
    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", APPLICATION_ID);
    enum err err = sqlite3_exec(db->handle, schema, NULL, NULL, NULL) ? failed(db) : OK;
    if (!err) err = pragma(db, mark, NULL);
    if (!err) db->empty = false;
    return err;
}

/* ---- statements -------------------------------------------------------------------------- */

static enum err bind(struct db *db, sqlite3_stmt *statement, const struct db_value *values,
                     size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && !code; i++) {
        const struct db_value *value = &values[i];
        const int place = (int)i + 1;
        if (value->type == DB_NUMBER)
            code = sqlite3_bind_int64(statement, place, value->number);
        else if (value->type == DB_REAL)
            code = sqlite3_bind_double(statement, place, value->real);
        else if (value->type == DB_TEXT)
            code = sqlite3_bind_text(statement, place, value->at, -1, SQLITE_STATIC);
        else if (value->type == DB_BYTES)
            code = sqlite3_bind_blob64(statement, place, value->at ? value->at : "",
                                       (sqlite3_uint64)value->number, SQLITE_STATIC);
        else
            code = sqlite3_bind_null(statement, place);
    }
    return code ? failed(db) : OK;
}

/* Prepares it if need be, and binds. */
static enum err ready(struct db *db, size_t statement, const struct db_value *values, size_t count)
{
    check(statement < db->count);
    if (!db->statement[statement] &&
        sqlite3_prepare_v3(db->handle, db->text[statement], -1, SQLITE_PREPARE_PERSISTENT,
                           &db->statement[statement], NULL))
        return failed(db);
    return bind(db, db->statement[statement], values, count);
}

enum err db_run(struct db *db, size_t statement, const struct db_value *values, size_t count)
{
    enum err err = ready(db, statement, values, count);
    if (err) return err;
    const int code = sqlite3_step(db->statement[statement]);
    if (code != SQLITE_DONE && code != SQLITE_ROW) err = failed(db);
    sqlite3_reset(db->statement[statement]); /* repeats the code of the step */
    return err;
}

/* Some errors have rolled back already. A rollback that fails leaves the log unfinished, and an
 * unfinished end of the log is ignored by whoever reads it next. */
void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle)) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

uint64_t db_changed(const struct db *db)
{
    return (uint64_t)sqlite3_changes64(db->handle);
}

enum err db_first(struct db *db, size_t statement, const struct db_value *values, size_t count)
{
    enum err err = ready(db, statement, values, count);
    return err ? err : db_next(db, statement);
}

enum err db_next(struct db *db, size_t statement)
{
    const int code = sqlite3_step(db->statement[statement]);
    if (code == SQLITE_ROW) return OK;
    const enum err err = code == SQLITE_DONE ? ERR_NONE : failed(db);
    db_end(db, statement);
    return err;
}

void db_end(struct db *db, size_t statement)
{
    sqlite3_reset(db->statement[statement]); /* repeats the code of the step */
}

int64_t db_column(struct db *db, size_t statement, int column)
{
    return sqlite3_column_int64(db->statement[statement], column);
}

const char *db_column_text(struct db *db, size_t statement, int column)
{
    return (const char *)sqlite3_column_text(db->statement[statement], column);
}

const void *db_column_bytes(struct db *db, size_t statement, int column, size_t *size)
{
    const void *bytes = sqlite3_column_blob(db->statement[statement], column);
    *size = (size_t)sqlite3_column_bytes(db->statement[statement], column);
    return bytes;
}

enum err db_query(struct db *db, const char *sql, uint64_t argument, db_visit *visit, void *context)
{
    const char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL)) return failed(db);
    const int columns = sqlite3_column_count(statement);
    check(columns <= COLUMNS_MAX);
    for (int i = 0; i < columns; i++) names[i] = sqlite3_column_name(statement, i);

    enum err err = OK;
    if (sqlite3_bind_parameter_count(statement) > 0 &&
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)argument))
        err = failed(db);
    while (!err) {
        const int code = sqlite3_step(statement);
        if (code == SQLITE_DONE) break;
        if (code != SQLITE_ROW) err = failed(db);
        for (int i = 0; !err && i < columns; i++)
            values[i] = (const char *)sqlite3_column_text(statement, i);
        if (!err) err = visit(context, (size_t)columns, names, values);
    }
    sqlite3_finalize(statement);
    return err;
}
