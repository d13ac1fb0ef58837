#include "coordinator/ledger_core.h"
#include "coordinator/ledger_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NUMBER_SIZE = 24, ATTEMPTS_STANDARD = 5, OUTCOME_DIGEST_HEX = 17 };

static const char *const statements[SQL_COUNT] = {
#define ROW(name, text) text,
    LEDGER_STATEMENTS(ROW)
#undef ROW
};

const char *const unit_state_name[UNIT_STATES] = {
    [UNIT_READY] = "ready",
    [UNIT_LEASED] = "leased",
    [UNIT_DONE] = "done",
    [UNIT_FAILED] = "failed",
};

/* ---- life ------------------------------------------------------------------------------- */

static enum err set_number(struct ledger *ledger, const char *key, uint64_t value)
{
    char text[NUMBER_SIZE];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return ledger_set(ledger, key, text);
}

/* ERR_NONE if there is no such key. */
static enum err get_number(struct ledger *ledger, const char *key, uint64_t *value)
{
    char text[NUMBER_SIZE];
    *value = 0;
    const enum err err = ledger_get(ledger, key, text, sizeof(text));
    if (!err) *value = strtoull(text, NULL, 10);
    return err;
}

static enum err create(struct ledger *ledger)
{
    enum err err = ledger_begin(ledger);
    if (!err) err = db_create(ledger->db, ledger_sql);
    if (!err) err = set_number(ledger, "schema_version", LEDGER_SCHEMA_VERSION);
    if (!err) err = ledger_commit(ledger);
    return err;
}

static enum err check_version(struct ledger *ledger, const char *path)
{
    uint64_t version;
    enum err err = get_number(ledger, "schema_version", &version);
    if (err == ERR_NONE || (!err && version == 0))
        return err_note(ERR_INPUT, "database: %s: has no schema_version; it is damaged, start anew",
                        path);
    if (!err && version < LEDGER_SCHEMA_VERSION)
        err = err_note(ERR_USAGE,
                       "database: %s: an older millrace made it (schema version %" PRIu64
                       ", here it is %d); use that version, or start anew in another file",
                       path, version, LEDGER_SCHEMA_VERSION);
    if (!err && version > LEDGER_SCHEMA_VERSION)
        err = err_note(ERR_USAGE,
                       "database: %s: its schema version %" PRIu64 " is newer than %d, the newest "
                       "that this millrace knows; use the millrace that made it",
                       path, version, LEDGER_SCHEMA_VERSION);
    return err;
}

static enum err state_of(const char *word, enum unit_state *out)
{
    for (*out = 0; *out < UNIT_STATES; (*out)++)
        if (word && !strcmp(word, unit_state_name[*out])) return OK;
    return ERR_INPUT;
}

static enum err load_units(struct ledger *ledger, const char *path)
{
    struct grid *grid = &ledger->grid;
    uint64_t expected = 0;
    enum err err = db_first(ledger->db, SQL_UNITS, NULL, 0);
    while (!err) {
        enum unit_state state;
        const uint64_t unit = (uint64_t)db_column(ledger->db, SQL_UNITS, 0);
        err = state_of(db_column_text(ledger->db, SQL_UNITS, 1), &state);
        if (unit != expected || unit >= grid->total) err = ERR_INPUT;
        if (err) break;
        const uint32_t attempts = (uint32_t)db_column(ledger->db, SQL_UNITS, 2);
        grid->cell[unit].attempts = attempts & ATTEMPTS_MAX;
        grid->cell[unit].charged = attempts > 0 && state != UNIT_DONE;
        err = grid_move(grid, unit, state);
        expected++;
        if (!err) err = db_next(ledger->db, SQL_UNITS);
    }
    if (err == ERR_NONE && expected == grid->total) return OK;
    db_end(ledger->db, SQL_UNITS);
    if (err != ERR_INPUT && err != ERR_NONE) return err;
    return err_note(ERR_INPUT,
                    "database: %s: unit %" PRIu64 " of %" PRIu64
                    " is missing or not what it should "
                    "be; the file is damaged, use a copy or start anew",
                    path, expected, grid->total);
}

/* Nobody holds a lease of a coordinator that has ended; who still computes, says so when it
 * meets the new one (ledger_adopt). */
static enum err lose_leases(struct ledger *ledger)
{
    enum err err = ledger_begin(ledger);
    if (!err) err = db_run(ledger->db, SQL_LOSE_ATTEMPTS, NULL, 0);
    if (!err) err = db_run(ledger->db, SQL_LOSE_UNITS, NULL, 0);
    if (!err) err = db_run(ledger->db, SQL_LOSE_WORKERS, NULL, 0);
    if (!err) err = ledger_commit(ledger);
    return err;
}

static enum err load(struct ledger *ledger, const char *path)
{
    uint64_t rows, columns;
    enum err err = get_number(ledger, "rows", &rows);
    if (!err) err = get_number(ledger, "columns", &columns);
    if (err == ERR_NONE) return OK;
    if (!err && (columns == 0 || columns > UINT32_MAX || rows > UINT64_MAX / columns))
        err = err_note(ERR_INPUT, "database: %s: its rows and columns make no sense; it is damaged",
                       path);
    if (!err) err = lose_leases(ledger);
    if (!err) err = grid_open(rows, columns, &ledger->grid);
    if (!err) err = load_units(ledger, path);
    if (err) return err;

    err = get_number(ledger, "rows_folded", &ledger->rows_folded_stored);
    if (err == ERR_NONE) err = OK;
    if (ledger->rows_folded_stored == ledger->grid.complete_count)
        ledger->grid.complete_count = 0;
    else
        ledger->rows_folded_stored = 0; /* some are missing: all complete rows are given again */
    ledger->rows_folded = ledger->rows_folded_stored;
    ledger->planned = true;
    return err;
}

static enum err load_last_worker(struct ledger *ledger)
{
    enum err err = db_first(ledger->db, SQL_LAST_WORKER, NULL, 0);
    if (err) return err;
    ledger->last_worker = (uint64_t)db_column(ledger->db, SQL_LAST_WORKER, 0);
    db_end(ledger->db, SQL_LAST_WORKER);
    return leases_open(ledger->last_worker + 1, &ledger->leases);
}

enum err ledger_open(const char *path, struct ledger **out)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    enum err err = ledger ? OK : err_note(ERR_MEMORY, "database: %s: no memory", path);
    if (!err) ledger->attempts_max = ATTEMPTS_STANDARD;
    if (!err) err = db_open(path, DB_WRITE, statements, SQL_COUNT, &ledger->db);
    if (!err && db_empty(ledger->db)) err = create(ledger);
    if (!err) err = check_version(ledger, path);
    if (!err) err = load(ledger, path);
    if (!err) err = load_last_worker(ledger);
    if (err) ledger_close(&ledger);
    *out = ledger;
    return err;
}

static enum err load_counts(struct ledger *ledger)
{
    struct grid *grid = &ledger->grid;
    enum err err = db_first(ledger->db, SQL_COUNTS, NULL, 0);
    while (!err) {
        enum unit_state state;
        if (!state_of(db_column_text(ledger->db, SQL_COUNTS, 0), &state)) {
            grid->count[state] = (uint64_t)db_column(ledger->db, SQL_COUNTS, 1);
            grid->total += grid->count[state];
        }
        err = db_next(ledger->db, SQL_COUNTS);
    }
    return err == ERR_NONE ? OK : err;
}

/* Opening a pipe would wait for its other end. */
static enum err check_regular(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) return OK;
    return err_note(ERR_IO, "database: %s: is a directory, pipe or device; name a database", path);
}

enum err ledger_open_reader(const char *path, struct ledger **out)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    enum err err = ledger ? OK : err_note(ERR_MEMORY, "database: %s: no memory", path);
    if (!err) err = check_regular(path);
    if (!err) ledger->reader = true;
    if (!err) err = db_open(path, DB_READ, statements, SQL_COUNT, &ledger->db);
    if (!err) err = check_version(ledger, path);
    if (!err) err = load_counts(ledger);
    if (!err) ledger->planned = ledger->grid.total > 0;
    if (err) ledger_close(&ledger);
    *out = ledger;
    return err;
}

void ledger_close(struct ledger **ledger)
{
    struct ledger *self = *ledger;
    *ledger = NULL;
    if (!self) return;
    db_close(&self->db);
    grid_close(&self->grid);
    leases_close(&self->leases);
    free(self);
}

void ledger_trim(struct ledger *ledger)
{
    db_trim(ledger->db);
}

enum err ledger_begin(struct ledger *ledger)
{
    return db_run(ledger->db, SQL_BEGIN, NULL, 0);
}

enum err ledger_commit(struct ledger *ledger)
{
    enum err err = OK;
    if (ledger->rows_folded != ledger->rows_folded_stored) {
        err = set_number(ledger, "rows_folded", ledger->rows_folded);
        ledger->rows_folded_stored = ledger->rows_folded;
    }
    if (!err) err = db_run(ledger->db, SQL_COMMIT, NULL, 0);
    if (err) ledger_rollback(ledger);
    return err;
}

void ledger_rollback(struct ledger *ledger)
{
    db_rollback(ledger->db);
}

/* ---- the plan --------------------------------------------------------------------------- */

bool ledger_planned(const struct ledger *ledger)
{
    return ledger->planned;
}

enum err ledger_plan(struct ledger *ledger, uint64_t rows, uint64_t columns)
{
    check(!ledger->planned);
    enum err err = grid_open(rows, columns, &ledger->grid);
    if (!err) err = set_number(ledger, "rows", rows);
    if (!err) err = set_number(ledger, "columns", columns);
    if (!err && rows > 0) err = SQL(ledger, PLAN, db_number(rows * columns));
    if (!err) ledger->planned = true;
    return err;
}

enum err ledger_set(struct ledger *ledger, const char *key, const char *value)
{
    return SQL(ledger, SET, db_text(key), db_text(value));
}

enum err ledger_get(struct ledger *ledger, const char *key, char *value, size_t size)
{
    const struct db_value wanted = db_text(key);
    if (size) value[0] = 0;
    enum err err = db_first(ledger->db, SQL_GET, &wanted, 1);
    if (err) return err;
    const char *text = db_column_text(ledger->db, SQL_GET, 0);
    snprintf(value, size, "%s", text ? text : "");
    db_end(ledger->db, SQL_GET);
    return OK;
}

enum err ledger_set_input(struct ledger *ledger, const struct ledger_input *input)
{
    char hex[DIGEST_HEX];
    digest_hex(&input->digest, hex);
    enum err err = SQL(ledger, UNSET_INPUT, db_text(input->role));
    if (!err)
        err = SQL(ledger, SET_INPUT, db_text(input->role), db_text(input->path),
                  db_number(input->size_bytes), db_text(hex), db_number(input->device),
                  db_number(input->inode), db_number(input->mtime_ns), db_number(input->ctime_ns));
    return err;
}

static enum err read_input(struct ledger *ledger, struct ledger_input *out)
{
    const char *text[4];
    uint64_t number[8];
    for (int i = 0; i < 4; i++) {
        text[i] = db_column_text(ledger->db, SQL_INPUTS, i);
        if (!text[i]) return err_note(ERR_INPUT, "database: table input lacks a value");
    }
    for (int i = 4; i < 8; i++) number[i] = (uint64_t)db_column(ledger->db, SQL_INPUTS, i);
    *out = (struct ledger_input){.size_bytes = (uint64_t)db_column(ledger->db, SQL_INPUTS, 2),
                                 .device = number[4],
                                 .inode = number[5],
                                 .mtime_ns = number[6],
                                 .ctime_ns = number[7]};
    snprintf(out->role, sizeof(out->role), "%s", text[0]);
    snprintf(out->path, sizeof(out->path), "%s", text[1]);
    return digest_from_hex(text[3], &out->digest);
}

enum err ledger_inputs(struct ledger *ledger, struct ledger_input *out, size_t most, size_t *count)
{
    *count = 0;
    enum err err = db_first(ledger->db, SQL_INPUTS, NULL, 0);
    while (!err && *count < most) {
        err = read_input(ledger, &out[*count]);
        if (!err) (*count)++;
        if (!err) err = db_next(ledger->db, SQL_INPUTS);
    }
    if (err != ERR_NONE) db_end(ledger->db, SQL_INPUTS);
    return err == ERR_NONE ? OK : err;
}

/* ---- results ---------------------------------------------------------------------------- */

void ledger_counts(const struct ledger *ledger, struct ledger_counts *out)
{
    for (size_t i = 0; i < UNIT_STATES; i++) out->unit[i] = ledger->grid.count[i];
    out->total = ledger->grid.total;
}

enum unit_state ledger_state(const struct ledger *ledger, uint64_t unit)
{
    check(unit < ledger->grid.total && !ledger->reader);
    return ledger->grid.cell[unit].state;
}

enum err ledger_next_row(struct ledger *ledger, uint64_t *row)
{
    const enum err err = grid_next_row(&ledger->grid, row);
    if (!err) ledger->rows_folded++;
    return err;
}

static enum err missing_tally(uint64_t row, uint64_t unit)
{
    return err_note(ERR_INPUT,
                    "database: row %" PRIu64 " lacks the tally of unit %" PRIu64
                    "; the file is damaged, use a copy or start anew",
                    row, unit);
}

enum err ledger_visit_row(struct ledger *ledger, uint64_t row, ledger_visit_tally *visit,
                          void *context)
{
    const uint64_t columns = ledger->grid.columns, end = (row + 1) * columns;
    const struct db_value span[] = {db_number(row * columns), db_number(end - 1)};
    uint64_t unit = row * columns; /* expected next */
    enum err err = db_first(ledger->db, SQL_TALLIES, span, 2);
    while (!err) {
        size_t size;
        const void *bytes = db_column_bytes(ledger->db, SQL_TALLIES, 1, &size);
        err = (uint64_t)db_column(ledger->db, SQL_TALLIES, 0) == unit
                  ? visit(context, unit, bytes, size)
                  : missing_tally(row, unit);
        unit++;
        if (!err) err = db_next(ledger->db, SQL_TALLIES);
    }
    if (err != ERR_NONE) db_end(ledger->db, SQL_TALLIES);
    if (err == ERR_NONE) err = unit == end ? OK : missing_tally(row, unit);
    return err;
}

enum err ledger_put_rank(struct ledger *ledger, const struct ledger_rank *rank)
{
    const struct rank_count *count = &rank->count;
    return SQL(ledger, PUT_RANK, db_number(rank->query), db_text(rank->side), db_text(rank->head),
               db_text(rank->relation), db_text(rank->tail), db_number(count->above),
               db_number(count->level), db_number(count->candidates), db_number(count->filtered),
               db_number(count->nonfinite));
}

enum err ledger_put_outcome(struct ledger *ledger, const struct ledger_outcome *outcome)
{
    const struct outcome *what = &outcome->outcome;
    const char end[] = {(char)what->end, 0};
    char digest[OUTCOME_DIGEST_HEX];
    snprintf(digest, sizeof(digest), "%016" PRIx64, what->digest);
    return SQL(ledger, PUT_OUTCOME, db_number(outcome->query), db_text(outcome->side),
               db_number(outcome->candidate), db_text(outcome->head), db_text(outcome->relation),
               db_text(outcome->tail), db_number(what->end == END_TRUE), db_number(what->depth),
               db_text(end), db_real((double)what->logprob), db_text(digest));
}

enum err ledger_put_depth(struct ledger *ledger, uint64_t query, int32_t depth)
{
    return SQL(ledger, PUT_DEPTH, db_number(query), db_time(depth));
}

enum err ledger_event(struct ledger *ledger, int64_t now_ms, const char *kind, int64_t unit,
                      int64_t worker, const char *detail)
{
    return SQL(ledger, EVENT, db_time(now_ms), db_text(kind), unit < 0 ? db_none() : db_time(unit),
               worker < 0 ? db_none() : db_time(worker), db_text(detail));
}

enum err ledger_query(struct ledger *ledger, const char *sql, uint64_t argument,
                      ledger_visit *visit, void *context)
{
    return db_query(ledger->db, sql, argument, visit, context);
}
