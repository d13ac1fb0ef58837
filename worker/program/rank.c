/* Ranks each true answer among all entities; see rank_lane.h for a lane's part of it. */
#include "worker/program/rank_lane.h"

#include "common/wire.h"
#include "worker/program/carving.h"

#include <stdlib.h>
#include <string.h>

/* Multiply-adds of one step and thread: some ten milliseconds, so that progress shows. */
#define FAST_WORK (UINT64_C(1) << 30)
#define CANONICAL_WORK (UINT64_C(1) << 27)

/* The choices of settings, by their place in schema/run.def. */
enum { LAYOUT_INTERLEAVED = 1, NORM_L2 = 1, NONFINITE_WORST = 1, FAST_PASS_NONE = 1 };

static enum rank_form choose_form(const struct settings *settings, enum scorer scorer)
{
    static const enum rank_form forms[] = {
#define ROW(name, form, relation) FORM_##form,
        SCORERS(ROW)
#undef ROW
    };
    const bool l2 = settings_choice(settings, SET_norm) == NORM_L2;
    return forms[scorer] == FORM_MODULUS && l2 ? FORM_L2 : forms[scorer];
}

/* As many rounds as the most lanes make necessary, with as few lanes as these rounds need: so the
 * last round of a unit is as full as the others. */
static uint32_t choose_lanes(const struct settings *settings, uint64_t questions)
{
    const uint64_t most = shape_lanes(settings);
    const uint64_t rounds = (questions + most - 1) / most;
    return (uint32_t)((questions + rounds - 1) / rounds);
}

static void read_settings(struct rank_state *state, const struct settings *settings)
{
    const int scorer = settings_choice(settings, SET_scorer);
    check(scorer >= 0 && scorer < SCORER_COUNT);
    const bool complex_numbers = scorer == SCORER_complex || scorer == SCORER_rotate;
    const struct dataset *dataset = state->dataset;
    state->scorer = (enum scorer)scorer;
    state->form = choose_form(settings, state->scorer);
    state->width = (uint32_t)dataset->entity_table.width;
    state->interleaved =
        complex_numbers && settings_choice(settings, SET_layout) == LAYOUT_INTERLEAVED;
    state->phases = scorer == SCORER_rotate && dataset->relation_table.width * 2 == state->width;
    state->worst = settings_choice(settings, SET_nonfinite) == NONFINITE_WORST;
    const bool slow = settings_choice(settings, SET_fast_pass) == FAST_PASS_NONE;
    state->pass = slow ? PASS_NONE : PASS_FP32;
    state->lanes = choose_lanes(settings, state->shape.unit_questions);
}

static void close_rank(void **self)
{
    struct rank_state *state = *self;
    *self = NULL;
    if (!state) return;
    dataset_close(&state->dataset);
    free(state);
}

static enum err measure(const struct program_job *job, void **out, uint64_t *bytes)
{
    *bytes = 0;
    struct rank_state *state = calloc(1, sizeof(*state));
    enum err err = state ? OK : err_note(ERR_MEMORY, "rank: no memory for the program");
    if (!err) {
        state->job = *job;
        state->column = WIRE_NO_COLUMN;
    }
    if (!err) err = rank_kernel_find(NULL, &state->kernel);
    if (!err) err = dataset_open(job->settings, DATASET_SCORE, &state->dataset);
    if (!err) err = shape_choose(job->settings, state->dataset, &state->shape);
    if (!err && state->shape.dim > RANK_DIM_MAX)
        err = err_note(ERR_INPUT, "model: %s: rows of %llu numbers, at most %d can be ranked",
                       settings_text(job->settings, SET_model),
                       (unsigned long long)state->shape.dim, RANK_DIM_MAX);
    if (!err) {
        read_settings(state, job->settings);
        *bytes = shape_bytes(&state->shape, state->lanes, pool_threads(job->pool));
    }
    void *self = state;
    if (err) close_rank(&self);
    *out = self;
    return err;
}

static enum err open_rank(void *self, void *memory, uint64_t bytes)
{
    struct rank_state *state = self;
    const struct shape *shape = &state->shape;
    const uint64_t panels = (shape->unit_candidates + RANK_PANEL - 1) / RANK_PANEL;
    const uint64_t row = shape->dim * sizeof(float);
    const uint64_t scratch = (uint64_t)pool_threads(state->job.pool) * RANK_SCRATCH_ROWS;
    check((uintptr_t)memory % PROGRAM_ALIGNMENT == 0);

    struct carving carving = {memory, (uint8_t *)memory + bytes};
    state->panel = carve(&carving, panels * RANK_PANEL, row, PROGRAM_ALIGNMENT);
    state->query = carve(&carving, state->lanes, row, PROGRAM_ALIGNMENT);
    state->scratch = carve(&carving, scratch, row, PROGRAM_ALIGNMENT);
#define CARVE(name, count) \
    state->name = carve(&carving, count, sizeof(state->name[0]), sizeof(double))
    CARVE(panel_norm, panels);
    CARVE(query_norm, state->lanes);
    CARVE(first_target, state->lanes + UINT64_C(1));
    CARVE(nonfinite, state->lanes);
    CARVE(bar, shape->unit_targets);
    CARVE(votes, shape->unit_targets);
    CARVE(count, shape->unit_targets);
    CARVE(truth, shape->unit_targets);
#undef CARVE
    return OK;
}

static bool hungry(const void *self)
{
    const struct rank_state *state = self;
    return !state->loaded;
}

/* Fills panel number `panel` of the block; pool_work. */
static void pack_panel(void *self, uint32_t panel, uint32_t thread)
{
    struct rank_state *state = self;
    const uint32_t dim = (uint32_t)state->shape.dim;
    float *out = state->panel + (size_t)panel * dim * RANK_PANEL;
    float *row = rank_scratch(state, thread, 0), *spare = rank_scratch(state, thread, 1);
    double norm = 0;
    for (uint32_t c = 0; c < RANK_PANEL; c++) {
        const uint64_t place = (uint64_t)panel * RANK_PANEL + c;
        if (place < state->span.candidate_count)
            rank_row(state, state->span.first_candidate + place, spare, row);
        else
            memset(row, 0, dim * sizeof(*row));
        for (uint32_t k = 0; k < dim; k++) out[(size_t)k * RANK_PANEL + c] = row[k];
        if (state->form != FORM_DOT) continue; /* only its fast pass reads norms */
        const double length = rank_norm_above(state->kernel->score(FORM_DOT, row, row, dim));
        norm = length > norm ? length : norm;
    }
    state->panel_norm[panel] = norm;
}

static enum err load(void *self, uint64_t unit)
{
    struct rank_state *state = self;
    check(!state->loaded);
    if (unit >= shape_units(&state->shape))
        return err_note(ERR_FAILED, "rank: unit %llu: there are only %llu",
                        (unsigned long long)unit, (unsigned long long)shape_units(&state->shape));
    state->span = shape_span(&state->shape, unit);
    const uint64_t column = unit % shape_columns(&state->shape);
    if (column != state->column) {
        const uint64_t panels = (state->span.candidate_count + RANK_PANEL - 1) / RANK_PANEL;
        pool_run(state->job.pool, (uint32_t)panels, pack_panel, state);
        state->column = column;
    }
    const struct question *first = &state->dataset->questions.at[state->span.first_question];
    const struct question *last = first + state->span.question_count - 1;
    state->unit_target = first->first_target;
    state->unit_targets = last->first_target + last->target_count - first->first_target;
    check(state->unit_targets <= state->shape.unit_targets);
    state->question = state->span.first_question;
    state->live = state->candidate = 0;
    state->work = (struct program_work){0};
    state->loaded = true;
    return OK;
}

static uint64_t questions_left(const struct rank_state *state)
{
    return state->span.first_question + state->span.question_count - state->question;
}

/* Puts the next questions into the lanes. */
static void fill_lanes(struct rank_state *state)
{
    const uint64_t left = questions_left(state);
    state->live = left < state->lanes ? (uint32_t)left : state->lanes;
    const struct question *question = &state->dataset->questions.at[state->question];
    state->first_target[0] = 0;
    for (uint32_t lane = 0; lane < state->live; lane++)
        state->first_target[lane + 1] = state->first_target[lane] + question[lane].target_count;
    pool_run(state->job.pool, state->live, rank_lane_prepare, state);
}

/* Candidates of one step: whole blocks of panels, as far as there are so many. */
static uint32_t step_candidates(const struct rank_state *state)
{
    const uint64_t work =
        (state->pass == PASS_NONE ? CANONICAL_WORK : FAST_WORK) * pool_threads(state->job.pool);
    const uint64_t each = RANK_BLOCK * RANK_PANEL;
    const uint64_t blocks = work / (state->live * state->shape.dim * each) + 1;
    const uint64_t left = state->span.candidate_count - state->candidate;
    return (uint32_t)(blocks * each < left ? blocks * each : left);
}

static enum err step(struct rank_state *state)
{
    const uint32_t candidates = step_candidates(state);
    const uint32_t panel = state->candidate / RANK_PANEL;
    const struct rank_args args = {
        .form = state->form,
        .pass = state->pass,
        .lanes = state->live,
        .dim = (uint32_t)state->shape.dim,
        .candidates = candidates,
        .targets = state->first_target[state->live],
        .query = state->query,
        .query_norm = state->query_norm,
        .panel = state->panel + (size_t)panel * RANK_PANEL * state->shape.dim,
        .panel_norm = state->panel_norm + panel,
        .first_target = state->first_target,
        .bar = state->bar,
        .votes = state->votes,
        .nonfinite = state->nonfinite,
        .rescored = &state->work.rescored,
        .band = 1,
    };
    const enum err err = state->job.backend->rank(state->job.device, &args);
    if (err) return err;
    state->candidate += candidates;
    state->work.pairs += (uint64_t)candidates * state->live;
    state->work.lanes += state->lanes;
    state->work.lanes_live += state->live;
    return OK;
}

static bool finished(const void *self)
{
    const struct rank_state *state = self;
    return state->loaded && questions_left(state) == 0;
}

static enum err advance(void *self)
{
    struct rank_state *state = self;
    check(state->loaded && !finished(state));
    if (state->candidate == 0) fill_lanes(state);
    const enum err err = step(state);
    if (err || state->candidate < state->span.candidate_count) return err;

    pool_run(state->job.pool, state->live, rank_lane_finish, state);
    const enum err wrong = rank_lanes_check(state);
    if (wrong) return wrong;
    state->question += state->live;
    state->live = state->candidate = 0;
    return OK;
}

static uint64_t tally_bytes(const void *self)
{
    const struct rank_state *state = self;
    return (uint64_t)state->unit_targets * RANK_COUNT_BYTES;
}

static void tally(void *self, uint8_t *bytes, struct program_work *work)
{
    struct rank_state *state = self;
    check(finished(state));
    tally_write(state->count, state->unit_targets, bytes);
    program_work_add(work, &state->work);
    state->loaded = false;
}

static void cancel(void *self)
{
    struct rank_state *state = self;
    state->loaded = false;
}

static uint64_t column(const void *self)
{
    const struct rank_state *state = self;
    return state->column;
}

static bool runs_on(const struct backend *backend)
{
    return backend->rank != NULL;
}

const struct program program_rank = {
    .name = "rank",
    .runs_on = runs_on,
    .measure = measure,
    .open = open_rank,
    .close = close_rank,
    .hungry = hungry,
    .load = load,
    .advance = advance,
    .finished = finished,
    .tally_bytes = tally_bytes,
    .tally = tally,
    .cancel = cancel,
    .column = column,
};
