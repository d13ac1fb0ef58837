/* Tests of the keyed permutation: it is one, it never changes, and it mixes. */
#include "common/permute.h"
#include "tests/test.h"

#include <stdlib.h>

static void every_number_comes_once(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 15, 16, 17, 64, 65, 1000, 4096, 4097, 70000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint8_t *seen = calloc(counts[i], 1);
        assert_non_null(seen);
        for (uint64_t place = 0; place < counts[i]; place++) {
            const uint64_t number = permute(5, 9, counts[i], place);
            assert_true(number < counts[i]);
            assert_int_equal(0, seen[number]++);
        }
        free(seen);
    }
}

static void huge_counts_stay_in_range(void **state)
{
    (void)state;
    static const uint64_t counts[] = {UINT64_C(1) << 32, (UINT64_C(1) << 62) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (uint64_t place = 0; place < 100; place++) {
            assert_true(permute(1, 2, counts[i], place) < counts[i]);
            assert_true(permute(1, 2, counts[i], counts[i] - 1 - place) < counts[i]);
        }
}

/* Results depend on these numbers: they may never change. */
static void numbers_are_the_same_forever(void **state)
{
    (void)state;
    static const uint64_t first[] = {359, 937, 628, 334, 561, 548, 277, 59};
    for (uint64_t place = 0; place < sizeof first / sizeof first[0]; place++)
        assert_int_equal(first[place], permute(0, 0, 1000, place));
    assert_int_equal(UINT64_C(934231537016), permute(1, 2, UINT64_C(1) << 40, 12345));
}

static void seed_and_stream_both_matter(void **state)
{
    (void)state;
    unsigned same = 0;
    for (uint64_t place = 0; place < 1000; place++) {
        const uint64_t number = permute(1, 1, 1000, place);
        same += number == permute(2, 1, 1000, place);
        same += number == permute(1, 2, 1000, place);
        same += number == permute(UINT64_C(1) << 32 | 1, 1, 1000, place);
        same += number == permute(1, UINT64_C(1) << 32 | 1, 1000, place);
    }
    assert_true(same < 30); /* 4 are expected by chance */
}

/* The first tenth of the places should hold a fair share of every tenth of the numbers. */
static void part_of_the_places_is_a_fair_sample(void **state)
{
    (void)state;
    unsigned share[10] = {0};
    for (uint64_t place = 0; place < 10000; place++) share[permute(3, 4, 100000, place) / 10000]++;
    for (size_t i = 0; i < 10; i++) assert_in_range(share[i], 880, 1120); /* four deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_number_comes_once),
        test_plain(huge_counts_stay_in_range),
        test_plain(numbers_are_the_same_forever),
        test_plain(seed_and_stream_both_matter),
        test_plain(part_of_the_places_is_a_fair_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
