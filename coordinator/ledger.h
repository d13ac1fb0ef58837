/*
 * ledger - which units exist, who holds each one, and what became of it. The only module that
 * speaks SQL; the tables are schema/ledger.sql.
 *
 *     ready --lease--> leased --finish----------------------------> done
 *       ^                |
 *       +-- release, ----+--- fail or lose, limit reached --------> failed
 *       |   reap, lose,                                               |
 *       |   fail                                                      |
 *       +---------------------------- retry --------------------------+
 *
 * A unit and an attempt name a lease; an attempt is never given twice. A result for a unit that is
 * not done is accepted even when its lease has ended; every later one is compared with the stored
 * digest: equal is ERR_STALE, another ERR_MISMATCH.
 *
 * Everything between ledger_begin and ledger_commit is stored together or not at all: one
 * transaction for each turn of the coordinator. The states are also held in memory, so that the
 * next unit is found without a query.
 *
 * Time:    every time is now_ms, milliseconds since the epoch, and is passed in.
 * Owner:   ledger_open gives a ledger; ledger_close takes it back. It keeps the one read-write
 *          connection of this file, and a lock on it that refuses a second coordinator. All
 *          other pointers are borrowed for the call, unless it says otherwise.
 * Errors:  ERR_IO or ERR_FULL when the database fails: the turn is then rolled back, and the
 *          ledger must be closed (what is in memory may be ahead of the file). ERR_FORMAT, with
 *          nothing changed, for a unit and attempt that were never leased: a peer may lie.
 * Threads: one ledger, one thread.
 */
#ifndef COORDINATOR_LEDGER_H
#define COORDINATOR_LEDGER_H

#include "common/digest.h"
#include "common/err.h"
#include "common/outcome.h"
#include "common/tally.h"
#include "schema/work.h"

#include <stdint.h>

enum { LEDGER_SCHEMA_VERSION = 2 };

struct ledger;

enum unit_state { UNIT_READY, UNIT_LEASED, UNIT_DONE, UNIT_FAILED, UNIT_STATES };
extern const char *const unit_state_name[UNIT_STATES];

struct lease {
    uint64_t unit;
    uint32_t attempt;    /* 1 for the first */
    int64_t deadline_ms; /* make progress before this, or lose it */
    bool alone;          /* the unit was held by a worker that died: lease it alone, so that
                            another death tells whether this unit was why */
};

/* How an attempt ended; the words are the column's. */
#define LEASE_ENDS(ROW)                                                  \
    ROW(DONE, done)         /* its result was stored */                  \
    ROW(FAILED, failed)     /* the worker said so */                     \
    ROW(EXPIRED, expired)   /* no progress before the deadline */        \
    ROW(RELEASED, released) /* given back */                             \
    ROW(DIED, died)         /* its worker died, perhaps because of it */ \
    ROW(LOST, lost)         /* the coordinator died, or the result of another attempt came first */
enum lease_end {
#define ROW(NAME, word) LEASE_##NAME,
    LEASE_ENDS(ROW)
#undef ROW
        LEASE_END_COUNT
};

/* ---- life ------------------------------------------------------------------------------- */

/* Opens or creates the database at `path` (":memory:" in tests) for reading and writing, takes
 * the lock, checks file system and schema version, and ends the leases that a dead coordinator
 * left open ("lost", without a time: nobody knows it). ERR_BUSY if another coordinator has it;
 * ERR_IO on a network file system; ERR_USAGE for the schema of an older or newer millrace;
 * ERR_INPUT if it is something else than a millrace database. What is refused is left as it is. */
MUST enum err ledger_open(const char *path, struct ledger **out);
/* Opens an existing database read-only, for status, report and export, while a coordinator may
 * be writing it. Only ledger_get, ledger_inputs, ledger_query and ledger_counts (as they were
 * when it was opened) work. */
MUST enum err ledger_open_reader(const char *path, struct ledger **out);
void ledger_close(struct ledger **ledger);

/* Makes do with a reader's memory from now on: for the report of a run that was just served. */
void ledger_trim(struct ledger *ledger);

MUST enum err ledger_begin(struct ledger *ledger);
MUST enum err ledger_commit(struct ledger *ledger);
void ledger_rollback(struct ledger *ledger); /* without effect outside a turn */

/* ---- the plan --------------------------------------------------------------------------- */

bool ledger_planned(const struct ledger *ledger); /* planned, or empty */

/* Adds units 0 .. rows*columns-1, all ready, in the open turn. */
MUST enum err ledger_plan(struct ledger *ledger, uint64_t rows, uint64_t columns);

/* Table run. ledger_get copies at most `size` bytes, with the final 0; ERR_NONE if there is no
 * such key. */
MUST enum err ledger_set(struct ledger *ledger, const char *key, const char *value);
MUST enum err ledger_get(struct ledger *ledger, const char *key, char *value, size_t size);

struct ledger_input {
    char role[32];
    char path[4096];
    uint64_t size_bytes;
    struct digest digest;
    uint64_t device, inode, mtime_ns, ctime_ns; /* while these stay, so does the digest */
};
MUST enum err ledger_set_input(struct ledger *ledger, const struct ledger_input *input);
/* The inputs in the order they were set; gives at most `most`. */
MUST enum err ledger_inputs(struct ledger *ledger, struct ledger_input *out, size_t most,
                            size_t *count);

/* ---- leases ----------------------------------------------------------------------------- */

/* Failures and deaths after which a unit is set aside; 0: no limit. Default 5. */
void ledger_limit(struct ledger *ledger, uint32_t attempts_max);

MUST enum err ledger_add_worker(struct ledger *ledger, int64_t now_ms, const char *name,
                                const char *host, const char *device, uint64_t pid,
                                uint64_t threads, uint64_t *worker);
MUST enum err ledger_end_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms,
                                const char *how);

/* What results have cost a worker; added to its row, but for peak_bytes: the largest stays. */
struct ledger_work {
    uint64_t units;
#define COUNTER(name) uint64_t name;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
    uint64_t busy_us, peak_bytes;
};
MUST enum err ledger_work(struct ledger *ledger, uint64_t worker, const struct ledger_work *work);

/*
 * Leases a ready unit to `worker` for `span_ms`: the lowest of `column` if it has one ready
 * (UINT64_MAX: no preference), else the lowest of the column with the most ready. Units that must
 * be leased alone come last, and only with `alone_too`. ERR_NONE if none is ready.
 */
MUST enum err ledger_lease(struct ledger *ledger, uint64_t worker, uint64_t column, bool alone_too,
                           int64_t now_ms, int64_t span_ms, struct lease *out);

/* Gives the unit's newest lease to `worker`, which says that it holds it: the same process after
 * a reconnect, or after a restart of the coordinator, when the lease is opened again. A charge for
 * a death is taken back. ERR_STALE if it is not the newest, or ended otherwise. */
MUST enum err ledger_adopt(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                           int64_t now_ms, int64_t span_ms);

/* Moves the deadline of one open lease of `worker`; false if it holds no such lease. Memory only:
 * deadlines in the file are those of the lease's start. */
bool ledger_renew(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                  int64_t deadline_ms);
/* Moves the deadlines of all open leases: the clock was set. */
void ledger_renew_all(struct ledger *ledger, int64_t deadline_ms);

/* Stores a unit's tally, whatever has become of its lease. ERR_STALE: done already with the same
 * digest. ERR_MISMATCH: done already with another; an event is stored. */
MUST enum err ledger_finish(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                            int64_t now_ms, const char *class, const uint8_t *bytes, size_t size);

/* The worker says it failed, and why. With `by_unit`, after two distinct workers have said so of
 * the unit, or attempts_max failures and deaths, it is set aside; else it is ready again. */
MUST enum err ledger_fail(struct ledger *ledger, uint64_t unit, uint64_t attempt, uint64_t worker,
                          int64_t now_ms, bool by_unit, const char *reason, bool *set_aside);

/* Gives one lease, or all of a worker, back, uncharged. */
MUST enum err ledger_release(struct ledger *ledger, uint64_t unit, uint64_t attempt,
                             int64_t now_ms);
MUST enum err ledger_release_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms);

/* The worker died unannounced. If it held one lease, that unit is charged (and perhaps set
 * aside); if it held several, nobody can tell which it was: each is ready again, but alone. */
MUST enum err ledger_lose_worker(struct ledger *ledger, uint64_t worker, int64_t now_ms,
                                 const char *how, uint64_t *set_aside);

/* Ends every lease whose deadline is at or before now_ms, uncharged; `ended` counts them. */
MUST enum err ledger_reap(struct ledger *ledger, int64_t now_ms, uint64_t *ended);

/* No open lease has a deadline before this, INT64_MAX if none is open. */
int64_t ledger_next_deadline(const struct ledger *ledger);
uint64_t ledger_held(const struct ledger *ledger, uint64_t worker); /* leases it has open */

/* Makes failed units ready again, with a clean record; `count` counts them. */
MUST enum err ledger_retry(struct ledger *ledger, int64_t now_ms, uint64_t *count);

/* ---- results ---------------------------------------------------------------------------- */

struct ledger_counts {
    uint64_t unit[UNIT_STATES];
    uint64_t total;
};
void ledger_counts(const struct ledger *ledger, struct ledger_counts *out);
enum unit_state ledger_state(const struct ledger *ledger, uint64_t unit);

/* Rows all of whose units were done by ledger_finish in this turn. ERR_NONE when there is none
 * left; each is given once. At ledger_open, complete rows count too if the results of any were not
 * stored: all are then given again, and what is put anew takes the place of what was there. */
MUST enum err ledger_next_row(struct ledger *ledger, uint64_t *row);

/* Calls `visit` with the tally of each unit of `row`, in their order; the bytes are borrowed for
 * the call, in which rows may be put. An error of it ends the visit. ERR_INPUT if a tally is
 * missing. */
typedef enum err ledger_visit_tally(void *context, uint64_t unit, const uint8_t *bytes,
                                    size_t size);
MUST enum err ledger_visit_row(struct ledger *ledger, uint64_t row, ledger_visit_tally *visit,
                               void *context);

/* A row of table rank: what became of one query. */
struct ledger_rank {
    uint64_t query; /* line of the evaluated file, from 0 */
    const char *side, *head, *relation, *tail;
    struct rank_count count;
};
MUST enum err ledger_put_rank(struct ledger *ledger, const struct ledger_rank *rank);

/* A row of table outcome: what became of one item. */
struct ledger_outcome {
    uint64_t query;     /* line of the evaluated file, from 0 */
    uint64_t candidate; /* its place in the query's list; 0 is the true one */
    const char *side, *head, *relation, *tail;
    struct outcome outcome; /* its kind is not stored */
};
MUST enum err ledger_put_outcome(struct ledger *ledger, const struct ledger_outcome *outcome);

/* A row of table depth: the label of a query. */
MUST enum err ledger_put_depth(struct ledger *ledger, uint64_t query, int32_t depth);

MUST enum err ledger_event(struct ledger *ledger, int64_t now_ms, const char *kind, int64_t unit,
                           int64_t worker, const char *detail); /* -1: of no unit, no worker */

/* Calls `visit` for each row of a query; `?1` is `argument`. Texts are borrowed for the call,
 * NULL for NULL. A reader's transaction lasts as long as the call: keep it short. A visit that
 * returns an error ends it. */
typedef enum err ledger_visit(void *context, size_t columns, const char *const *names,
                              const char *const *values);
MUST enum err ledger_query(struct ledger *ledger, const char *sql, uint64_t argument,
                           ledger_visit *visit, void *context);

#endif
