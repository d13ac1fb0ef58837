#include "worker/program/rank_lane.h"

#include "common/fmath.h"
#include "worker/scorers.h"
#include "common/numbers.h"
#include "common/splits.h"

#include <string.h>

float *rank_scratch(const struct rank_state *state, uint32_t thread, uint32_t row)
{
    const size_t number = (size_t)thread * RANK_SCRATCH_ROWS + row;
    return state->scratch + number * state->shape.dim;
}

/* A row as scorers want it: all real parts before all imaginary ones. */
static void read_halves(const struct rank_state *state, const struct table *table, uint64_t row,
                        bool interleaved, float *spare, float *out)
{
    table_row(table, row, interleaved ? spare : out);
    if (!interleaved) return;
    const uint64_t half = table->width / 2;
    check(table->width <= state->shape.dim);
    for (uint64_t k = 0; k < half; k++) {
        out[k] = spare[2 * k];
        out[half + k] = spare[2 * k + 1];
    }
}

/* Pads a row to dim numbers: at its end, or for MODULUS each half at its own. */
static void pad_row(const struct rank_state *state, const float *from, float *row)
{
    const uint64_t parts = state->form == FORM_MODULUS ? 2 : 1;
    const uint64_t given = state->width / parts, padded = state->shape.dim / parts;
    for (uint64_t part = 0; part < parts; part++) {
        memcpy(row + part * padded, from + part * given, given * sizeof(*row));
        memset(row + part * padded + given, 0, (padded - given) * sizeof(*row));
    }
}

void rank_row(const struct rank_state *state, uint64_t entity, float *spare, float *row)
{
    /* Read into `row`, moved to `spare`, padded back: two rows are enough for every layout. */
    read_halves(state, &state->dataset->entity_table, entity, state->interleaved, spare, row);
    if (state->width == state->shape.dim) return;
    memcpy(spare, row, state->width * sizeof(*row));
    pad_row(state, spare, row);
}

static const struct question *lane_question(const struct rank_state *state, uint32_t lane)
{
    return &state->dataset->questions.at[state->question + lane];
}

/* The lane's target number `t` of the step, in the dataset and in the unit. */
static const struct target *step_target(const struct rank_state *state, uint32_t t)
{
    const struct questions *questions = &state->dataset->questions;
    return &questions->target[questions->at[state->question].first_target + t];
}

static struct rank_count *step_count(const struct rank_state *state, uint32_t t)
{
    const struct questions *questions = &state->dataset->questions;
    return &state->count[questions->at[state->question].first_target - state->unit_target + t];
}

/* Anchor and relation have embeddings. */
static bool question_is_scored(const struct rank_state *state, const struct question *question)
{
    return question->anchor < state->dataset->entity_count &&
           question->relation < state->dataset->relation_count;
}

/* Angles become cosines, then sines, rounded once to fp32. */
static void read_phases(const struct table *table, uint64_t row, float *spare, float *out)
{
    table_row(table, row, spare);
    for (uint64_t k = 0; k < table->width; k++) {
        double sine, cosine;
        fmath_sincos((double)spare[k], &sine, &cosine);
        out[k] = (float)cosine;
        out[table->width + k] = (float)sine;
    }
}

static void make_query(const struct rank_state *state, const struct question *question,
                       uint32_t thread, float *query)
{
    static void (*const make[])(const struct scorer_query *, float *) = {
#define ROW(name, form, relation) name##_query,
        SCORERS(ROW)
#undef ROW
    };
    float *anchor = rank_scratch(state, thread, 0), *relation = rank_scratch(state, thread, 1);
    float *spare = rank_scratch(state, thread, 2);
    const struct dataset *dataset = state->dataset;
    enum side side;
    const uint32_t row = dataset_relation_row(state->job.settings, dataset->relation_count,
                                              question->side, question->relation, &side);
    read_halves(state, &dataset->entity_table, question->anchor, state->interleaved, spare, anchor);
    if (state->phases)
        read_phases(&dataset->relation_table, row, spare, relation);
    else
        read_halves(state, &dataset->relation_table, row, state->interleaved, spare, relation);

    const struct scorer_query ask = {
        .anchor = anchor, .relation = relation, .width = state->width, .head = side == SIDE_HEAD};
    make[state->scorer](&ask, spare);
    pad_row(state, spare, query);
}

void rank_lane_prepare(void *context, uint32_t lane, uint32_t thread)
{
    struct rank_state *state = context;
    const struct question *question = lane_question(state, lane);
    const uint32_t dim = (uint32_t)state->shape.dim;
    const bool scored = question_is_scored(state, question);
    float *query = state->query + (size_t)lane * dim;
    if (scored)
        make_query(state, question, thread, query);
    else
        memset(query, 0, dim * sizeof(*query));
    state->query_norm[lane] = rank_norm_above(state->kernel->score(FORM_DOT, query, query, dim));
    state->nonfinite[lane] = 0;

    float *row = rank_scratch(state, thread, 0), *spare = rank_scratch(state, thread, 1);
    for (uint32_t t = state->first_target[lane]; t < state->first_target[lane + 1]; t++) {
        const uint32_t answer = step_target(state, t)->answer;
        enum rank_truth truth = TRUTH_UNKNOWN;
        double bar = 0;
        if (scored && answer < state->dataset->entity_count) {
            rank_row(state, answer, spare, row);
            bar = state->kernel->score(state->form, query, row, dim);
            truth = bar == bar ? TRUTH_SCORED : TRUTH_NAN;
        }
        /* A bar for the step to pass by: its votes are not used. */
        state->bar[t] = truth == TRUTH_SCORED ? bar : (double)INFINITY;
        state->truth[t] = (uint8_t)truth;
        state->votes[t] = (struct rank_votes){0};
    }
}

/* A question's known answers inside the unit's block. */
struct block_known {
    const uint32_t *at;
    uint32_t count;
};

static struct block_known find_known(const struct rank_state *state,
                                     const struct question *question)
{
    uint32_t count;
    const uint32_t *at = known_answers(state->dataset->known, question->side, question->anchor,
                                       question->relation, &count);
    const uint64_t first = state->span.first_candidate;
    const uint64_t end = first + state->span.candidate_count;
    const uint32_t low = numbers_place(at, count, first);
    uint32_t last = low;
    while (last < count && at[last] < end) last++;
    return (struct block_known){at + low, last - low};
}

static bool block_holds(const struct rank_state *state, uint32_t entity)
{
    return entity >= state->span.first_candidate &&
           entity < state->span.first_candidate + state->span.candidate_count;
}

/* Takes a known answer's vote back from all targets but the one whose true answer it is. */
static void take_out(const struct rank_state *state, uint32_t lane, uint32_t known, double score)
{
    for (uint32_t t = state->first_target[lane]; t < state->first_target[lane + 1]; t++) {
        if (step_target(state, t)->answer == known) continue;
        struct rank_count *count = step_count(state, t);
        struct rank_votes *votes = &state->votes[t];
        votes->above -= score > state->bar[t];
        votes->level -= score == state->bar[t];
        count->nonfinite -= score != score;
    }
}

/* What is counted without scores: who is compared. */
static void count_compared(const struct rank_state *state, uint32_t lane,
                           const struct block_known *known)
{
    for (uint32_t t = state->first_target[lane]; t < state->first_target[lane + 1]; t++) {
        const uint32_t answer = step_target(state, t)->answer;
        uint32_t own = 0;
        for (uint32_t i = 0; i < known->count; i++) own += known->at[i] == answer;
        struct rank_count *count = step_count(state, t);
        count->filtered = known->count - own;
        count->candidates = (uint32_t)state->span.candidate_count - count->filtered;
        /* A true answer that is in no block is counted in the first. */
        const bool outside = answer >= state->dataset->entity_count;
        count->candidates += outside && state->span.first_candidate == 0;
        count->nonfinite = state->nonfinite[lane];
    }
}

static void finish_target(const struct rank_state *state, uint32_t t)
{
    const uint32_t answer = step_target(state, t)->answer;
    struct rank_count *count = step_count(state, t);
    const bool outside = answer >= state->dataset->entity_count;
    const uint32_t own = outside ? state->span.first_candidate == 0 : block_holds(state, answer);
    if (state->truth[t] == TRUTH_SCORED) {
        check(state->votes[t].level >= own);
        count->above = state->votes[t].above + (state->worst ? count->nonfinite : 0);
        count->level = state->votes[t].level - own;
    } else {
        count->above = count->candidates - own;
        count->level = 0;
    }
}

void rank_lane_finish(void *context, uint32_t lane, uint32_t thread)
{
    const struct rank_state *state = context;
    const struct question *question = lane_question(state, lane);
    const struct block_known known = find_known(state, question);
    const uint32_t dim = (uint32_t)state->shape.dim;
    const float *query = state->query + (size_t)lane * dim;
    const bool scored = question_is_scored(state, question);
    if (!scored) state->nonfinite[lane] = 0;
    count_compared(state, lane, &known);

    float *row = rank_scratch(state, thread, 0), *spare = rank_scratch(state, thread, 1);
    for (uint32_t i = 0; scored && i < known.count; i++) {
        rank_row(state, known.at[i], spare, row);
        take_out(state, lane, known.at[i], state->kernel->score(state->form, query, row, dim));
    }
    for (uint32_t t = state->first_target[lane]; t < state->first_target[lane + 1]; t++)
        finish_target(state, t);
}

/* The first compared candidate of the block whose score is not a number. */
static uint32_t find_nonfinite(const struct rank_state *state, uint32_t lane, uint32_t answer)
{
    const struct block_known known = find_known(state, lane_question(state, lane));
    const uint32_t dim = (uint32_t)state->shape.dim;
    const float *query = state->query + (size_t)lane * dim;
    float *row = rank_scratch(state, 0, 0), *spare = rank_scratch(state, 0, 1);
    const uint32_t first = (uint32_t)state->span.first_candidate;
    uint32_t passed = 0;
    for (uint32_t c = first; block_holds(state, c); c++) {
        while (passed < known.count && known.at[passed] < c) passed++;
        const bool left_out = passed < known.count && known.at[passed] == c && c != answer;
        rank_row(state, c, spare, row);
        const double score = state->kernel->score(state->form, query, row, dim);
        if (!left_out && score != score) return c;
    }
    return answer;
}

enum err rank_lanes_check(const struct rank_state *state)
{
    if (state->worst) return OK;
    for (uint32_t lane = 0; lane < state->live; lane++)
        for (uint32_t t = state->first_target[lane]; t < state->first_target[lane + 1]; t++) {
            const bool truth = state->truth[t] == TRUTH_NAN;
            if (!truth && step_count(state, t)->nonfinite == 0) continue;
            const struct target *target = step_target(state, t);
            const struct dataset *dataset = state->dataset;
            const uint32_t entity =
                truth ? target->answer : find_nonfinite(state, lane, target->answer);
            return err_note(ERR_INPUT,
                            "rank: %s: query %u, %s: the score of candidate %.200s is "
                            "not a number; mend the model, or set nonfinite to worst",
                            split_evaluated_path(state->job.settings),
                            dataset->evaluated.line[target->triple],
                            side_name[lane_question(state, lane)->side],
                            vocab_label(dataset->entities, entity));
        }
    return OK;
}
