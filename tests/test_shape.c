/* Tests of the grid's shape: what is chosen, and which part of the grid a unit is. */
#include "common/shape.h"
#include "tests/files.h"

#include <stdlib.h>

static struct settings *settings;

static int setup(void **state)
{
    (void)state;
    expect(OK, settings_open(&settings));
    expect(OK, settings_set(settings, SET_scorer, "distmult", NULL, "test"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    settings_close(&settings);
    return 0;
}

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, NULL, "test"));
}

/* The shape of a run of so many questions, of one target each but the first, which has ten. */
static struct shape choose(uint32_t questions, uint32_t entities, uint32_t width)
{
    struct shape shape;
    struct question *at = calloc(questions, sizeof *at);
    assert_non_null(at);
    for (uint32_t q = 0; q < questions; q++)
        at[q] = (struct question){.first_target = q ? q + 9 : 0, .target_count = q ? 1 : 10};
    const struct dataset dataset = {
        .questions = {.at = at, .count = questions, .target_count = questions + 9},
        .entity_table = {.rows = entities, .width = width},
        .entity_count = entities,
    };
    expect(OK, shape_choose(settings, &dataset, &shape));
    free(at);
    return shape;
}

static void tiny_run_is_few_units_of_the_whole_table(void **state)
{
    (void)state;
    struct shape shape = choose(40, 14, 32);
    assert_int_equal(1, shape_units(&shape));
    assert_int_equal(40, shape.unit_questions);
    assert_int_equal(14, shape.unit_candidates);
    assert_int_equal(49, shape.unit_targets);
    shape = choose(704, 135, 128);
    assert_int_equal(64, shape.unit_questions);
    assert_int_equal(11, shape_units(&shape));
    assert_int_equal(73, shape.unit_targets);
}

static void run_of_some_size_has_units_to_share(void **state)
{
    (void)state;
    const struct shape shape = choose(5716, 40943, 200);
    assert_int_equal(40943, shape.unit_candidates);
    assert_true(shape_rows(&shape) >= 16);
    assert_true(shape.unit_questions >= 64);
}

static void large_run_has_units_of_bounded_work(void **state)
{
    (void)state;
    const struct shape shape = choose(2000000, 1454504, 256);
    assert_int_equal(65536, shape.unit_candidates);
    assert_int_equal(23, shape_columns(&shape));
    assert_int_equal(238, shape.unit_questions); /* 4e9 / (65536 * 256) */
    const struct shape wide = choose(2000000, 1454504, 1 << 20);
    assert_int_equal(64, wide.unit_questions);
    const struct shape narrow = choose(9000000, 8, 1);
    assert_int_equal(65536, narrow.unit_questions);
}

static void settings_are_heeded_and_cut_to_the_grid(void **state)
{
    (void)state;
    set(SET_unit_questions, "10");
    set(SET_unit_candidates, "50");
    struct shape shape = choose(95, 135, 128);
    assert_int_equal(10, shape.unit_questions);
    assert_int_equal(50, shape.unit_candidates);
    assert_int_equal(30, shape_units(&shape));
    set(SET_unit_questions, "1000");
    set(SET_unit_candidates, "1000");
    shape = choose(95, 135, 128);
    assert_int_equal(95, shape.unit_questions);
    assert_int_equal(135, shape.unit_candidates);
}

/* A plan stores what was chosen, and workers choose from what it stored. */
static void chosen_shape_chooses_itself(void **state)
{
    (void)state;
    char text[32];
    const struct shape chosen = choose(100000, 200000, 100);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)chosen.unit_questions);
    set(SET_unit_questions, text);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)chosen.unit_candidates);
    set(SET_unit_candidates, text);
    const struct shape again = choose(100000, 200000, 100);
    assert_memory_equal(&chosen, &again, sizeof chosen);
}

static void rows_are_padded_by_the_form(void **state)
{
    (void)state;
    assert_int_equal(16, choose(1, 1, 10).dim);
    assert_int_equal(8, choose(1, 1, 8).dim);
    set(SET_scorer, "rotate");
    assert_int_equal(32, choose(1, 1, 20).dim); /* two halves of 10 */
    set(SET_norm, "l2");
    assert_int_equal(24, choose(1, 1, 20).dim);
}

static void units_cover_the_grid_once(void **state)
{
    (void)state;
    const struct shape shape = {
        .questions = 23, .candidates = 17, .unit_questions = 5, .unit_candidates = 4, .dim = 8};
    unsigned seen[23][17] = {{0}};
    assert_int_equal(25, shape_units(&shape));
    for (uint64_t unit = 0; unit < shape_units(&shape); unit++) {
        const struct unit_span span = shape_span(&shape, unit);
        assert_int_equal(unit / 5 * 5, span.first_question);
        assert_int_equal(unit % 5 * 4, span.first_candidate);
        for (uint64_t q = 0; q < span.question_count; q++)
            for (uint64_t c = 0; c < span.candidate_count; c++)
                seen[span.first_question + q][span.first_candidate + c]++;
    }
    for (size_t q = 0; q < 23; q++)
        for (size_t c = 0; c < 17; c++) assert_int_equal(1, seen[q][c]);
}

static void memory_covers_panels_queries_and_targets(void **state)
{
    (void)state;
    struct shape shape = {.questions = 100,
                          .candidates = 1000,
                          .unit_questions = 100,
                          .unit_candidates = 1000,
                          .dim = 128,
                          .unit_targets = 200};
    const uint64_t bytes = shape_bytes(&shape, 48, 2);
    assert_true(bytes >= 1024 * 128 * 4 + 32 * 8 + 48 * 128 * 4 + 200 * (8 + 20 + 8));
    assert_int_equal(0, bytes % 64);
    assert_true(shape_bytes(&shape, 49, 2) > bytes);
    assert_true(shape_bytes(&shape, 48, 3) > bytes);
    shape.unit_targets++;
    assert_true(shape_bytes(&shape, 48, 2) > bytes);
}

static void lanes_are_the_settings_or_the_standard(void **state)
{
    (void)state;
    assert_true(shape_lanes(settings) > 0);
    set(SET_lanes, "7");
    assert_int_equal(7, shape_lanes(settings));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(tiny_run_is_few_units_of_the_whole_table),
        test_case(run_of_some_size_has_units_to_share),
        test_case(large_run_has_units_of_bounded_work),
        test_case(settings_are_heeded_and_cut_to_the_grid),
        test_case(chosen_shape_chooses_itself),
        test_case(rows_are_padded_by_the_form),
        test_case(units_cover_the_grid_once),
        test_case(memory_covers_panels_queries_and_targets),
        test_case(lanes_are_the_settings_or_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
