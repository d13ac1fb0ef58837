-- ledger.sql - the tables of one run. To follow it:
--     sqlite3 -readonly run.db "select * from progress"
-- Times are milliseconds since the epoch; *_ms of spans are milliseconds. NULL: not known, or not yet.

-- Settings, and facts of the run: schema_version, program, queries_total, results_digest, ...
CREATE TABLE run(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

-- While device, inode, size, mtime and ctime of a file stay, so does its sha256.
CREATE TABLE input(role TEXT, path TEXT, bytes INT, sha256 TEXT,
                   device INT, inode INT, mtime_ns INT, ctime_ns INT);

-- state: ready, leased, done, failed. worker: who has or had the newest lease.
CREATE TABLE unit(unit INTEGER PRIMARY KEY, state TEXT, attempts INT, worker INT,
                  deadline_ms INT, done_ms INT);

-- One row per lease; it is open while outcome is NULL. outcome: done, failed, expired, released,
-- died, lost. charged: 1 if it counts towards setting the unit aside.
CREATE TABLE attempt(unit INT, attempt INT, worker INT, leased_ms INT, ended_ms INT, outcome TEXT,
                     error TEXT, charged INT, PRIMARY KEY(unit, attempt)) WITHOUT ROWID;

-- digest: SHA-256 of bytes. class: of arithmetic.
CREATE TABLE tally(unit INTEGER PRIMARY KEY, digest BLOB, class TEXT, bytes BLOB);

-- One row per query, filled as queries complete; see common/tally.h for the counts.
CREATE TABLE rank(query INT, side TEXT, head TEXT, relation TEXT, tail TEXT, above INT, level INT,
                  candidates INT, filtered INT, nonfinite INT,
                  PRIMARY KEY(query, side)) WITHOUT ROWID;

-- One row per item searched (program prove), filled with the query's row in rank. candidate: its
-- place in the query's list, 0 the true one; known triples have none. end: T true, F false, E given
-- up, D depth. digest: of the actions taken.
CREATE TABLE outcome(query INT, side TEXT, candidate INT, head TEXT, relation TEXT, tail TEXT,
                     proved INT, depth INT, end TEXT, logprob REAL, digest TEXT,
                     PRIMARY KEY(query, side, candidate)) WITHOUT ROWID;

-- What a file of labels says of a query's shortest proof; -1: there is none.
CREATE TABLE depth(query INTEGER PRIMARY KEY, depth INT);

-- how: what ended it. The numbers from units on are sums over its accepted results.
CREATE TABLE worker(worker INTEGER PRIMARY KEY, name TEXT, host TEXT, device TEXT, pid INT,
                    threads INT, joined_ms INT, left_ms INT, how TEXT,
                    units INT DEFAULT 0, pairs INT DEFAULT 0, rescored INT DEFAULT 0,
                    lanes INT DEFAULT 0, lanes_live INT DEFAULT 0, rows INT DEFAULT 0,
                    encoded INT DEFAULT 0, recalled INT DEFAULT 0,
                    busy_us INT DEFAULT 0, peak_bytes INT DEFAULT 0);

CREATE TABLE event(at_ms INT, kind TEXT, unit INT, worker INT, detail TEXT);

-- The rate is that of the present, or last, serving period.
CREATE VIEW progress AS
WITH since(ms) AS (SELECT CAST(value AS INT) FROM run WHERE key = 'serving_since_ms'),
u AS (SELECT count(*) AS total, total(state = 'done') AS done, total(state = 'leased') AS leased,
             total(state = 'failed') AS failed,
             total(done_ms >= (SELECT ms FROM since)) * 1000.0
                 / nullif(max(done_ms) - (SELECT ms FROM since), 0) AS rate
      FROM unit),
q AS (SELECT count(*) AS done, avg(1 / (1 + above + level / 2.0)) AS mrr FROM rank)
SELECT total AS units_total, CAST(u.done AS INT) AS units_done,
       CAST(leased AS INT) AS units_leased, CAST(failed AS INT) AS units_failed,
       (SELECT CAST(value AS INT) FROM run WHERE key = 'queries_total') AS queries_total,
       q.done AS queries_done, rate AS rate_per_s,
       (total - u.done - failed) / nullif(rate, 0) AS eta_s, mrr
FROM u, q;

-- Realistic ranks, both sides; millrace report has the rest.
CREATE VIEW metric AS
WITH r(rank) AS (SELECT 1 + above + level / 2.0 FROM rank)
SELECT 'count' AS name, count(*) AS value FROM r
UNION ALL SELECT 'mrr', avg(1 / rank) FROM r
UNION ALL SELECT 'mr', avg(rank) FROM r
UNION ALL SELECT 'hits@1', avg(rank <= 1) FROM r
UNION ALL SELECT 'hits@3', avg(rank <= 3) FROM r
UNION ALL SELECT 'hits@10', avg(rank <= 10) FROM r;

-- Units per second of computing, and the share of lane-steps that held an item.
CREATE VIEW worker_rate AS
SELECT worker, name, device, units, units * 1000000.0 / nullif(busy_us, 0) AS rate_per_s,
       lanes_live * 1.0 / nullif(lanes, 0) AS lane_use, how
FROM worker;

CREATE VIEW failed AS
SELECT unit, attempts, worker,
       (SELECT error FROM attempt a WHERE a.unit = u.unit AND error IS NOT NULL
        ORDER BY attempt DESC LIMIT 1) AS error
FROM unit u WHERE state = 'failed';
