/*
 * ledger_core - what the ledger's own files share: its inside, and its statements. ledger.c has
 * its life, plan and results, ledger_lease.c the leases. Nobody else includes this.
 */
#ifndef COORDINATOR_LEDGER_CORE_H
#define COORDINATOR_LEDGER_CORE_H

#include "coordinator/ledger.h"
#include "coordinator/ledger_db.h"
#include "coordinator/ledger_grid.h"
#include "coordinator/ledger_leases.h"

/* A plain ? takes the number after the largest so far. */
#define LEDGER_ADD(name) ", " #name " = " #name " + ?"

/* clang-format off */
#define LEDGER_STATEMENTS(ROW)                                                                     \
    ROW(BEGIN, "BEGIN IMMEDIATE")                                                                  \
    ROW(COMMIT, "COMMIT")                                                                          \
    ROW(SET, "REPLACE INTO run VALUES(?1, ?2)")                                                    \
    ROW(GET, "SELECT value FROM run WHERE key = ?1")                                               \
    ROW(SET_INPUT, "INSERT INTO input VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                     \
    ROW(UNSET_INPUT, "DELETE FROM input WHERE role = ?1")                                          \
    ROW(INPUTS, "SELECT role, path, bytes, sha256, device, inode, mtime_ns, ctime_ns FROM input"   \
                " ORDER BY rowid")                                                                 \
    ROW(PLAN, "WITH RECURSIVE n(unit) AS (SELECT 0 UNION ALL SELECT unit + 1 FROM n LIMIT ?1)"     \
              " INSERT INTO unit(unit, state, attempts) SELECT unit, 'ready', 0 FROM n")           \
    ROW(LOSE_ATTEMPTS, "UPDATE attempt SET outcome = 'lost' WHERE outcome IS NULL"                 \
                       " AND unit IN (SELECT unit FROM unit WHERE state = 'leased')")              \
    ROW(LOSE_UNITS, "UPDATE unit SET state = 'ready', deadline_ms = NULL WHERE state = 'leased'")  \
    ROW(LOSE_WORKERS, "UPDATE worker SET how = 'coordinator ended' WHERE how IS NULL")             \
    ROW(UNITS, "SELECT unit, state, attempts FROM unit ORDER BY unit")                             \
    ROW(COUNTS, "SELECT state, count(*) FROM unit GROUP BY state")                                 \
    ROW(LAST_WORKER, "SELECT coalesce(max(worker), 0) FROM worker")                                \
    ROW(ADD_WORKER, "INSERT INTO worker(worker, name, host, device, pid, threads, joined_ms)"      \
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                         \
    ROW(END_WORKER, "UPDATE worker SET left_ms = ?2, how = ?3 WHERE worker = ?1")                  \
    ROW(WORK, "UPDATE worker SET units = units + ?2" WORK_COUNTERS(LEDGER_ADD)                     \
              ", busy_us = busy_us + ?, peak_bytes = max(peak_bytes, ?) WHERE worker = ?1")        \
    ROW(LEASE_UNIT, "UPDATE unit SET state = 'leased', attempts = ?2, worker = ?3,"                \
                    " deadline_ms = ?4 WHERE unit = ?1")                                           \
    ROW(READY_UNIT, "UPDATE unit SET state = 'ready', deadline_ms = NULL WHERE unit = ?1")         \
    ROW(FAIL_UNIT, "UPDATE unit SET state = 'failed', deadline_ms = NULL WHERE unit = ?1")         \
    ROW(FINISH_UNIT, "UPDATE unit SET state = 'done', deadline_ms = NULL, done_ms = ?2"            \
                     " WHERE unit = ?1")                                                           \
    ROW(OPEN_ATTEMPT, "INSERT INTO attempt(unit, attempt, worker, leased_ms)"                      \
                      " VALUES(?1, ?2, ?3, ?4)")                                                   \
    ROW(END_ATTEMPT, "UPDATE attempt SET ended_ms = ?3, outcome = ?4, error = ?5, charged = ?6"    \
                     " WHERE unit = ?1 AND attempt = ?2")                                          \
    ROW(MOVE_ATTEMPT, "UPDATE attempt SET worker = ?3 WHERE unit = ?1 AND attempt = ?2")           \
    ROW(REOPEN_ATTEMPT, "UPDATE attempt SET worker = ?3, ended_ms = NULL, outcome = NULL,"         \
                        " error = NULL, charged = NULL WHERE unit = ?1 AND attempt = ?2"           \
                        " AND outcome IN ('lost', 'expired', 'died')")                             \
    ROW(FAIL_ENDED_ATTEMPT, "UPDATE attempt SET outcome = 'failed', error = ?3, charged = 1"       \
                            " WHERE unit = ?1 AND attempt = ?2 AND outcome <> 'failed'")           \
    ROW(CHARGES, "SELECT count(*), count(DISTINCT CASE outcome WHEN 'failed' THEN"                 \
                 " name || ' ' || host || ' ' || pid END)"                                         \
                 " FROM attempt LEFT JOIN worker USING(worker) WHERE unit = ?1 AND charged")       \
    ROW(ADD_TALLY, "INSERT INTO tally VALUES(?1, ?2, ?3, ?4)")                                     \
    ROW(DIGEST, "SELECT digest FROM tally WHERE unit = ?1")                                        \
    ROW(TALLIES, "SELECT unit, bytes FROM tally WHERE unit BETWEEN ?1 AND ?2 ORDER BY unit")       \
    ROW(PUT_RANK, "REPLACE INTO rank VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")             \
    ROW(PUT_OUTCOME, "REPLACE INTO outcome VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")  \
    ROW(PUT_DEPTH, "REPLACE INTO depth VALUES(?1, ?2)")                                            \
    ROW(EVENT, "INSERT INTO event VALUES(?1, ?2, ?3, ?4, ?5)")                                     \
    ROW(FORGIVE, "UPDATE attempt SET charged = NULL WHERE charged"                                 \
                 " AND unit IN (SELECT unit FROM unit WHERE state = 'failed')")                    \
    ROW(RETRY, "UPDATE unit SET state = 'ready' WHERE state = 'failed'")
/* clang-format on */

enum {
#define ROW(name, text) SQL_##name,
    LEDGER_STATEMENTS(ROW)
#undef ROW
        SQL_COUNT
};

struct ledger {
    struct db *db;
    struct grid grid;
    struct leases leases;
    bool reader, planned;
    uint32_t attempts_max;
    uint64_t last_worker;
    uint64_t rows_folded, rows_folded_stored;
};

/* Runs a statement with these values, as db_number, db_text, ... make them. */
#define SQL(ledger, statement, ...) db_run((ledger)->db, SQL_##statement, DB_VALUES(__VA_ARGS__))

#endif
