/* Tests of reading a run's inputs together: maps, files, filter, and tables that must fit. */
#include "common/dataset.h"
#include "common/splits.h"
#include "tests/files.h"

#include <math.h>

enum { ENTITIES = 3, RELATIONS = 2, WIDTH = 4, NUMBERS_MAX = 64 };

/* A model of two F32 tables under the standard names. */
struct model {
    uint32_t entities, entity_width, relations, relation_width;
    float numbers[NUMBERS_MAX]; /* the entity table, then the relation table */
};

static const struct model sound = {ENTITIES, WIDTH, RELATIONS, WIDTH, {0}};

static const char *write_model(const struct model *model)
{
    char bytes[1024] = "";
    const uint32_t middle = 4 * model->entities * model->entity_width;
    const uint32_t end = middle + 4 * model->relations * model->relation_width;
    const int length = snprintf(bytes + 8, sizeof bytes - 8,
                                "{\"entity_embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[%u,%u]"
                                ",\"data_offsets\":[0,%u]},"
                                "\"relation_embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[%u,%"
                                "u],\"data_offsets\":[%u,%u]}}",
                                model->entities, model->entity_width, middle, model->relations,
                                model->relation_width, middle, end);
    assert_true(end <= sizeof model->numbers && length > 0 && length < 256);
    bytes[0] = (char)(length & 0xff);
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8 + length, model->numbers, end);
    return file_write("model.safetensors", bytes, 8 + (size_t)length + end);
}

static struct settings *settings;
static struct dataset *dataset;

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder_path, "test"));
}

/* A run that has nothing wrong with it; tests change what they are about. */
static int setup(void **state)
{
    (void)state;
    expect(OK, settings_open(&settings));
    set(SET_train, file_text("train", "a\tr\tb\nb\tr\tc\na\ts\tb\n"));
    set(SET_valid, file_text("valid", "a\tr\ta\n"));
    set(SET_test, file_text("test", "a\tr\tc\nc\ts\ta\n"));
    set(SET_model, write_model(&sound));
    set(SET_scorer, "distmult");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(&dataset);
    settings_close(&settings);
    return 0;
}

static enum err open_dataset(enum dataset_use use)
{
    expect(OK, settings_finish(settings));
    dataset_close(&dataset);
    return dataset_open(settings, use, &dataset);
}

static void expect_refused(enum err err, const char *note)
{
    expect(err, open_dataset(DATASET_PLAN));
    assert_null(dataset);
    expect_note(note);
}

static void expect_known(const char *anchor, const char *relation, uint32_t expected)
{
    uint32_t count;
    (void)known_answers(dataset->known, SIDE_TAIL, vocab_find(dataset->entities, anchor),
                        vocab_find(dataset->relations, relation), &count);
    assert_int_equal(expected, count);
}

static void all_is_there_for_scoring(void **state)
{
    (void)state;
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(ENTITIES, dataset->entity_count);
    assert_int_equal(RELATIONS, dataset->relation_count);
    assert_int_equal(2, dataset->evaluated.count);
    assert_int_equal(4, dataset->questions.count);
    assert_int_equal(ENTITIES, dataset->entity_table.rows);
    assert_int_equal(WIDTH, dataset->relation_table.width);
    assert_string_equal("b", vocab_label(dataset->entities, 1));
    assert_string_equal(settings_text(settings, SET_test), split_evaluated_path(settings));
    expect_known("a", "r", 3);
    expect_known("c", "s", 1);
}

static void plan_has_no_filter(void **state)
{
    (void)state;
    expect(OK, open_dataset(DATASET_PLAN));
    assert_null(dataset->known);
    assert_int_equal(4, dataset->questions.count);
}

static void filter_is_of_the_files_it_names(void **state)
{
    (void)state;
    set(SET_filter, "test");
    expect(OK, open_dataset(DATASET_SCORE));
    expect_known("a", "r", 1);
    set(SET_filter, "train,valid");
    expect(OK, open_dataset(DATASET_SCORE));
    expect_known("a", "r", 2);
    set(SET_filter, "none");
    expect(OK, open_dataset(DATASET_SCORE));
    expect_known("a", "r", 0);
}

static void limit_is_of_the_evaluated_lines_alone(void **state)
{
    (void)state;
    set(SET_limit, "1");
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(1, dataset->evaluated.count);
    assert_int_equal(2, dataset->questions.target_count);
    expect_known("c", "s", 1);
}

static void other_split_or_file_can_be_evaluated(void **state)
{
    (void)state;
    set(SET_queries, "train");
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(3, dataset->evaluated.count);
    set(SET_queries, file_text("more", "b\ts\tb\n"));
    set(SET_filter, "queries");
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(1, dataset->evaluated.count);
    assert_string_equal(settings_text(settings, SET_queries), split_evaluated_path(settings));
    expect_known("b", "s", 1);
    expect_known("a", "r", 0);
}

static void given_maps_come_before_train(void **state)
{
    (void)state;
    set(SET_entities, file_text("entities", "0\tc\n1\ta\n2\tb\n"));
    set(SET_relations, file_text("relations", "1\tr\n0\ts\n"));
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(0, vocab_find(dataset->entities, "c"));
    assert_int_equal(1, vocab_find(dataset->relations, "r"));
    assert_int_equal(1, dataset->evaluated.at[0].head);
}

static void unknown_labels_follow_the_policy(void **state)
{
    (void)state;
    set(SET_test, file_text("test", "a\tr\tnew\na\tr\tb\n"));
    expect_refused(ERR_INPUT, "test:1: tail `new` is not in the map");
    set(SET_unknown, "drop");
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(1, dataset->evaluated.count);
    assert_int_equal(1, dataset->dropped);
    set(SET_unknown, "keep");
    expect(OK, open_dataset(DATASET_SCORE));
    assert_int_equal(2, dataset->evaluated.count);
    assert_int_equal(1, dataset->kept);
    assert_int_equal(ENTITIES, dataset->entity_count);
    assert_int_equal(ENTITIES, dataset->evaluated.at[0].tail);
}

/* Both sides must give kept labels the same numbers, whatever the filter spares them to read. */
static void kept_labels_have_the_same_numbers_in_both_uses(void **state)
{
    (void)state;
    set(SET_valid, file_text("valid", "a\tr\tearly\n"));
    set(SET_test, file_text("test", "a\tr\tnew\n"));
    set(SET_unknown, "keep");
    set(SET_filter, "none");
    for (enum dataset_use use = DATASET_PLAN; use <= DATASET_SCORE; use++) {
        expect(OK, open_dataset(use));
        assert_int_equal(ENTITIES, vocab_find(dataset->entities, "early"));
        assert_int_equal(ENTITIES + 1, dataset->evaluated.at[0].tail);
    }
}

static void run_without_triples_is_refused(void **state)
{
    (void)state;
    set(SET_test, file_text("test", ""));
    expect_refused(ERR_INPUT, "no test triples");
    set(SET_test, file_text("test", "a\tr\tnew\n"));
    set(SET_unknown, "drop");
    expect_refused(ERR_INPUT, "no test triples to rank; all lines were dropped");
}

static void plan_checks_files_that_scoring_spares(void **state)
{
    (void)state;
    set(SET_filter, "none");
    set(SET_valid, file_text("valid", "broken\n"));
    expect(OK, open_dataset(DATASET_SCORE));
    expect_refused(ERR_INPUT, "valid:1: 1 column");
}

static void map_needs_a_file_or_train(void **state)
{
    (void)state;
    settings_close(&settings);
    expect(OK, settings_open(&settings));
    set(SET_test, file_path("test"));
    set(SET_model, file_path("model.safetensors"));
    set(SET_scorer, "distmult");
    dataset_close(&dataset);
    expect(ERR_USAGE, dataset_open(settings, DATASET_PLAN, &dataset));
    expect_note("entities: no map is given");
}

static void tables_must_fit_the_maps(void **state)
{
    (void)state;
    struct model model = sound;
    model.entities = 4;
    write_model(&model);
    expect_refused(ERR_INPUT, "tensor entity_embeddings.weight: 4 rows, expected 3");
    model = sound;
    model.relations = 3;
    write_model(&model);
    expect_refused(ERR_INPUT,
                   "tensor relation_embeddings.weight: 3 rows, expected 2, one for each");
    model.relations = 4;
    write_model(&model);
    expect_refused(ERR_INPUT, "set inverse to blocks or interleaved");
    set(SET_inverse, "blocks");
    expect(OK, open_dataset(DATASET_PLAN));
    model.relations = 2;
    write_model(&model);
    expect_refused(ERR_INPUT,
                   "2 rows, expected 4, two for each relation of the map: relation table "
                   "too small for inverse");
}

static void widths_must_fit_the_scorer(void **state)
{
    (void)state;
    struct model model = sound;
    model.relation_width = 2;
    write_model(&model);
    expect_refused(ERR_INPUT, "rows of 2 numbers, expected 4, as many as an entity has, for "
                              "scorer distmult; that shape fits rotate");
    set(SET_scorer, "rotate");
    expect(OK, open_dataset(DATASET_PLAN));
    model.relation_width = 3;
    write_model(&model);
    expect_refused(ERR_INPUT, "rows of 3 numbers, expected 2 angles or 4 parts");
    model.entity_width = 3;
    write_model(&model);
    expect_refused(ERR_INPUT, "rows of 3 numbers, expected an even number");
    set(SET_scorer, "complex");
    expect_refused(ERR_INPUT, "rows of 3 numbers, expected an even number");
    set(SET_scorer, "distmult");
    expect(OK, open_dataset(DATASET_PLAN));
}

static void nan_is_found_before_work_begins(void **state)
{
    (void)state;
    struct model model = sound;
    model.numbers[6] = NAN;
    write_model(&model);
    expect_refused(ERR_INPUT,
                   "model.safetensors: tensor entity_embeddings.weight: row 1 (b), column "
                   "2 is NaN");
    expect(OK, open_dataset(DATASET_SCORE));
    model.numbers[6] = 0;
    model.relations = 4;
    model.numbers[ENTITIES * WIDTH + 2 * WIDTH] = NAN;
    write_model(&model);
    set(SET_inverse, "blocks");
    expect_refused(ERR_INPUT, "tensor relation_embeddings.weight: row 2 (r), column 0 is NaN");
    set(SET_inverse, "interleaved");
    expect_refused(ERR_INPUT, "row 2 (s)");
    set(SET_nonfinite, "worst");
    expect(OK, open_dataset(DATASET_PLAN));
}

/* Head questions turn back by the conjugate, which is the inverse only where the modulus is 1. */
static void rotations_must_be_rotations_for_head_questions(void **state)
{
    (void)state;
    struct model model = sound;
    float *relation = model.numbers + ENTITIES * WIDTH;
    const float rows[2][WIDTH] = {{0.6f, 1, 0.8f, 0}, {0, -1.0005f, 1, 0}}; /* halves */
    memcpy(relation, rows, sizeof rows);
    write_model(&model);
    set(SET_scorer, "rotate");
    expect(OK, open_dataset(DATASET_PLAN));
    relation[5] = -1.002f;
    write_model(&model);
    expect_refused(ERR_INPUT, "row 1 (s): complex number 1 has modulus 1.002");
    set(SET_sides, "tail");
    expect(OK, open_dataset(DATASET_PLAN));
    set(SET_sides, "head,tail");
    relation[5] = -1;
    write_model(&model);
    set(SET_layout, "interleaved");
    expect_refused(ERR_INPUT, "row 0 (r): complex number 0 has modulus 1.16");
}

static const char *write_npy(const char *name, uint32_t rows, uint32_t width)
{
    char bytes[512] = "\x93NUMPY\x01";
    const int length = snprintf(bytes + 10, 200,
                                "{'descr': '<f4', 'fortran_order': False, "
                                "'shape': (%u, %u)}",
                                rows, width);
    bytes[8] = (char)length;
    return file_write(name, bytes, 10 + (size_t)length + 4 * rows * width);
}

static void npy_tables_come_in_two_files(void **state)
{
    (void)state;
    set(SET_model, write_npy("e.npy", ENTITIES, WIDTH));
    set(SET_relation_model, write_npy("r.npy", RELATIONS, WIDTH));
    expect(OK, open_dataset(DATASET_PLAN));
    assert_int_equal(ENTITIES, dataset->entity_table.rows);
    assert_int_equal(RELATIONS, dataset->relation_table.rows);
    write_npy("r.npy", 1, WIDTH);
    expect_refused(ERR_INPUT, "relation_model: /");
    expect_note("r.npy: tensor relation_embeddings.weight: 1 rows, expected 2");
}

static void broken_files_are_told_by_their_role(void **state)
{
    (void)state;
    set(SET_model, file_text("model.safetensors", "short"));
    expect_refused(ERR_INPUT, "model: /");
    set(SET_valid, file_text("valid", "a\tr\n"));
    expect_refused(ERR_INPUT, "valid: /");
    file_text("train", "a\tr\tb\tc\n");
    expect_refused(ERR_INPUT, "entities: /");
}

static void inverse_relations_turn_head_questions_around(void **state)
{
    (void)state;
    enum side side;
    assert_int_equal(1, dataset_relation_row(settings, 2, SIDE_HEAD, 1, &side));
    assert_int_equal(SIDE_HEAD, side);
    set(SET_inverse, "blocks");
    assert_int_equal(3, dataset_relation_row(settings, 2, SIDE_HEAD, 1, &side));
    assert_int_equal(SIDE_TAIL, side);
    assert_int_equal(1, dataset_relation_row(settings, 2, SIDE_TAIL, 1, &side));
    assert_int_equal(SIDE_TAIL, side);
    set(SET_inverse, "interleaved");
    assert_int_equal(3, dataset_relation_row(settings, 2, SIDE_HEAD, 1, &side));
    assert_int_equal(SIDE_TAIL, side);
    assert_int_equal(2, dataset_relation_row(settings, 2, SIDE_TAIL, 1, &side));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(all_is_there_for_scoring),
        test_case(plan_has_no_filter),
        test_case(filter_is_of_the_files_it_names),
        test_case(limit_is_of_the_evaluated_lines_alone),
        test_case(other_split_or_file_can_be_evaluated),
        test_case(given_maps_come_before_train),
        test_case(unknown_labels_follow_the_policy),
        test_case(kept_labels_have_the_same_numbers_in_both_uses),
        test_case(run_without_triples_is_refused),
        test_case(plan_checks_files_that_scoring_spares),
        test_case(map_needs_a_file_or_train),
        test_case(tables_must_fit_the_maps),
        test_case(widths_must_fit_the_scorer),
        test_case(nan_is_found_before_work_begins),
        test_case(rotations_must_be_rotations_for_head_questions),
        test_case(npy_tables_come_in_two_files),
        test_case(broken_files_are_told_by_their_role),
        test_case(inverse_relations_turn_head_questions_around),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
