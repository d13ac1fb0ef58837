/* Tests of the filter's index. */
#include "common/known.h"
#include "tests/test.h"

#include <string.h>

static struct triple train[] = {{0, 0, 5}, {0, 0, 2}, {0, 1, 3}, {4, 0, 2}, {0, 0, 5}, {7, 2, 0}};
static struct triple test[] = {{0, 0, 9}, {0, 0, 2}};

static const struct triples train_triples = {.at = train, .count = 6};
static const struct triples test_triples = {.at = test, .count = 2};

static void expect_answers(const struct known *known, enum side side, uint32_t anchor,
                           uint32_t relation, const uint32_t *expected, uint32_t expected_count)
{
    uint32_t count = 77;
    const uint32_t *answers = known_answers(known, side, anchor, relation, &count);
    assert_int_equal(expected_count, count);
    if (count) assert_memory_equal(expected, answers, count * sizeof *answers);
}

static void answers_ascend_and_stand_once(void **state)
{
    (void)state;
    const struct triples *const sets[] = {&train_triples, &test_triples};
    struct known *known;
    expect(OK, known_open(sets, 2, &known));
    expect_answers(known, SIDE_TAIL, 0, 0, (uint32_t[]){2, 5, 9}, 3);
    expect_answers(known, SIDE_TAIL, 0, 1, (uint32_t[]){3}, 1);
    expect_answers(known, SIDE_TAIL, 7, 2, (uint32_t[]){0}, 1);
    expect_answers(known, SIDE_HEAD, 2, 0, (uint32_t[]){0, 4}, 2);
    expect_answers(known, SIDE_HEAD, 9, 0, (uint32_t[]){0}, 1);
    expect_answers(known, SIDE_HEAD, 0, 2, (uint32_t[]){7}, 1);
    known_close(&known);
    assert_null(known);
}

static void question_that_none_answers_has_none(void **state)
{
    (void)state;
    const struct triples *const sets[] = {&train_triples};
    struct known *known;
    expect(OK, known_open(sets, 1, &known));
    expect_answers(known, SIDE_TAIL, 0, 2, NULL, 0);
    expect_answers(known, SIDE_TAIL, 1, 0, NULL, 0);
    expect_answers(known, SIDE_TAIL, 7, 0, NULL, 0);
    expect_answers(known, SIDE_TAIL, 7, 3, NULL, 0);
    expect_answers(known, SIDE_TAIL, 8, 0, NULL, 0);
    expect_answers(known, SIDE_HEAD, UINT32_MAX, UINT32_MAX, NULL, 0);
    known_close(&known);
}

static void empty_filter_knows_nothing(void **state)
{
    (void)state;
    const struct triples nothing = {0};
    const struct triples *const sets[] = {&nothing};
    struct known *known;
    for (size_t count = 0; count < 2; count++) {
        expect(OK, known_open(sets, count, &known));
        expect_answers(known, SIDE_TAIL, 0, 0, NULL, 0);
        expect_answers(known, SIDE_HEAD, 0, 0, NULL, 0);
        known_close(&known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(answers_ascend_and_stand_once),
        test_plain(question_that_none_answers_has_none),
        test_plain(empty_filter_knows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
