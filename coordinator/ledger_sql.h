/* ledger_sql - schema/ledger.sql as a string; the build makes its .c. */
#ifndef COORDINATOR_LEDGER_SQL_H
#define COORDINATOR_LEDGER_SQL_H

extern const char ledger_sql[];

#endif
