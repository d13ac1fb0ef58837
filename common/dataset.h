/*
 * dataset - everything a ranking run reads, read once and checked whole before work begins.
 *
 * Coordinator and workers load the same files with the same settings, so both know the same
 * questions, filter and tables. DATASET_PLAN leaves out what only scoring needs (the filter's
 * index) and adds the checks that need be made only once (NaN weights).
 *
 * Owner:   dataset_open gives, dataset_close takes. `settings` is borrowed for the call.
 * Errors:  ERR_INPUT or ERR_IO, with a note naming file, line, tensor, expected and found.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_DATASET_H
#define COMMON_DATASET_H

#include "common/known.h"
#include "common/questions.h"
#include "common/settings.h"
#include "common/tensors.h"

enum dataset_use { DATASET_PLAN, DATASET_SCORE };

struct dataset {
    struct vocab *entities, *relations;
    struct triples evaluated;
    struct questions questions;
    struct known *known; /* NULL for DATASET_PLAN */
    struct tensors *model, *relation_model;
    struct table entity_table;   /* [entities][width] */
    struct table relation_table; /* [relations, or twice as many with inverse][width by scorer] */
    uint32_t entity_count;       /* candidates are 0 .. entity_count-1 */
    uint32_t relation_count;     /* of the map */
    uint64_t dropped, kept;      /* lines of all files with unknown words */
};

MUST enum err dataset_open(const struct settings *settings, enum dataset_use use,
                           struct dataset **out);
void dataset_close(struct dataset **dataset);

/* A relation's row for a question: with `inverse`, head questions use the inverse relation and
 * are asked as tail questions. `*as_side` is the side the scorer must be asked for. */
uint32_t dataset_relation_row(const struct settings *settings, uint32_t relation_count,
                              enum side side, uint32_t relation, enum side *as_side);

#endif
