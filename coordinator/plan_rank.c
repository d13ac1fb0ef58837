/* plan_rank - what `rank` means to the coordinator: rows of questions, columns of candidates. */
#include "coordinator/export.h"
#include "coordinator/plan.h"
#include "coordinator/words.h"

#include "common/dataset.h"
#include "common/processors.h"
#include "common/shape.h"
#include "common/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct rank_plan {
    struct dataset *dataset;
    struct shape shape;
    struct rank_count *count; /* [shape.unit_targets], of the row that is folded */
};

static enum err rank_allocate(struct rank_plan *plan)
{
    free(plan->count);
    plan->count =
        calloc(plan->shape.unit_targets ? plan->shape.unit_targets : 1, sizeof *plan->count);
    return plan->count ? OK : err_note(ERR_MEMORY, "plan: no memory");
}

static void rank_close(void **state)
{
    struct rank_plan *plan = *state;
    if (!plan) return;
    dataset_close(&plan->dataset);
    free(plan->count);
    free(plan);
    *state = NULL;
}

/* A unit's tally is one message. */
static enum err check_tally(const struct shape *shape)
{
    if (shape->unit_targets <= WIRE_BYTES_MAX / RANK_COUNT_BYTES) return OK;
    return err_note(ERR_USAGE,
                    "unit_questions: %" PRIu64 ": a unit has up to %" PRIu64 " queries, more than "
                    "the %d that fit a message; choose fewer",
                    shape->unit_questions, shape->unit_targets, WIRE_BYTES_MAX / RANK_COUNT_BYTES);
}

static enum err rank_open(const struct settings *settings, void **state)
{
    struct rank_plan *plan = calloc(1, sizeof *plan);
    enum err err = plan ? OK : err_note(ERR_MEMORY, "plan: no memory");
    if (!err) err = dataset_open(settings, DATASET_PLAN, &plan->dataset);
    if (!err) err = shape_choose(settings, plan->dataset, &plan->shape);
    if (!err) err = check_tally(&plan->shape);
    if (!err) err = rank_allocate(plan);
    *state = plan;
    if (err) rank_close(state);
    return err;
}

static void rank_grid(const void *state, uint64_t *rows, uint64_t *columns)
{
    const struct rank_plan *plan = state;
    *rows = shape_rows(&plan->shape);
    *columns = shape_columns(&plan->shape);
}

static enum err rank_describe(const void *state, const struct settings *settings,
                              struct ledger *ledger)
{
    const struct rank_plan *plan = state;
    const struct plan_fact facts[] = {
        {"questions", plan->shape.questions},
        {"entities_total", plan->shape.candidates},
        {"queries_total", plan->dataset->questions.target_count},
        {"unit_questions", plan->shape.unit_questions},
        {"unit_candidates", plan->shape.unit_candidates},
        {"unknown_dropped", plan->dataset->dropped},
        {"unknown_kept", plan->dataset->kept},
    };
    (void)settings;
    return plan_describe(ledger, facts, sizeof facts / sizeof *facts);
}

/* A word of the evaluated file: its label, or its id where the file holds ids. */
static const char *word_of(const struct vocab *vocab, uint32_t id, bool ids, char digits[16])
{
    if (!ids) return vocab_label(vocab, id);
    snprintf(digits, 16, "%" PRIu32, id);
    return digits;
}

static enum err put_target(const struct rank_plan *plan, struct ledger *ledger,
                           const struct question *question, const struct target *target,
                           const struct rank_count *count)
{
    const struct dataset *dataset = plan->dataset;
    const struct triple *triple = &dataset->evaluated.at[target->triple];
    const bool ids = dataset->evaluated.ids;
    char head[16], relation[16], tail[16];
    const struct ledger_rank rank = {
        .query = dataset->evaluated.line[target->triple],
        .side = side_name[question->side],
        .head = word_of(dataset->entities, triple->head, ids, head),
        .relation = word_of(dataset->relations, triple->relation, ids, relation),
        .tail = word_of(dataset->entities, triple->tail, ids, tail),
        .count = *count,
    };
    return ledger_put_rank(ledger, &rank);
}

/* The targets of `count` questions from `first` on, which lie side by side. */
static uint64_t count_targets(const struct rank_plan *plan, uint64_t first, uint64_t count)
{
    const struct question *question = &plan->dataset->questions.at[first];
    const struct question *last = question + count - 1;
    return (uint64_t)last->first_target + last->target_count - question->first_target;
}

static enum err rank_believe(const void *state, uint64_t unit, const uint8_t *bytes, size_t size)
{
    const struct rank_plan *plan = state;
    if (unit >= shape_units(&plan->shape))
        return err_note(ERR_FORMAT, "tally: unit %" PRIu64 " is not of this run", unit);
    const struct unit_span span = shape_span(&plan->shape, unit);
    return tally_check(bytes, size, count_targets(plan, span.first_question, span.question_count),
                       span.candidate_count);
}

static enum err add_tally(void *context, uint64_t unit, const uint8_t *bytes, size_t size)
{
    struct rank_plan *plan = context;
    const struct unit_span span = shape_span(&plan->shape, unit);
    return tally_add(bytes, size, plan->count,
                     count_targets(plan, span.first_question, span.question_count));
}

static enum err rank_fold(void *state, struct ledger *ledger, uint64_t row)
{
    struct rank_plan *plan = state;
    const struct questions *questions = &plan->dataset->questions;
    const struct unit_span span = shape_span(&plan->shape, row * shape_columns(&plan->shape));
    const struct question *first = &questions->at[span.first_question];
    const struct question *last = first + span.question_count - 1;
    const uint32_t target = first->first_target;
    const uint64_t target_count = count_targets(plan, span.first_question, span.question_count);
    check(target_count <= plan->shape.unit_targets);

    for (uint64_t i = 0; i < target_count; i++) plan->count[i] = (struct rank_count){0};
    enum err err = ledger_visit_row(ledger, row, add_tally, plan);
    for (const struct question *at = first; at <= last; at++)
        for (uint32_t i = 0; i < at->target_count && !err; i++) {
            const uint32_t place = at->first_target + i;
            err = put_target(plan, ledger, at, &questions->target[place],
                             &plan->count[place - target]);
        }
    return err;
}

static enum err rank_digest(void *state, struct ledger *ledger, struct digest *out)
{
    (void)state;
    return export_digest(ledger, EXPORT_RANKS, out);
}

/* The canonical score's cost: about two operations for each coordinate of each pair. */
static void print_arithmetic(const struct shape *shape)
{
    const double pairs = (double)shape->questions * (double)shape->candidates;
    printf("arithmetic  %.3g pairs of %" PRIu64 " coordinates: about %.3g operations\n", pairs,
           shape->dim, 2 * pairs * (double)shape->dim);
}

static void rank_print(const void *state, const struct settings *settings)
{
    const struct rank_plan *plan = state;
    const struct shape *shape = &plan->shape;
    char words[WORDS_SIZE];
    printf("queries     %" PRIu32 " in %" PRIu64 " questions\n",
           plan->dataset->questions.target_count, shape->questions);
    printf("candidates  %" PRIu64 "\n", shape->candidates);
    if (plan->dataset->dropped || plan->dataset->kept)
        printf("unknown     %" PRIu64 " lines dropped, %" PRIu64 " kept\n", plan->dataset->dropped,
               plan->dataset->kept);
    printf("units       %" PRIu64 ": %" PRIu64 " rows of %" PRIu64 " questions, %" PRIu64
           " columns of %" PRIu64 " candidates\n",
           shape_units(shape), shape_rows(shape), shape->unit_questions, shape_columns(shape),
           shape->unit_candidates);
    printf("memory      %s for each worker, beside the input files it maps\n",
           words_bytes(shape_bytes(shape, shape_lanes(settings),
                                   processors_share(settings_count(settings, SET_threads),
                                                    settings_count(settings, SET_workers))),
                       words));
    print_arithmetic(shape);
}

static enum err rank_adopt(void *state, const struct settings *asked, const struct settings *kept)
{
    struct rank_plan *plan = state;
    const struct shape before = plan->shape;
    enum err err = shape_choose(kept, plan->dataset, &plan->shape);
    const struct shape *after = &plan->shape;
    if (!err)
        err =
            plan_check_cut(asked, SET_unit_questions, before.unit_questions, after->unit_questions);
    if (!err)
        err = plan_check_cut(asked, SET_unit_candidates, before.unit_candidates,
                             after->unit_candidates);
    if (!err) err = rank_allocate(plan);
    return err;
}

const struct plan_program plan_rank = {
    .name = "rank",
    .open = rank_open,
    .close = rank_close,
    .grid = rank_grid,
    .describe = rank_describe,
    .believe = rank_believe,
    .fold = rank_fold,
    .digest = rank_digest,
    .print = rank_print,
    .adopt = rank_adopt,
};
