/*
 * commands - the subcommands of millrace, one row each (commands.c).
 *
 * A command gets its own arguments (argv[0] is its name). Its flags come from two tables: its
 * own options, and, where it takes settings, the rows of schema/run.def. `--help` is made from
 * the same rows, with examples.
 */
#ifndef COORDINATOR_COMMANDS_H
#define COORDINATOR_COMMANDS_H

#include "common/err.h"

/* Runs the command that argv[1] names; gives the program's exit code. Errors are printed as
 * `millrace: what: where: why; what to do`. */
int commands_main(int argc, char **argv);

#endif
