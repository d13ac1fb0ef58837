/*
 * shape - the fixed shape of a run's grid, its units, and the memory a worker needs for them.
 *
 * The grid is questions x candidates. It is cut into rows of `unit_questions` questions and
 * columns of `unit_candidates` candidates; unit = row * columns + column. The last row and the
 * last column may be short; padding is never counted. Everything follows from the shape, so a
 * unit's number alone says what it is, and its memory is known before the first step.
 */
#ifndef COMMON_SHAPE_H
#define COMMON_SHAPE_H

#include "common/dataset.h"

struct shape {
    uint64_t questions, candidates;           /* of the grid */
    uint64_t unit_questions, unit_candidates; /* of a unit; at least 1 */
    uint64_t dim; /* of a padded row: the width, or each half of it for the MODULUS form, is
                     padded with zeros to a multiple of SHAPE_PAD */
    uint64_t unit_targets; /* the most targets that a unit's questions have */
};

/* A unit's part of the grid. */
struct unit_span {
    uint64_t first_question, question_count;
    uint64_t first_candidate, candidate_count;
};

enum { SHAPE_PAD = 8 }; /* the canonical score's chains; see worker/step/rank.h */

/* The shape of a run: settings where they say so, else chosen from the data. */
MUST enum err shape_choose(const struct settings *settings, const struct dataset *dataset,
                           struct shape *out);

uint64_t shape_rows(const struct shape *shape);
uint64_t shape_columns(const struct shape *shape);
uint64_t shape_units(const struct shape *shape);
struct unit_span shape_span(const struct shape *shape, uint64_t unit);

/* An upper bound of the bytes that one worker holds for a unit of this shape, besides the mapped
 * input files: the plan prints it, and the worker's program allocates no more. */
uint64_t shape_bytes(const struct shape *shape, uint64_t lanes, uint64_t threads);

/* The most lanes that a CPU worker uses: the setting, or what is best when it says 0. */
uint64_t shape_lanes(const struct settings *settings);

#endif
