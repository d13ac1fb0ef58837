/*
 * export - what came out of a run as text: one line for each query or item, after a header line.
 * The results digest is the SHA-256 of exactly the bytes that the TSV form of a program's own
 * export writes: ranks for rank, outcomes for prove.
 *
 *     ranks       query side head relation tail above level candidates filtered nonfinite
 *     outcomes    query side candidate head relation tail proved depth end logprob digest
 *
 * Rows are ordered by query, head before tail, then candidate; labels are as the evaluated file
 * gives them. logprob has the nine digits that bring back the same 32 bits, digest is in
 * hexadecimal. In the CSV form, values with a comma, a quote or a line end are quoted as RFC 4180
 * says. The .npy form is a structured array without the labels: side is |S4, end |S1, digest |S16,
 * logprob <f4, all others are <i8.
 *
 * A file appears whole or not at all: rows go to a draft beside it, which takes its place at the
 * end. What is no regular file (a pipe, a device) is written to as it is.
 *
 * Owner:   everything is borrowed for the call. Rows are streamed; memory stays small.
 * Errors:  ERR_IO when the database or the file fails, ERR_FULL when the disk is full; ERR_FORMAT
 *          when the database holds what no run writes.
 */
#ifndef COORDINATOR_EXPORT_H
#define COORDINATOR_EXPORT_H

#include "coordinator/ledger.h"

enum export_what { EXPORT_RANKS, EXPORT_OUTCOMES, EXPORT_WHATS };
extern const char *const export_what_name[EXPORT_WHATS]; /* "ranks", "outcomes" */

enum export_format { EXPORT_TSV, EXPORT_CSV, EXPORT_NPY, EXPORT_FORMATS };

/* Takes the next bytes of an export. An error ends it. */
typedef enum err export_sink(void *context, const char *bytes, size_t size);

MUST enum err export_rows(struct ledger *ledger, enum export_what what, enum export_format format,
                          export_sink *sink, void *context);

/* Into the file at `path`, which stays as it was on an error; "-" is standard output. */
MUST enum err export_file(struct ledger *ledger, enum export_what what, enum export_format format,
                          const char *path);

/* SHA-256 of the TSV form. */
MUST enum err export_digest(struct ledger *ledger, enum export_what what, struct digest *out);

/* The format that a file's name asks for: .tsv (also "-"), .csv or .npy. ERR_USAGE names them. */
MUST enum err export_format_of(const char *path, enum export_format *out);

#endif
