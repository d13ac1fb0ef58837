/*
 * export - the ranks of a run as text: one line for each query, after a header line. The results
 * digest is the SHA-256 of exactly the bytes that the TSV form writes.
 *
 *     query side head relation tail above level candidates filtered nonfinite
 *
 * Rows are ordered by query, head before tail; labels are as the evaluated file gives them. In
 * the CSV form, values with a comma, a quote or a line end are quoted as RFC 4180 says. The .npy
 * form is a structured array without the labels: side is |S4, all others are <i8.
 *
 * A file appears whole or not at all: rows go to a draft beside it, which takes its place at the
 * end. What is no regular file (a pipe, a device) is written to as it is.
 *
 * Owner:   everything is borrowed for the call. Rows are streamed; memory stays small.
 * Errors:  ERR_IO when the database or the file fails, ERR_FULL when the disk is full.
 */
#ifndef COORDINATOR_EXPORT_H
#define COORDINATOR_EXPORT_H

#include "coordinator/ledger.h"

enum export_format { EXPORT_TSV, EXPORT_CSV, EXPORT_NPY, EXPORT_FORMATS };

/* Takes the next bytes of an export. An error ends it. */
typedef enum err export_sink(void *context, const char *bytes, size_t size);

MUST enum err export_ranks(struct ledger *ledger, enum export_format format, export_sink *sink,
                           void *context);

/* Into the file at `path`, which stays as it was on an error; "-" is standard output. */
MUST enum err export_ranks_file(struct ledger *ledger, enum export_format format, const char *path);

/* SHA-256 of the TSV form. */
MUST enum err export_ranks_digest(struct ledger *ledger, struct digest *out);

/* The format that a file's name asks for: .tsv (also "-"), .csv or .npy. ERR_USAGE names them. */
MUST enum err export_format_of(const char *path, enum export_format *out);

#endif
