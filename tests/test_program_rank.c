/* Tests of the rank program: its tallies are those of a slow count, pair by pair and following
 * the rules one by one, for every scorer, policy, unit size and number of lanes and threads. */
#include "common/fmath.h"
#include "common/shape.h"
#include "common/tally.h"
#include "tests/files.h"
#include "worker/program.h"
#include "worker/scorers.h"

#include <math.h>

enum {
    ENTITIES = 150, RELATIONS = 3, WIDTH = 20, HALF = WIDTH / 2, DIM_MAX = 48,
    TRAIN = 900, TEST = 70, STRANGERS = 3, /* test lines with a word that has no embedding */
    TARGETS = 2 * (TEST + STRANGERS),
};

enum inverse { INVERSE_NONE, INVERSE_BLOCKS, INVERSE_INTERLEAVED };

/* The world that is ranked, in the test's own words. */
struct world {
    const char *scorer;
    bool interleaved, phases, l2, worst, keep;
    enum inverse inverse;
    float (*number)(uint64_t *random);
    float entity[ENTITIES][WIDTH];
    float relation[2 * RELATIONS][WIDTH];
    uint32_t train[TRAIN][3], test[TEST + STRANGERS][3];
    uint32_t tests;
};

static struct world world;
static struct settings *settings;

static uint64_t next(uint64_t *random)
{
    return (*random = *random * 6364136223846793005u + 1442695040888963407u) >> 33;
}

static float ordinary(uint64_t *random) { return (float)next(random) * 0x1p-30f - 1; }
static float huge(uint64_t *random) { return ordinary(random) * 1e30f; }
static float tiny(uint64_t *random) { return ordinary(random) * 1e-21f; }
static float whole(uint64_t *random) { return (float)(next(random) % 3) - 1; }

static void fill_world(void)
{
    uint64_t random = 21;
    for (uint32_t e = 0; e < ENTITIES; e++)
        for (uint32_t k = 0; k < WIDTH; k++) world.entity[e][k] = world.number(&random);
    /* Doubles: ties that are real. */
    memcpy(world.entity[ENTITIES - 1], world.entity[1], sizeof(world.entity[1]));
    for (uint32_t r = 0; r < 2 * RELATIONS; r++)
        for (uint32_t k = 0; k < WIDTH; k++) world.relation[r][k] = world.number(&random);
    for (uint32_t i = 0; i < TRAIN; i++)
        for (uint32_t j = 0; j < 3; j++)
            world.train[i][j] = (uint32_t)(next(&random) % (j == 1 ? RELATIONS : ENTITIES));
    world.tests = TEST;
    for (uint32_t i = 0; i < TEST; i++)
        for (uint32_t j = 0; j < 3; j++)
            world.test[i][j] = (uint32_t)(next(&random) % (j == 1 ? RELATIONS : ENTITIES / 10));
    memcpy(world.test[TEST - 1], world.test[0], sizeof(world.test[0])); /* a line said twice */
    if (!world.keep) return;
    const uint32_t strange[STRANGERS][3] = {{ENTITIES, 0, 3}, {3, RELATIONS, 4}, {5, 1, ENTITIES}};
    memcpy(world.test[TEST], strange, sizeof(strange));
    world.tests += STRANGERS;
}

static void write_triples(const char *name, const uint32_t (*triple)[3], uint32_t count)
{
    char text[TRAIN * 16] = "";
    for (uint32_t i = 0, at = 0; i < count; i++)
        at += (uint32_t)snprintf(text + at, sizeof(text) - at, "e%u\tr%u\te%u\n", triple[i][0],
                                 triple[i][1], triple[i][2]);
    (void)file_text(name, text);
}

static void write_map(const char *name, char prefix, uint32_t count)
{
    char text[ENTITIES * 16] = "";
    for (uint32_t i = 0, at = 0; i < count; i++)
        at += (uint32_t)snprintf(text + at, sizeof(text) - at, "%u\t%c%u\n", i, prefix, i);
    (void)file_text(name, text);
}

/* A row of halves, in the layout of the world. */
static void write_row(FILE *file, const float *row, uint32_t width)
{
    const uint32_t half = width / 2;
    for (uint32_t k = 0; k < width; k++) {
        const uint32_t from = world.interleaved ? k / 2 + (k % 2 ? half : 0) : k;
        assert_int_equal(1, fwrite(&row[from], sizeof(float), 1, file));
    }
}

static void write_model(void)
{
    const uint32_t rows = world.inverse ? 2 * RELATIONS : RELATIONS;
    const uint32_t width = world.phases ? HALF : WIDTH;
    const uint32_t middle = ENTITIES * WIDTH * 4, end = middle + rows * width * 4;
    char header[512];
    const int length = snprintf(
        header, sizeof(header),
        "{\"entity_embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[%d,%d],"
        "\"data_offsets\":[0,%u]},\"relation_embeddings.weight\":{\"dtype\":\"F32\","
        "\"shape\":[%u,%u],\"data_offsets\":[%u,%u]}}",
        ENTITIES, WIDTH, middle, rows, width, middle, end);
    FILE *file = fopen(file_path("model.safetensors"), "wb");
    assert_non_null(file);
    const uint64_t size = (uint64_t)length;
    assert_int_equal(2, fwrite(&size, sizeof(size), 1, file) + fwrite(header, size, 1, file));
    for (uint32_t e = 0; e < ENTITIES; e++) write_row(file, world.entity[e], WIDTH);
    for (uint32_t r = 0; r < rows; r++) {
        if (world.phases)
            assert_int_equal(width, fwrite(world.relation[r], sizeof(float), width, file));
        else
            write_row(file, world.relation[r], width);
    }
    assert_int_equal(0, fclose(file));
}

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder_path, "test"));
}

static void open_world(const struct world *given)
{
    static const char *const inverse[] = {"none", "blocks", "interleaved"};
    world = *given;
    world.number = world.number ? world.number : ordinary;
    fill_world();
    write_triples("train", (const uint32_t(*)[3])world.train, TRAIN);
    write_triples("test", (const uint32_t(*)[3])world.test, world.tests);
    write_map("entities", 'e', ENTITIES);
    write_map("relations", 'r', RELATIONS);
    write_model();

    const struct {
        enum setting setting;
        const char *text;
    } texts[] = {{SET_train, "train"}, {SET_test, "test"}, {SET_entities, "entities"},
                 {SET_relations, "relations"}, {SET_model, "model.safetensors"},
                 {SET_scorer, world.scorer}, {SET_inverse, inverse[world.inverse]},
                 {SET_layout, world.interleaved ? "interleaved" : "halves"},
                 {SET_norm, world.l2 ? "l2" : "moduli"},
                 {SET_nonfinite, world.worst ? "worst" : "error"},
                 {SET_unknown, world.keep ? "keep" : "error"}};
    expect(OK, settings_open(&settings));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        set(texts[i].setting, texts[i].text);
    expect(OK, settings_finish(settings));
}

/* The slow count. */

/* A row as the step wants it: `parts` parts of WIDTH / parts numbers, each padded. */
static void pad(const float *from, uint32_t parts, uint32_t dim, float *row)
{
    memset(row, 0, DIM_MAX * sizeof(*row));
    for (uint32_t part = 0; part < parts; part++)
        memcpy(row + part * dim / parts, from + part * WIDTH / parts,
               WIDTH / parts * sizeof(*row));
}

static enum rank_form world_form(void)
{
#define ROW(name, form, relation)                                                                  \
    if (strcmp(world.scorer, #name) == 0)                                                          \
        return FORM_##form == FORM_MODULUS && world.l2 ? FORM_L2 : FORM_##form;
    SCORERS(ROW)
#undef ROW
    fail();
    return FORM_COUNT;
}

static void ask_scorer(const struct scorer_query *ask, float *query)
{
#define ROW(name, form, relation)                                                                  \
    if (strcmp(world.scorer, #name) == 0) name##_query(ask, query);
    SCORERS(ROW)
#undef ROW
}

/* All scores of a question; false if it has no embedding. */
static bool score_all(enum side side, uint32_t anchor, uint32_t relation, double *score)
{
    if (anchor >= ENTITIES || relation >= RELATIONS) return false;
    const enum rank_form form = world_form();
    const uint32_t parts = form == FORM_MODULUS ? 2 : 1;
    const uint32_t dim = parts * ((WIDTH / parts + 7) / 8 * 8);
    const bool back = world.inverse && side == SIDE_HEAD;
    uint32_t row = relation;
    if (back) row = world.inverse == INVERSE_BLOCKS ? relation + RELATIONS : 2 * relation + 1;
    if (!back && world.inverse == INVERSE_INTERLEAVED) row = 2 * relation;

    float turned[WIDTH], raw[WIDTH], query[DIM_MAX], candidate[DIM_MAX];
    memcpy(turned, world.relation[row], sizeof(turned));
    for (uint32_t k = 0; world.phases && k < HALF; k++) {
        double sine, cosine;
        fmath_sincos((double)world.relation[row][k], &sine, &cosine);
        turned[k] = (float)cosine;
        turned[HALF + k] = (float)sine;
    }
    const struct scorer_query ask = {world.entity[anchor], turned, WIDTH,
                                     side == SIDE_HEAD && !back};
    ask_scorer(&ask, raw);
    pad(raw, parts, dim, query);
    for (uint32_t e = 0; e < ENTITIES; e++) {
        pad(world.entity[e], parts, dim, candidate);
        score[e] = rank_score(form, query, candidate, 1, dim);
    }
    return true;
}

static bool is_known(enum side side, uint32_t anchor, uint32_t relation, uint32_t answer)
{
    const uint32_t head = side == SIDE_HEAD ? answer : anchor;
    const uint32_t want[3] = {head, relation, side == SIDE_HEAD ? anchor : answer};
    for (uint32_t i = 0; i < TRAIN; i++)
        if (memcmp(world.train[i], want, sizeof(want)) == 0) return true;
    for (uint32_t i = 0; i < world.tests; i++)
        if (memcmp(world.test[i], want, sizeof(want)) == 0) return true;
    return false;
}

static struct rank_count count_slowly(enum side side, const uint32_t triple[3])
{
    const bool head = side == SIDE_HEAD;
    const uint32_t anchor = triple[head ? 2 : 0], answer = triple[head ? 0 : 2];
    double score[ENTITIES];
    struct rank_count count = {0};
    const bool scored = score_all(side, anchor, triple[1], score);
    const bool last = !scored || answer >= ENTITIES || score[answer] != score[answer];
    for (uint32_t e = 0; e < ENTITIES; e++) {
        if (e != answer && is_known(side, anchor, triple[1], e)) {
            count.filtered++;
            continue;
        }
        count.candidates++;
        const bool nan = scored && score[e] != score[e];
        count.nonfinite += nan;
        if (e == answer) continue;
        count.above += last || nan || score[e] > score[answer];
        count.level += !last && score[e] == score[answer];
    }
    count.candidates += answer >= ENTITIES;
    return count;
}

/* Running the program. */

/* Two counts for each test line, head and tail. */
static void read_tally(const struct dataset *dataset, const struct unit_span *span,
                       const uint8_t *bytes, uint64_t size, struct rank_count *total)
{
    const struct questions *questions = &dataset->questions;
    uint32_t at = 0;
    struct rank_count count[TARGETS] = {{0}};
    const struct question *first = &questions->at[span->first_question];
    const struct question *end = first + span->question_count;
    for (const struct question *q = first; q < end; q++) at += q->target_count;
    expect(OK, tally_add(bytes, size, count, at));
    at = 0;
    for (const struct question *q = first; q < end; q++)
        for (uint32_t t = 0; t < q->target_count; t++, at++) {
            const uint32_t line = questions->target[q->first_target + t].triple;
            uint8_t one[RANK_COUNT_BYTES];
            tally_write(&count[at], 1, one);
            expect(OK, tally_add(one, sizeof(one), &total[2 * line + (q->side == SIDE_TAIL)], 1));
        }
}

struct rig {
    struct program_job job;
    const struct program *program;
    struct dataset *dataset;
    struct shape shape;
    struct pool *pool;
    void *state, *memory;
    struct program_work work;
};

static void open_rig(struct rig *rig, uint32_t threads)
{
    uint64_t bytes;
    *rig = (struct rig){.program = program_find("rank")};
    expect(OK, dataset_open(settings, DATASET_SCORE, &rig->dataset));
    expect(OK, shape_choose(settings, rig->dataset, &rig->shape));
    expect(OK, pool_open(threads, &rig->pool));
    rig->job = (struct program_job){.settings = settings, .backend = backend_find("cpu"),
                                    .pool = rig->pool};
    expect(OK, rig->job.backend->open(rig->pool, &rig->job.device));
    expect(OK, rig->program->measure(&rig->job, &rig->state, &bytes));
    rig->memory = aligned_alloc(PROGRAM_ALIGNMENT, (bytes + 63) / 64 * 64);
    memset(rig->memory, 0xff, bytes); /* nothing may depend on what was there */
    expect(OK, rig->program->open(rig->state, rig->memory, bytes));
}

static void close_rig(struct rig *rig)
{
    rig->program->close(&rig->state);
    rig->job.backend->close(&rig->job.device);
    pool_close(&rig->pool);
    dataset_close(&rig->dataset);
    free(rig->memory);
}

static enum err run_unit(struct rig *rig, uint64_t unit, struct rank_count *total)
{
    const struct program *program = rig->program;
    assert_true(program->hungry(rig->state));
    enum err err = program->load(rig->state, unit);
    while (!err && !program->finished(rig->state)) err = program->advance(rig->state);
    if (err) {
        program->cancel(rig->state);
        return err;
    }
    uint8_t bytes[TARGETS * RANK_COUNT_BYTES];
    const uint64_t size = program->tally_bytes(rig->state);
    program->tally(rig->state, bytes, &rig->work);
    const struct unit_span span = shape_span(&rig->shape, unit);
    read_tally(rig->dataset, &span, bytes, size, total);
    return OK;
}

/* The last unit first, so that every unit meets another block. */
static enum err run_all(uint32_t threads, struct rank_count *total)
{
    struct rig rig;
    memset(total, 0, TARGETS * sizeof(*total));
    open_rig(&rig, threads);
    enum err err = OK;
    for (uint64_t unit = shape_units(&rig.shape); !err && unit-- > 0;)
        err = run_unit(&rig, unit, total);
    if (!err) assert_int_equal(rig.work.pairs, rig.shape.questions * rig.shape.candidates);
    assert_true(rig.work.lanes_live <= rig.work.lanes);
    close_rig(&rig);
    return err;
}

static void expect_right(const struct rank_count *total)
{
    for (uint32_t i = 0; i < 2 * world.tests; i++) {
        const enum side side = i % 2 ? SIDE_TAIL : SIDE_HEAD;
        const struct rank_count want = count_slowly(side, world.test[i / 2]);
        if (memcmp(&want, &total[i], sizeof(want)) == 0) continue;
        fail_msg("%s, line %u, %s: above %u level %u of %u (%u, %u); expected %u %u of %u (%u, %u)",
                 world.scorer, i / 2, side_name[side], total[i].above, total[i].level,
                 total[i].candidates, total[i].filtered, total[i].nonfinite, want.above, want.level,
                 want.candidates, want.filtered, want.nonfinite);
    }
}

static void expect_right_in_world(const struct world *given)
{
    static const char *const plans[][4] = {/* questions, candidates, lanes, fast_pass */
                                           {"0", "0", "0", "auto"},
                                           {"7", "33", "5", "fp32"},
                                           {"1000", "64", "13", "none"},
                                           {"1", "150", "1", "auto"}};
    struct rank_count total[TARGETS];
    open_world(given);
    for (uint32_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        set(SET_unit_questions, plans[i][0]);
        set(SET_unit_candidates, plans[i][1]);
        set(SET_lanes, plans[i][2]);
        set(SET_fast_pass, plans[i][3]);
        expect(OK, run_all(1 + i % 3, total));
        expect_right(total);
    }
    settings_close(&settings);
}

static void every_scorer_counts_right(void **state)
{
    (void)state;
#define ROW(name, form, relation)                                                                  \
    expect_right_in_world(                                                                         \
        &(struct world){.scorer = #name, .phases = FORM_##form == FORM_MODULUS});                  \
    expect_right_in_world(&(struct world){                                                         \
        .scorer = #name, .phases = FORM_##form == FORM_MODULUS, .number = whole});
    SCORERS(ROW)
#undef ROW
}

static void interleaved_rows_count_the_same(void **state)
{
    (void)state;
    expect_right_in_world(&(struct world){.scorer = "complex", .interleaved = true});
    expect_right_in_world(&(struct world){.scorer = "rotate", .interleaved = true, .phases = true});
    expect_right_in_world(&(struct world){.scorer = "rotate", .interleaved = true});
}

static void rotate_takes_complex_numbers_and_the_l2_norm(void **state)
{
    (void)state;
    expect_right_in_world(&(struct world){.scorer = "rotate"});
    expect_right_in_world(&(struct world){.scorer = "rotate", .phases = true, .l2 = true});
}

static void inverse_relations_ask_for_the_tail(void **state)
{
    (void)state;
    expect_right_in_world(&(struct world){.scorer = "complex", .inverse = INVERSE_BLOCKS});
    expect_right_in_world(&(struct world){.scorer = "transe_l1", .inverse = INVERSE_INTERLEAVED});
}

static float sometimes_nan(uint64_t *random)
{
    return next(random) % 400 == 0 ? NAN : next(random) % 300 == 0 ? INFINITY : ordinary(random);
}

static void nan_ranks_last_where_that_is_wished(void **state)
{
    (void)state;
    expect_right_in_world(
        &(struct world){.scorer = "distmult", .worst = true, .number = sometimes_nan});
    expect_right_in_world(
        &(struct world){.scorer = "transe_l2", .worst = true, .number = sometimes_nan});
}

static void size_of_the_numbers_does_not_matter(void **state)
{
    (void)state;
    expect_right_in_world(&(struct world){.scorer = "complex", .worst = true, .number = huge});
    expect_right_in_world(&(struct world){.scorer = "transe_l2", .number = tiny});
    expect_right_in_world(&(struct world){.scorer = "rotate", .worst = true, .number = tiny});
}

static void strangers_rank_last_where_they_are_kept(void **state)
{
    (void)state;
    expect_right_in_world(&(struct world){.scorer = "distmult", .keep = true});
    expect_right_in_world(&(struct world){
        .scorer = "transe_l1", .keep = true, .worst = true, .number = sometimes_nan});
}

static void nan_ends_the_run_with_its_place(void **state)
{
    (void)state;
    open_world(&(struct world){.scorer = "distmult"});
    world.entity[37][3] = NAN;
    write_model();
    struct rank_count total[TARGETS];
    expect(ERR_INPUT, run_all(2, total));
    expect_note("candidate e37 ");
    expect_note("test: query ");
    settings_close(&settings);
}

/* Entity 14 is the true answer of some lines; as an answer it has no score to be compared with. */
static void nan_of_a_true_answer_ends_the_run(void **state)
{
    (void)state;
    open_world(&(struct world){.scorer = "transe_l1"});
    world.entity[14][0] = NAN;
    write_model();
    struct rank_count total[TARGETS];
    expect(ERR_INPUT, run_all(1, total));
    expect_note("candidate e14 ");
    settings_close(&settings);
}

static void a_unit_after_a_failed_one_is_right(void **state)
{
    (void)state;
    open_world(&(struct world){.scorer = "distmult"});
    set(SET_unit_candidates, "64");
    set(SET_unit_questions, "1000");
    struct rig rig;
    struct rank_count first[TARGETS] = {{0}}, again[TARGETS] = {{0}};
    open_rig(&rig, 2);
    expect(OK, run_unit(&rig, 1, first));
    expect(ERR_FAILED, run_unit(&rig, 1000, first));
    expect(OK, rig.program->load(rig.state, 2));
    expect(OK, rig.program->advance(rig.state));
    rig.program->cancel(rig.state);
    assert_int_equal(2, rig.program->column(rig.state));
    expect(OK, run_unit(&rig, 1, again));
    assert_memory_equal(first, again, sizeof(first));
    close_rig(&rig);
    settings_close(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_scorer_counts_right),
        test_plain(interleaved_rows_count_the_same),
        test_plain(rotate_takes_complex_numbers_and_the_l2_norm),
        test_plain(inverse_relations_ask_for_the_tail),
        test_plain(nan_ranks_last_where_that_is_wished),
        test_plain(size_of_the_numbers_does_not_matter),
        test_plain(strangers_rank_last_where_they_are_kept),
        test_plain(nan_ends_the_run_with_its_place),
        test_plain(nan_of_a_true_answer_ends_the_run),
        test_plain(a_unit_after_a_failed_one_is_right),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
