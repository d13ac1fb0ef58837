#include "coordinator/ledger_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DISTINCT_FAILURES_MAX = 2, DETAIL_SIZE = 256 };

static const char *const end_word[LEASE_END_COUNT] = {
#define ROW(NAME, word) #word,
    LEASE_ENDS(ROW)
#undef ROW
};

void ledger_limit(struct ledger *ledger, uint32_t attempts_max)
{
    ledger->attempts_max = attempts_max;
}

/* ---- workers ---------------------------------------------------------------------------- */

enum err ledger_add_worker(struct ledger *ledger, int64_t now_ms, const char *name,
                           const char *host, const char *device, uint64_t pid, uint64_t threads,
                           uint64_t *worker)
{
    *worker = ledger->last_worker + 1;
    enum err err = leases_add_worker(&ledger->leases);
    if (!err) ledger->last_worker++;
    if (!err)
        err = SQL(ledger, ADD_WORKER, db_number(*worker), db_text(name), db_text(host),
                  db_text(device), db_number(pid), db_number(threads), db_time(now_ms));
    return err;
}

enum err ledger_end_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms, const char *how)
{
    return SQL(ledger, END_WORKER, db_number(worker), db_time(now_ms), db_text(how));
}

enum err ledger_work(struct ledger *ledger, uint64_t worker, const struct ledger_work *work)
{
#define COUNTER(name) db_number(work->name),
    return SQL(ledger, WORK, db_number(worker), db_number(work->units),
               WORK_COUNTERS(COUNTER) db_number(work->busy_us), db_number(work->peak_bytes));
#undef COUNTER
}

uint64_t ledger_held(const struct ledger *ledger, uint64_t worker)
{
    return leases_knows(&ledger->leases, worker) ? leases_held(&ledger->leases, worker) : 0;
}

/* ---- the ends of a lease ---------------------------------------------------------------- */

/* True once so many attempts are charged to the unit that it is set aside. */
static enum err is_spent(struct ledger *ledger, uint64_t unit, bool *spent)
{
    const struct db_value wanted = db_number(unit);
    *spent = false;
    if (!ledger->grid.cell[unit].charged) return OK;
    enum err err = db_first(ledger->db, SQL_CHARGES, &wanted, 1);
    if (err) return err;
    const int64_t charges = db_column(ledger->db, SQL_CHARGES, 0);
    const int64_t accusers = db_column(ledger->db, SQL_CHARGES, 1);
    db_end(ledger->db, SQL_CHARGES);
    *spent = accusers >= DISTINCT_FAILURES_MAX ||
             (ledger->attempts_max && charges >= (int64_t)ledger->attempts_max);
    return OK;
}

/* A unit without an open lease is ready again, or set aside. */
static enum err settle(struct ledger *ledger, uint64_t unit, bool *set_aside)
{
    enum err err = is_spent(ledger, unit, set_aside);
    const enum unit_state to = *set_aside ? UNIT_FAILED : UNIT_READY;
    if (!err && ledger->grid.cell[unit].state == to) return OK;
    if (!err)
        err = *set_aside ? SQL(ledger, FAIL_UNIT, db_number(unit))
                         : SQL(ledger, READY_UNIT, db_number(unit));
    return err ? err : grid_move(&ledger->grid, unit, to);
}

/* Ends an open lease; its unit stays as it is. */
static enum err end_lease(struct ledger *ledger, struct open_lease *lease, int64_t now_ms,
                          enum lease_end end, const char *error, bool charged)
{
    const uint64_t unit = lease->unit;
    const uint32_t attempt = lease->attempt;
    leases_end(&ledger->leases, lease);
    if (charged) ledger->grid.cell[unit].charged = 1;
    return SQL(ledger, END_ATTEMPT, db_number(unit), db_number(attempt), db_time(now_ms),
               db_text(end_word[end]), db_text(error), charged ? db_number(1) : db_none());
}

/* Refuses what no coordinator has ever leased: a peer may say anything. */
static enum err check_lease(const struct ledger *ledger, uint64_t unit, uint64_t attempt)
{
    if (unit < ledger->grid.total && attempt >= 1 && attempt <= ledger->grid.cell[unit].attempts)
        return OK;
    return err_note(ERR_FORMAT, "unit %" PRIu64 ", attempt %" PRIu64 ": was never leased", unit,
                    attempt);
}

/* The unit's open lease if it is that attempt's. */
static struct open_lease *open_attempt(struct ledger *ledger, uint64_t unit, uint32_t attempt)
{
    struct open_lease *lease = leases_of_unit(&ledger->leases, unit);
    return lease && lease->attempt == attempt ? lease : NULL;
}

/* ---- leases ----------------------------------------------------------------------------- */

enum err ledger_lease(struct ledger *ledger, uint64_t worker, uint64_t column, bool alone_too,
                      int64_t now_ms, int64_t span_ms, struct lease *out)
{
    struct grid *grid = &ledger->grid;
    uint64_t unit;
    enum err err = grid_next(grid, column, alone_too, &unit);
    if (err) return err;
    struct grid_cell *cell = &grid->cell[unit];
    if (cell->attempts == ATTEMPTS_MAX)
        return err_note(ERR_FAILED, "unit %" PRIu64 ": was leased %d times", unit, ATTEMPTS_MAX);

    const bool alone = cell->alone;
    const uint32_t attempt = ++cell->attempts;
    const struct open_lease lease = {
        .unit = unit, .worker = worker, .deadline_ms = now_ms + span_ms, .attempt = attempt};
    err = grid_move(grid, unit, UNIT_LEASED);
    if (!err) err = leases_add(&ledger->leases, &lease);
    if (!err)
        err = SQL(ledger, LEASE_UNIT, db_number(unit), db_number(attempt), db_number(worker),
                  db_time(lease.deadline_ms));
    if (!err)
        err = SQL(ledger, OPEN_ATTEMPT, db_number(unit), db_number(attempt), db_number(worker),
                  db_time(now_ms));
    *out = (struct lease){unit, attempt, lease.deadline_ms, alone};
    return err;
}

enum err ledger_adopt(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                      int64_t now_ms, int64_t span_ms)
{
    struct grid_cell *cell = unit < ledger->grid.total ? &ledger->grid.cell[unit] : NULL;
    if (!cell || attempt != cell->attempts || attempt == 0) return ERR_STALE;
    struct open_lease *open = leases_of_unit(&ledger->leases, unit);
    const struct open_lease lease = {.unit = unit,
                                     .worker = worker,
                                     .deadline_ms = now_ms + span_ms,
                                     .attempt = (uint32_t)attempt};
    enum err err = OK;
    if (open) {
        leases_end(&ledger->leases, open);
        err = SQL(ledger, MOVE_ATTEMPT, db_number(unit), db_number(attempt), db_number(worker));
    } else {
        if (cell->state != UNIT_READY && cell->state != UNIT_FAILED) return ERR_STALE;
        err = SQL(ledger, REOPEN_ATTEMPT, db_number(unit), db_number(attempt), db_number(worker));
        if (!err && db_changed(ledger->db) == 0) return ERR_STALE;
        if (!err) err = grid_move(&ledger->grid, unit, UNIT_LEASED);
    }
    if (!err) grid_mark_alone(&ledger->grid, unit, false); /* its worker lives */
    if (!err) err = leases_add(&ledger->leases, &lease);
    if (!err)
        err = SQL(ledger, LEASE_UNIT, db_number(unit), db_number(attempt), db_number(worker),
                  db_time(lease.deadline_ms));
    return err;
}

bool ledger_renew(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                  int64_t deadline_ms)
{
    struct open_lease *lease = leases_of_unit(&ledger->leases, unit);
    if (!lease || lease->attempt != attempt || lease->worker != worker) return false;
    lease->deadline_ms = deadline_ms;
    if (deadline_ms < ledger->leases.earliest_ms) ledger->leases.earliest_ms = deadline_ms;
    return true;
}

void ledger_renew_all(struct ledger *ledger, int64_t deadline_ms)
{
    leases_renew_all(&ledger->leases, deadline_ms);
}

/* A result for a unit that is done: the same, or an alarm. */
static enum err compare(struct ledger *ledger, uint64_t unit, uint64_t worker, int64_t now_ms,
                        const struct digest *digest)
{
    char stored[DIGEST_HEX] = "none", found[DIGEST_HEX], detail[DETAIL_SIZE];
    const struct db_value wanted = db_number(unit);
    size_t size = 0;
    enum err err = db_first(ledger->db, SQL_DIGEST, &wanted, 1);
    if (err && err != ERR_NONE) return err;
    const void *bytes = err ? NULL : db_column_bytes(ledger->db, SQL_DIGEST, 0, &size);
    const bool equal = bytes && size == DIGEST_BYTES && !memcmp(bytes, digest->byte, DIGEST_BYTES);
    if (bytes && size == DIGEST_BYTES) digest_hex(bytes, stored);
    if (!err) db_end(ledger->db, SQL_DIGEST);
    if (equal) return ERR_STALE;

    digest_hex(digest, found);
    snprintf(detail, sizeof(detail), "stored %s, worker %" PRIu64 " found %s", stored, worker,
             found);
    err = ledger_event(ledger, now_ms, "mismatch", (int64_t)unit, (int64_t)worker, detail);
    return err ? err
               : err_note(ERR_MISMATCH,
                          "unit %" PRIu64 ": two results differ: %s; a machine computes wrongly, "
                          "the stored result was kept",
                          unit, detail);
}

enum err ledger_finish(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                       int64_t now_ms, const char *class, const uint8_t *bytes, size_t size)
{
    struct digest digest;
    enum err err = check_lease(ledger, unit, attempt);
    if (err) return err;
    digest_bytes(bytes, size, &digest);
    if (ledger->grid.cell[unit].state == UNIT_DONE)
        return compare(ledger, unit, worker, now_ms, &digest);

    struct open_lease *open = leases_of_unit(&ledger->leases, unit);
    if (open && open->attempt != attempt)
        err = end_lease(ledger, open, now_ms, LEASE_LOST, NULL, false);
    else if (open)
        leases_end(&ledger->leases, open);
    if (!err)
        err = SQL(ledger, END_ATTEMPT, db_number(unit), db_number(attempt), db_time(now_ms),
                  db_text(end_word[LEASE_DONE]), db_none(), db_none());
    if (!err) err = SQL(ledger, FINISH_UNIT, db_number(unit), db_time(now_ms));
    if (!err)
        err = SQL(ledger, ADD_TALLY, db_number(unit), db_bytes(digest.byte, DIGEST_BYTES),
                  db_text(class), db_bytes(bytes, size));
    return err ? err : grid_move(&ledger->grid, unit, UNIT_DONE);
}

enum err ledger_fail(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                     int64_t now_ms, bool by_unit, const char *reason, bool *set_aside)
{
    *set_aside = false;
    enum err err = check_lease(ledger, unit, attempt);
    if (err) return err;
    const enum unit_state state = ledger->grid.cell[unit].state;
    struct open_lease *lease = open_attempt(ledger, unit, (uint32_t)attempt);
    if (lease) {
        err = end_lease(ledger, lease, now_ms, LEASE_FAILED, reason, by_unit);
    } else {
        /* Its lease has ended meanwhile; what it found out about the unit still counts. */
        if (!by_unit || state == UNIT_DONE || state == UNIT_FAILED) return OK;
        ledger->grid.cell[unit].charged = 1;
        err = SQL(ledger, FAIL_ENDED_ATTEMPT, db_number(unit), db_number(attempt), db_text(reason));
        if (err || state == UNIT_LEASED) return err;
    }
    (void)worker; /* the attempt's row tells */
    return err ? err : settle(ledger, unit, set_aside);
}

enum err ledger_release(struct ledger *ledger, uint64_t unit, uint64_t attempt, int64_t now_ms)
{
    bool set_aside;
    enum err err = check_lease(ledger, unit, attempt);
    struct open_lease *lease = err ? NULL : open_attempt(ledger, unit, (uint32_t)attempt);
    if (!lease) return err;
    err = end_lease(ledger, lease, now_ms, LEASE_RELEASED, NULL, false);
    return err ? err : settle(ledger, unit, &set_aside);
}

enum err ledger_release_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms)
{
    enum err err = OK;
    while (!err && ledger_held(ledger, worker) > 0) {
        const struct open_lease *lease = leases_of_worker(&ledger->leases, worker);
        err = ledger_release(ledger, lease->unit, lease->attempt, now_ms);
    }
    return err;
}

enum err ledger_lose_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms, const char *how,
                            uint64_t *set_aside)
{
    const bool sole = ledger_held(ledger, worker) == 1;
    enum err err = OK;
    *set_aside = 0;
    while (!err && ledger_held(ledger, worker) > 0) {
        bool spent = false;
        struct open_lease *lease = leases_of_worker(&ledger->leases, worker);
        const uint64_t unit = lease->unit;
        err = end_lease(ledger, lease, now_ms, LEASE_DIED, how, sole);
        if (!err) grid_mark_alone(&ledger->grid, unit, true);
        if (!err) err = settle(ledger, unit, &spent);
        *set_aside += spent;
    }
    return err;
}

enum err ledger_reap(struct ledger *ledger, int64_t now_ms, uint64_t *ended)
{
    struct open_lease *lease;
    uint32_t place = 0;
    enum err err = OK;
    *ended = 0;
    while (!err && (lease = leases_overdue(&ledger->leases, now_ms, &place))) {
        bool set_aside;
        const uint64_t unit = lease->unit;
        err = end_lease(ledger, lease, now_ms, LEASE_EXPIRED, NULL, false);
        if (!err) err = settle(ledger, unit, &set_aside);
        (*ended)++;
    }
    return err;
}

int64_t ledger_next_deadline(const struct ledger *ledger)
{
    return ledger->leases.earliest_ms;
}

enum err ledger_retry(struct ledger *ledger, int64_t now_ms, uint64_t *count)
{
    struct grid *grid = &ledger->grid;
    char detail[DETAIL_SIZE];
    *count = grid->count[UNIT_FAILED];
    if (*count == 0) return OK;
    enum err err = db_run(ledger->db, SQL_FORGIVE, NULL, 0);
    if (!err) err = db_run(ledger->db, SQL_RETRY, NULL, 0);
    for (uint64_t unit = 0; !err && unit < grid->total; unit++) {
        if (grid->cell[unit].state != UNIT_FAILED) continue;
        grid->cell[unit].charged = 0;
        grid_mark_alone(grid, unit, false);
        err = grid_move(grid, unit, UNIT_READY);
    }
    snprintf(detail, sizeof(detail), "%" PRIu64 " units", *count);
    return err ? err : ledger_event(ledger, now_ms, "retry", -1, -1, detail);
}
