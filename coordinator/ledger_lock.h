/*
 * ledger_lock - keeps a database to one coordinator, and off file systems that would lose it.
 *
 * SQLite's write-ahead log needs shared memory and locks that network and FUSE file systems do
 * not keep, so a database there is refused. The lock is flock()'s, on a descriptor of the
 * database itself: it ends with the process, and does not meet SQLite's own locks, which are
 * POSIX record locks. Those are dropped when a process closes any descriptor of the file, so the
 * descriptor here outlives SQLite's.
 *
 * Errors:  ERR_IO with a note: no such folder, no permission, a network file system.
 *          ERR_INPUT: not a file. ERR_BUSY: another coordinator has it.
 */
#ifndef COORDINATOR_LEDGER_LOCK_H
#define COORDINATOR_LEDGER_LOCK_H

#include "common/err.h"

/* Refuses a path whose folder is missing or on a network or FUSE file system. */
MUST enum err ledger_lock_check(const char *path);

/* Checks, opens (and creates) the file and locks it. Gives a descriptor; close it after SQLite. */
MUST enum err ledger_lock_open(const char *path, int *descriptor);
/* Whether a coordinator has the database at `path` now. Not for a process that has it open itself:
 * its SQLite would lose its locks. */
bool ledger_lock_held(const char *path);
void ledger_lock_close(int *descriptor); /* forgives -1, and leaves -1 */

#endif
