/* Tests of gathering targets into questions. */
#include "common/permute.h"
#include "common/questions.h"
#include "tests/test.h"

#include <string.h>

enum { HEADS = 1 << SIDE_HEAD, TAILS = 1 << SIDE_TAIL, BOTH = HEADS | TAILS };

static struct triple at[] = {{0, 0, 1}, {2, 0, 3}, {0, 0, 4}, {0, 1, 1}, {5, 0, 1}, {0, 0, 1}};
static const struct triples triples = {.at = at, .count = 6};

/* Every target once, under the question that it asks, in file order. */
static void expect_targets(const struct questions *questions, uint64_t sides)
{
    uint32_t seen[6][SIDES] = {{0}};
    uint32_t next = 0;
    for (uint32_t q = 0; q < questions->count; q++) {
        const struct question *question = &questions->at[q];
        assert_int_equal(next, question->first_target);
        assert_true(question->target_count > 0);
        next += question->target_count;
        for (uint32_t i = question->first_target; i < next; i++) {
            const struct target *target = &questions->target[i];
            const struct triple *triple = &at[target->triple];
            const bool tail = question->side == SIDE_TAIL;
            assert_int_equal(question->anchor, tail ? triple->head : triple->tail);
            assert_int_equal(question->relation, triple->relation);
            assert_int_equal(target->answer, tail ? triple->tail : triple->head);
            if (i > question->first_target) assert_true(target->triple > target[-1].triple);
            seen[target->triple][question->side]++;
        }
    }
    assert_int_equal(next, questions->target_count);
    for (uint32_t i = 0; i < 6; i++)
        for (enum side side = 0; side < SIDES; side++)
            assert_int_equal(sides >> side & 1, seen[i][side]);
}

static void targets_that_ask_the_same_share_a_question(void **state)
{
    (void)state;
    struct questions questions;
    expect(OK, questions_open(&triples, TAILS, 0, &questions));
    assert_int_equal(4, questions.count); /* (0, 0), (2, 0), (0, 1), (5, 0) */
    assert_int_equal(6, questions.target_count);
    expect_targets(&questions, TAILS);
    questions_close(&questions);
    expect(OK, questions_open(&triples, HEADS, 0, &questions));
    assert_int_equal(4, questions.count); /* (1, 0), (3, 0), (4, 0), (1, 1) */
    expect_targets(&questions, HEADS);
    questions_close(&questions);
    expect(OK, questions_open(&triples, BOTH, 0, &questions));
    assert_int_equal(8, questions.count);
    expect_targets(&questions, BOTH);
    questions_close(&questions);
    assert_null(questions.at);
}

/* The documented numbering: results depend on it. */
static void numbers_follow_the_permutation_of_first_appearance(void **state)
{
    (void)state;
    static const struct question appear[] = {
        {SIDE_HEAD, 1, 0, 0, 3}, {SIDE_TAIL, 0, 0, 0, 3}, {SIDE_HEAD, 3, 0, 0, 1},
        {SIDE_TAIL, 2, 0, 0, 1}, {SIDE_HEAD, 4, 0, 0, 1}, {SIDE_HEAD, 1, 1, 0, 1},
        {SIDE_TAIL, 0, 1, 0, 1}, {SIDE_TAIL, 5, 0, 0, 1},
    };
    struct questions questions;
    for (uint64_t seed = 0; seed < 3; seed++) {
        expect(OK, questions_open(&triples, BOTH, seed, &questions));
        for (uint64_t k = 0; k < 8; k++) {
            const uint64_t q = permute(seed, UINT64_C(0x7175657374696f6e), 8, k);
            assert_int_equal(appear[k].side, questions.at[q].side);
            assert_int_equal(appear[k].anchor, questions.at[q].anchor);
            assert_int_equal(appear[k].relation, questions.at[q].relation);
            assert_int_equal(appear[k].target_count, questions.at[q].target_count);
        }
        questions_close(&questions);
    }
}

static void no_triples_make_no_questions(void **state)
{
    (void)state;
    const struct triples nothing = {0};
    struct questions questions;
    expect(OK, questions_open(&nothing, BOTH, 0, &questions));
    assert_int_equal(0, questions.count);
    questions_close(&questions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(targets_that_ask_the_same_share_a_question),
        test_plain(numbers_follow_the_permutation_of_first_appearance),
        test_plain(no_triples_make_no_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
