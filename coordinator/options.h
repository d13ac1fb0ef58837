/*
 * options - the flags of a command, made from two tables: its own rows and, where it takes
 * settings, those of schema/run.def. Flags may be written with dashes or underscores, before or
 * after other arguments; given twice, the last counts.
 *
 *     options_read (argv) --> options_apply (to settings, after the run file)
 *
 * Owner:   everything given out borrows argv and the tables.
 * Errors:  ERR_USAGE, with a note that names the flag and the nearest valid one.
 */
#ifndef COORDINATOR_OPTIONS_H
#define COORDINATOR_OPTIONS_H

#include "common/settings.h"

#include <stdio.h>

enum { OPTIONS_OWN_MAX = 16 }; /* rows of a command */

struct option_row {
    const char *name;  /* with dashes; NULL ends a table */
    const char *value; /* what stands for its value in the help; NULL: a switch without one */
    const char *help;  /* one line */
};

struct options_table {
    const struct option_row *rows; /* NULL: none of its own */
    bool settings;                 /* those of schema/run.def too */
};

struct options {
    const char *own[OPTIONS_OWN_MAX];   /* by row; NULL: not given; "" for a switch */
    const char *setting[SETTING_TOTAL]; /* NULL: not given */
    char **rest;                        /* [rest_count], what is no flag, in order */
    size_t rest_count;
    bool help; /* --help or -h was given; nothing else is then checked */
};

/* `argv[0]` is the command's name. Reorders argv, flags first. */
MUST enum err options_read(int argc, char **argv, const struct options_table *table,
                           struct options *out);

/* Sets the settings among the flags. Paths are relative to the working directory. */
MUST enum err options_apply(const struct options *options, struct settings *settings);

/* A switch, or a flag with a value, was given. */
bool options_given(const struct options *options, const struct options_table *table,
                   const char *name);
/* Its value, NULL if it was not given. */
const char *options_value(const struct options *options, const struct options_table *table,
                          const char *name);

/* The help: each flag with value and default, in lines of at most 80 columns. */
void options_print(FILE *out, const struct options_table *table);

#endif
