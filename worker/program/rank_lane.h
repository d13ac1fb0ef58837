/*
 * rank_lane - what the rank program does for one lane before and after the step, in the threads
 * of the pool: the question's query vector and its targets' bars; known answers taken out again,
 * and the counts of design's "Exactness", rule 5.
 *
 * Threads: different lanes at the same time; `thread` says whose scratch rows are used.
 */
#ifndef WORKER_PROGRAM_RANK_LANE_H
#define WORKER_PROGRAM_RANK_LANE_H

#include "common/shape.h"
#include "common/tally.h"
#include "schema/scorers.h"
#include "worker/program.h"
#include "worker/step/rank_cpu.h"

enum { RANK_SCRATCH_ROWS = 4 };

/* What is known of a target's true answer. */
enum rank_truth {
    TRUTH_SCORED,
    TRUTH_NAN,     /* its score is not a number */
    TRUTH_UNKNOWN, /* it has no embedding, or the question has none: it ranks last */
};

struct rank_state {
    struct program_job job;
    struct dataset *dataset;
    const struct rank_kernel *kernel; /* for the canonical scores of single rows */
    struct shape shape;
    uint32_t lanes, width; /* width: of an entity's row as it is in the file */
    enum scorer scorer;
    enum rank_form form;
    enum rank_pass pass;
    bool interleaved, phases, worst;

    /* The candidate block; see struct rank_args. */
    uint64_t column; /* that is held, or WIRE_NO_COLUMN */
    float *panel;
    double *panel_norm;

    /* The unit. */
    bool loaded;
    struct unit_span span;
    uint32_t unit_target; /* its first target */
    uint32_t unit_targets;
    struct rank_count *count; /* [unit_targets] */
    struct program_work work;

    /* The lanes' questions: `live` of them from `question` on; candidates before `candidate` of
     * the block are done. Targets here count from the first lane's first. */
    uint64_t question;
    uint32_t live;
    uint32_t candidate;
    float *query;             /* [lanes][dim] */
    double *query_norm;       /* [lanes] */
    uint32_t *first_target;   /* [lanes + 1] */
    uint32_t *nonfinite;      /* [lanes] */
    double *bar;              /* [unit_targets] */
    struct rank_votes *votes; /* [unit_targets] */
    uint8_t *truth;           /* [unit_targets], enum rank_truth */
    float *scratch;           /* [threads][RANK_SCRATCH_ROWS][dim] */
};

/* Entity `entity` as the step wants a row, [dim]; `spare` is [dim], too. */
void rank_row(const struct rank_state *state, uint64_t entity, float *spare, float *row);

float *rank_scratch(const struct rank_state *state, uint32_t thread, uint32_t row);

/* Both are pool_work with a struct rank_state; `first_target` is filled in already. */
void rank_lane_prepare(void *state, uint32_t lane, uint32_t thread);
void rank_lane_finish(void *state, uint32_t lane, uint32_t thread);

/* With `nonfinite: error`: ERR_INPUT if a score that counts for the live lanes is not a number,
 * naming the first such target, and candidate. */
MUST enum err rank_lanes_check(const struct rank_state *state);

#endif
