/*
 * command - what the functions behind the rows of commands.c share. Each is one subcommand; it
 * prints results on stdout and leaves errors as notes.
 */
#ifndef COORDINATOR_COMMAND_H
#define COORDINATOR_COMMAND_H

#include "coordinator/ledger.h"
#include "coordinator/options.h"

/* One call of a subcommand, with its flags read. */
struct command_call {
    const struct options_table *table;
    const struct options *options;
    const char *db; /* --db, where a command takes it for its first argument; else NULL */
    int signal;     /* set when a signal ended it */
};

MUST enum err command_run(struct command_call *call);
MUST enum err command_plan(struct command_call *call);
MUST enum err command_serve(struct command_call *call);
MUST enum err command_status(struct command_call *call);
MUST enum err command_report(struct command_call *call);
MUST enum err command_export(struct command_call *call);
MUST enum err command_explain(struct command_call *call);
MUST enum err command_retry(struct command_call *call);

/* ---- helpers (command.c) ----------------------------------------------------------------- */

bool command_given(const struct command_call *call, const char *flag);
const char *command_value(const struct command_call *call, const char *flag); /* NULL: not given */
const char *command_argument(const struct command_call *call, size_t place);  /* NULL: not there */
size_t command_argument_count(const struct command_call *call); /* --db counts as one */

/* Whether the file at `path` is a SQLite database, by its first bytes. */
bool command_is_database(const char *path);

/* Opens the database that the first argument names. ERR_USAGE if nothing is planned in it. */
MUST enum err command_open_reader(const struct command_call *call, struct ledger **out);
MUST enum err command_open_ledger(const struct command_call *call, struct ledger **out);

/* Milliseconds since the epoch. */
int64_t command_now_ms(void);

/* A number of table run; `standard` if it is not there. */
MUST enum err command_number(struct ledger *ledger, const char *key, uint64_t standard,
                             uint64_t *out);

/* A whole number in a flag or argument; ERR_USAGE names `what`. */
MUST enum err command_parse(const char *text, const char *what, uint64_t *out);

#endif
