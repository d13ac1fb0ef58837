/*
 * splits - the files of triples that a run names: which of them is evaluated, and which are the
 * filter. Every program reads them the same way.
 *
 * Files are read in the order of enum split, on both sides, so that all agree on numbers that are
 * given in order of appearance.
 */
#ifndef COMMON_SPLITS_H
#define COMMON_SPLITS_H

#include "common/known.h"
#include "common/settings.h"

/* `queries` is a file of its own only where the setting of that name is a path. The setting
 * `filter` has its choices in this order. */
enum split { SPLIT_TRAIN, SPLIT_VALID, SPLIT_TEST, SPLIT_QUERIES, SPLITS };

extern const enum setting split_setting[SPLITS];

/* The split whose lines are evaluated. */
enum split split_evaluated(const struct settings *settings);

/* The path of a split's file, borrowed from the settings; "" if it has none. */
const char *split_path(const struct settings *settings, enum split split);
const char *split_evaluated_path(const struct settings *settings);

/* The splits whose triples are the filter: bit SPLIT_TRAIN, ... */
uint64_t split_filter(const struct settings *settings);

/* Makes the filter of `files` [SPLITS], of which those that it names are read. */
MUST enum err split_known(const struct settings *settings, const struct triples *files,
                          struct known **out);

/* Moves the evaluated triples out of `files` [SPLITS], as far as `limit` lets them be looked at.
 * ERR_INPUT if none is left; `verb` says what is done with them: "rank". */
MUST enum err split_take(const struct settings *settings, const char *verb, struct triples *files,
                         struct triples *out);

#endif
