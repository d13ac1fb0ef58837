#include "common/shape.h"
#include "common/numbers.h"

enum {
    COLUMN_MOST = 1 << 16, /* candidates in a unit */
    ROW_LEAST = 64,        /* questions in a unit, as far as there are so many */
    ROW_MOST = 1 << 16,
    UNITS_WISHED = 16,    /* so that a few workers can share a run */
    LANES_STANDARD = 384, /* so often a block that comes from memory is used */
    PANEL = 32,           /* RANK_PANEL of worker/step/rank.h */
    ALIGNMENT = 64,
    TARGET_BYTES = 64,      /* bar, counts, votes, and what ties a target to its lane */
    LANE_BYTES = 64,        /* beside its query vector */
    THREAD_BYTES = 1 << 16, /* beside its rows */
    THREAD_ROWS = 4,        /* rows of doubles that a thread works with */
};

/* Multiply-adds of a unit: about a second's work, so that a lost unit is a small loss. */
#define UNIT_WORK UINT64_C(4000000000)

/* How a query vector meets a candidate; see schema/scorers.h. */
enum form { DOT, L1, L2, MODULUS };

#define ROW(name, form, relation) form,
static const enum form forms[] = {SCORERS(ROW)};
#undef ROW

static uint64_t pad(uint64_t number, uint64_t step)
{
    return numbers_ceiling(number, step) * step;
}

static uint64_t choose_dim(const struct settings *settings, uint64_t width)
{
    const int scorer = settings_choice(settings, SET_scorer);
    const bool moduli = settings_choice(settings, SET_norm) == 0;
    check(scorer >= 0);
    if (forms[scorer] == MODULUS && moduli) return 2 * pad(width / 2, SHAPE_PAD);
    return pad(width, SHAPE_PAD);
}

/* Enough work to be worth a lease, yet small enough that the grid has some units to share. */
static uint64_t choose_unit_questions(const struct shape *shape)
{
    const uint64_t by_work = UNIT_WORK / (shape->unit_candidates * shape->dim);
    const uint64_t rows_wished = numbers_ceiling(UNITS_WISHED, shape_columns(shape));
    const uint64_t by_count = numbers_ceiling(shape->questions, rows_wished);
    return numbers_most(numbers_least(numbers_least(by_work, by_count), ROW_MOST), ROW_LEAST);
}

static uint64_t count_unit_targets(const struct questions *questions, uint64_t unit_questions)
{
    uint64_t count = 0;
    for (uint64_t first = 0; first < questions->count; first += unit_questions) {
        const uint64_t last = numbers_least(first + unit_questions, questions->count) - 1;
        const struct question *end = &questions->at[last];
        const uint64_t targets =
            (uint64_t)end->first_target + end->target_count - questions->at[first].first_target;
        count = numbers_most(count, targets);
    }
    return count;
}

enum err shape_choose(const struct settings *settings, const struct dataset *dataset,
                      struct shape *out)
{
    const uint64_t unit_questions = settings_count(settings, SET_unit_questions);
    const uint64_t unit_candidates = settings_count(settings, SET_unit_candidates);
    *out = (struct shape){
        .questions = dataset->questions.count,
        .candidates = dataset->entity_count,
        .unit_questions = 1,
        .unit_candidates = unit_candidates ? unit_candidates : COLUMN_MOST,
        .dim = choose_dim(settings, dataset->entity_table.width),
    };
    check(out->questions > 0 && out->candidates > 0);
    out->unit_candidates = numbers_least(out->unit_candidates, out->candidates);
    out->unit_questions = unit_questions ? unit_questions : choose_unit_questions(out);
    out->unit_questions = numbers_least(out->unit_questions, out->questions);
    out->unit_targets = count_unit_targets(&dataset->questions, out->unit_questions);
    return OK;
}

uint64_t shape_rows(const struct shape *shape)
{
    return numbers_ceiling(shape->questions, shape->unit_questions);
}

uint64_t shape_columns(const struct shape *shape)
{
    return numbers_ceiling(shape->candidates, shape->unit_candidates);
}

uint64_t shape_units(const struct shape *shape)
{
    return shape_rows(shape) * shape_columns(shape);
}

struct unit_span shape_span(const struct shape *shape, uint64_t unit)
{
    check(unit < shape_units(shape));
    const uint64_t first_question = unit / shape_columns(shape) * shape->unit_questions;
    const uint64_t first_candidate = unit % shape_columns(shape) * shape->unit_candidates;
    return (struct unit_span){
        .first_question = first_question,
        .question_count = numbers_least(shape->unit_questions, shape->questions - first_question),
        .first_candidate = first_candidate,
        .candidate_count =
            numbers_least(shape->unit_candidates, shape->candidates - first_candidate),
    };
}

uint64_t shape_bytes(const struct shape *shape, uint64_t lanes, uint64_t threads)
{
    const uint64_t row = shape->dim * sizeof(float);
    const uint64_t panels = numbers_ceiling(shape->unit_candidates, PANEL);
    const uint64_t parts[] = {
        panels * PANEL * row,
        panels * sizeof(double),
        lanes * row,
        (lanes + 1) * LANE_BYTES,
        shape->unit_targets * TARGET_BYTES,
        threads * (THREAD_ROWS * 2 * row + THREAD_BYTES),
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) bytes += pad(parts[i], ALIGNMENT);
    return bytes;
}

uint64_t shape_lanes(const struct settings *settings)
{
    const uint64_t lanes = settings_count(settings, SET_lanes);
    return lanes ? lanes : LANES_STANDARD;
}
