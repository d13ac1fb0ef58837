/* Tests of tallies: bytes that add up, and bytes that are refused. */
#include "common/tally.h"
#include "tests/test.h"

#include <string.h>

static const struct rank_count two[2] = {{1, 2, 3, 4, 5}, {0x01020304, 0, 6, 7, 0xffffffff}};

static void bytes_are_little_endian_in_the_order_of_the_struct(void **state)
{
    (void)state;
    uint8_t bytes[2 * RANK_COUNT_BYTES];
    const uint8_t expected[2 * RANK_COUNT_BYTES] = {
        1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5,    0,    0,    0,
        4, 3, 2, 1, 0, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    tally_write(two, 2, bytes);
    assert_memory_equal(expected, bytes, sizeof bytes);
}

static void tallies_add_up(void **state)
{
    (void)state;
    const struct rank_count more = {10, 20, 30, 40, 50};
    struct rank_count sum = {0};
    uint8_t bytes[RANK_COUNT_BYTES];
    tally_write(two, 1, bytes);
    expect(OK, tally_add(bytes, sizeof bytes, &sum, 1));
    tally_write(&more, 1, bytes);
    expect(OK, tally_add(bytes, sizeof bytes, &sum, 1));
    const struct rank_count expected = {11, 22, 33, 44, 55};
    assert_memory_equal(&expected, &sum, sizeof sum);
}

static void tally_of_another_size_is_refused(void **state)
{
    (void)state;
    struct rank_count sums[2] = {{0}};
    uint8_t bytes[3 * RANK_COUNT_BYTES];
    memset(bytes, 1, sizeof bytes);
    expect(ERR_FORMAT, tally_add(bytes, 2 * RANK_COUNT_BYTES - 1, sums, 2));
    expect(ERR_FORMAT, tally_add(bytes, 2 * RANK_COUNT_BYTES + 1, sums, 2));
    expect(ERR_FORMAT, tally_add(bytes, 3 * RANK_COUNT_BYTES, sums, 2));
    expect(ERR_FORMAT, tally_add(bytes, 0, sums, 2));
    assert_int_equal(0, sums[0].above);
}

static void sum_that_overflows_changes_nothing(void **state)
{
    (void)state;
    struct rank_count sums[2] = {{1, 1, 1, 1, 1}, {0, 0, 0, 0, 1}};
    uint8_t bytes[2 * RANK_COUNT_BYTES];
    tally_write(two, 2, bytes);
    expect(ERR_FORMAT, tally_add(bytes, sizeof bytes, sums, 2));
    assert_int_equal(1, sums[0].above);
    assert_int_equal(0, sums[1].above);
}

static void check_of(enum err wanted, const struct rank_count *count)
{
    uint8_t bytes[RANK_COUNT_BYTES];
    tally_write(count, 1, bytes);
    expect(wanted, tally_check(bytes, sizeof bytes, 1, 100));
}

static void counts_that_cannot_be_true_are_refused(void **state)
{
    (void)state;
    check_of(OK, &(struct rank_count){60, 30, 91, 9, 91});
    check_of(OK, &(struct rank_count){0, 0, 101, 0, 0});
    check_of(ERR_FORMAT, &(struct rank_count){60, 32, 91, 9, 0});
    check_of(ERR_FORMAT, &(struct rank_count){0, 0, 91, 11, 0});
    check_of(ERR_FORMAT, &(struct rank_count){0, 0, 91, 9, 92});
    check_of(ERR_FORMAT, &(struct rank_count){UINT32_MAX, 1, 91, 9, 0});
    check_of(ERR_FORMAT, &(struct rank_count){0, 0, UINT32_MAX, 1, 0});
    uint8_t short_one[RANK_COUNT_BYTES - 1] = {0};
    expect(ERR_FORMAT, tally_check(short_one, sizeof short_one, 1, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(bytes_are_little_endian_in_the_order_of_the_struct),
        test_plain(tallies_add_up),
        test_plain(tally_of_another_size_is_refused),
        test_plain(sum_that_overflows_changes_nothing),
        test_plain(counts_that_cannot_be_true_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
