/* Tests of the record of one proof search: its bytes, its score, and what it may say. */
#include "common/outcome.h"
#include "common/items.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

static const struct outcome proved = {ITEM_CANDIDATE, END_TRUE, 0x0102, -1.5f,
                                      UINT64_C(0x1112131415161718)};

static void record_has_the_documented_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[OUTCOME_BYTES] = {3,    'T',  2,    1,    0,    0,    0xc0, 0xbf,
                                                    0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11};
    uint8_t bytes[OUTCOME_BYTES];
    outcome_write(&proved, bytes);
    assert_memory_equal(expected, bytes, sizeof bytes);
    struct outcome read;
    outcome_read(bytes, &read);
    assert_int_equal(proved.kind, read.kind);
    assert_int_equal(proved.end, read.end);
    assert_int_equal(proved.depth, read.depth);
    assert_true(proved.logprob == read.logprob);
    assert_true(proved.digest == read.digest);
}

/* What a worker sent may be anything: reading and writing it again changes no bit. */
static void any_bytes_are_read_and_written_alike(void **state)
{
    (void)state;
    uint8_t bytes[OUTCOME_BYTES], again[OUTCOME_BYTES];
    struct outcome read;
    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned byte = 0; byte < OUTCOME_BYTES; byte++)
            bytes[byte] = (uint8_t)((i * 151 + byte * 97) * 2654435761u >> 24);
        outcome_read(bytes, &read);
        outcome_write(&read, again);
        assert_memory_equal(bytes, again, sizeof bytes);
    }
}

static void unproved_searches_rank_below(void **state)
{
    (void)state;
    struct outcome outcome = proved;
    assert_true(outcome_score(&outcome) == -1.5);
    outcome.end = END_GIVE_UP;
    assert_true(outcome_score(&outcome) == -101.5);
    outcome.logprob = -0x1p-149f;
    assert_true(outcome_score(&outcome) <= -100);
}

/* Documented and exported, so it may never change. */
static void digest_is_of_the_actions_in_order(void **state)
{
    (void)state;
    assert_true(outcome_digest(0, 0) == UINT64_C(0x910a2dec89025cc1));
    assert_true(outcome_digest(outcome_digest(0, 3), 1) == UINT64_C(0xc7eb916392985897));
    assert_true(outcome_digest(outcome_digest(0, 1), 3) != UINT64_C(0xc7eb916392985897));
}

enum { DEPTH = 20 };

static void expect_judged(enum err err, struct outcome outcome)
{
    expect(err, outcome_check(&outcome, DEPTH));
}

static void possible_records_pass(void **state)
{
    (void)state;
    expect_judged(OK, (struct outcome){.kind = ITEM_NONE});
    expect_judged(OK, (struct outcome){.kind = ITEM_KNOWN});
    expect_judged(OK, (struct outcome){ITEM_TRUE, END_TRUE, 1, 0, 7});
    expect_judged(OK, (struct outcome){ITEM_TRUE, END_FALSE, DEPTH, -1e30f, UINT64_MAX});
    expect_judged(OK, (struct outcome){ITEM_CANDIDATE, END_GIVE_UP, 5, -0.25f, 7});
    expect_judged(OK, (struct outcome){ITEM_CANDIDATE, END_DEPTH, DEPTH, -3, 0});
}

static void impossible_records_are_refused(void **state)
{
    (void)state;
    expect_judged(ERR_FORMAT, (struct outcome){4, END_TRUE, 1, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, 0, 1, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, 'X', 1, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_TRUE, 0, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_TRUE, DEPTH + 1, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_DEPTH, DEPTH - 1, 0, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_TRUE, 1, 0x1p-149f, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_TRUE, 1, -INFINITY, 7});
    expect_judged(ERR_FORMAT, (struct outcome){ITEM_TRUE, END_TRUE, 1, NAN, 7});
}

static void places_without_a_search_have_zeros(void **state)
{
    (void)state;
    for (uint8_t kind = ITEM_NONE; kind <= ITEM_KNOWN; kind++) {
        expect_judged(ERR_FORMAT, (struct outcome){.kind = kind, .end = END_TRUE});
        expect_judged(ERR_FORMAT, (struct outcome){.kind = kind, .depth = 1});
        expect_judged(ERR_FORMAT, (struct outcome){.kind = kind, .logprob = -0.0f});
        expect_judged(ERR_FORMAT, (struct outcome){.kind = kind, .digest = 1});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(record_has_the_documented_bytes),
        test_plain(any_bytes_are_read_and_written_alike),
        test_plain(unproved_searches_rank_below),
        test_plain(digest_is_of_the_actions_in_order),
        test_plain(possible_records_pass),
        test_plain(impossible_records_are_refused),
        test_plain(places_without_a_search_have_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
