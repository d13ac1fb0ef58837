/* Tests of the index of facts: spans in order, membership, facts given twice, an empty one. */
#include "common/facts.h"
#include "tests/test.h"

#include <stdlib.h>

static struct facts facts;

static int setup(void **state)
{
    (void)state;
    facts = (struct facts){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    facts_close(&facts);
    return 0;
}

static const struct atom few[] = {
    {2, 5, 1}, {1, 3, 4}, {1, 3, 2}, {3, 3, 2}, {1, 1, 4}, {1, 3, 2}, {3, 2, 2}, {1, 3, 4},
};
enum { FEW = sizeof few / sizeof *few, PREDICATES = 4 };

static void expect_span(struct facts_span span, uint32_t count, const struct facts_pair *pairs)
{
    assert_int_equal(count, span.count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(pairs[i].first, span.at[i].first);
        assert_int_equal(pairs[i].second, span.at[i].second);
    }
}

static void facts_of_a_predicate_stand_once_and_in_order(void **state)
{
    (void)state;
    expect(OK, facts_open(few, FEW, PREDICATES, &facts));
    assert_int_equal(6, facts.count);
    expect_span(facts_of(&facts, 1), 3, (struct facts_pair[]){{1, 4}, {3, 2}, {3, 4}});
    expect_span(facts_of(&facts, 2), 1, (struct facts_pair[]){{5, 1}});
    expect_span(facts_of(&facts, 3), 2, (struct facts_pair[]){{2, 2}, {3, 2}});
    expect_span(facts_of(&facts, 4), 0, NULL);
}

static void facts_with_an_argument_are_in_order(void **state)
{
    (void)state;
    expect(OK, facts_open(few, FEW, PREDICATES, &facts));
    expect_span(facts_with_first(&facts, 1, 3), 2, (struct facts_pair[]){{3, 2}, {3, 4}});
    expect_span(facts_with_first(&facts, 1, 4), 0, NULL);
    expect_span(facts_with_first(&facts, 4, 3), 0, NULL);
    expect_span(facts_with_second(&facts, 1, 4), 2, (struct facts_pair[]){{1, 4}, {3, 4}});
    expect_span(facts_with_second(&facts, 3, 2), 2, (struct facts_pair[]){{2, 2}, {3, 2}});
    expect_span(facts_with_second(&facts, 2, 5), 0, NULL);
}

static void membership_is_of_the_whole_atom(void **state)
{
    (void)state;
    expect(OK, facts_open(few, FEW, PREDICATES, &facts));
    for (uint32_t i = 0; i < FEW; i++) assert_true(facts_has(&facts, few[i]));
    assert_false(facts_has(&facts, (struct atom){1, 4, 3}));
    assert_false(facts_has(&facts, (struct atom){2, 3, 4}));
    assert_false(facts_has(&facts, (struct atom){4, 3, 2}));
}

static void no_facts_can_be_asked(void **state)
{
    (void)state;
    expect(OK, facts_open(NULL, 0, PREDICATES, &facts));
    assert_int_equal(0, facts.count);
    assert_false(facts_has(&facts, few[0]));
    assert_int_equal(0, facts_of(&facts, PREDICATES).count);
    assert_int_equal(0, facts_with_first(&facts, 1, 3).count);
    assert_int_equal(0, facts_with_second(&facts, 1, 3).count);
}

/* Splitmix64's step: the same numbers in every run. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ x >> 31) % below);
}

/* Against plain scans of the list. */
static void index_agrees_with_the_list(void **state)
{
    (void)state;
    enum { MANY = 3000, CONSTANTS = 60, KINDS = 5 };
    static struct atom atoms[MANY];
    uint64_t seed = 1;
    for (uint32_t i = 0; i < MANY; i++)
        atoms[i] = (struct atom){1 + draw(&seed, KINDS), 1 + draw(&seed, CONSTANTS),
                                 1 + draw(&seed, CONSTANTS)};
    expect(OK, facts_open(atoms, MANY, KINDS, &facts));

    static bool held[KINDS + 1][CONSTANTS + 1][CONSTANTS + 1];
    for (uint32_t i = 0; i < MANY; i++)
        held[atoms[i].predicate][atoms[i].first][atoms[i].second] = true;
    uint32_t total = 0;
    for (uint32_t p = 1; p <= KINDS; p++)
        for (uint32_t c = 1; c <= CONSTANTS; c++) {
            uint32_t first = 0, second = 0;
            const struct facts_span with_first = facts_with_first(&facts, p, c);
            const struct facts_span with_second = facts_with_second(&facts, p, c);
            for (uint32_t d = 1; d <= CONSTANTS; d++) {
                assert_int_equal(held[p][c][d], facts_has(&facts, (struct atom){p, c, d}));
                if (held[p][c][d]) assert_int_equal(d, with_first.at[first++].second);
                if (held[p][d][c]) assert_int_equal(d, with_second.at[second++].first);
            }
            assert_int_equal(first, with_first.count);
            assert_int_equal(second, with_second.count);
            total += first;
        }
    assert_int_equal(total, facts.count);
}

/* A table is a power of two and at most half full: 16 bytes for each of at most 4 slots a fact
 * or group, beside the pairs. */
static void memory_is_stated_and_bounded(void **state)
{
    (void)state;
    enum { MANY = 1 << 16 };
    struct atom *atoms = malloc(MANY * sizeof *atoms);
    assert_non_null(atoms);
    for (uint32_t i = 0; i < MANY; i++) atoms[i] = (struct atom){1, i + 1, i + 1};
    expect(OK, facts_open(atoms, MANY, 1, &facts));
    free(atoms);
    const uint64_t pairs = 2 * 8 * MANY, slots = 2 * 16 * 2 * MANY, members = 12 * 2 * MANY;
    assert_in_range(facts_bytes(&facts), pairs + slots + members, pairs + slots + members + 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(facts_of_a_predicate_stand_once_and_in_order),
        test_case(facts_with_an_argument_are_in_order),
        test_case(membership_is_of_the_whole_atom),
        test_case(no_facts_can_be_asked),
        test_case(index_agrees_with_the_list),
        test_case(memory_is_stated_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
