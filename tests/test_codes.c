/* Tests of the codes: a state that is remembered is not encoded again, what one step finds stays
 * where it is, and memory never grows. */
#include "tests/test.h"
#include "worker/program/codes.h"
#include "worker/step/derive.h"

#include <stdlib.h>
#include <string.h>

enum { ATOMS = 3, WIDTH = 32, MOST = 8 };

static void *memory;
static struct codes codes;

static int setup(void **state)
{
    (void)state;
    memory = malloc(codes_bytes(ATOMS, WIDTH, MOST));
    if (memory) codes_open(ATOMS, WIDTH, MOST, memory, &codes);
    return memory == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* Looks for the state numbered so; the hash may be a bad one. */
static uint32_t find_with(uint32_t number, uint64_t hash)
{
    const struct atom state[ATOMS] = {{1, number, 2}, {number % 2, number % 2, 0}};
    return codes_find(&codes, state, hash);
}

static uint32_t find(uint32_t number)
{
    const struct atom state[ATOMS] = {{1, number, 2}, {number % 2, number % 2, 0}};
    return codes_find(&codes, state, derive_state_hash(state, ATOMS));
}

/* Does what the encode step would: each code tells its state. */
static void encode_fresh(void)
{
    for (uint32_t i = 0; i < codes.fresh_count; i++) {
        float *code = codes.code + codes.fresh[i] * WIDTH;
        for (uint32_t k = 0; k < WIDTH; k++)
            code[k] = (float)(codes.key[codes.fresh[i] * ATOMS].first * 100 + k);
    }
}

static void expect_code(uint32_t slot, uint32_t number)
{
    assert_true(slot < 2 * MOST);
    for (uint32_t k = 0; k < WIDTH; k++)
        assert_true(codes.code[slot * WIDTH + k] == (float)(number * 100 + k));
}

static void a_state_is_encoded_once_in_a_step(void **state)
{
    (void)state;
    codes_begin(&codes, 6);
    const uint32_t first = find(1);
    assert_int_not_equal(first, find(2));
    assert_int_equal(first, find(1));
    assert_int_equal(codes.fresh_count, 2);
    assert_int_equal(codes.recalled, 1);
    assert_int_equal(codes.fresh[0], first);
}

static void a_code_is_found_again_in_a_later_step(void **state)
{
    (void)state;
    codes_begin(&codes, 2);
    const uint32_t slot = find(7);
    encode_fresh();
    codes_begin(&codes, 2);
    assert_int_equal(codes.fresh_count, 0);
    assert_int_equal(slot, find(7));
    assert_int_equal(codes.fresh_count, 0);
    assert_int_equal(codes.recalled, 1);
    expect_code(slot, 7);
}

/* Fills the young generation, so that the next step begins another. */
static void fill(uint32_t first)
{
    codes_begin(&codes, MOST);
    for (uint32_t i = 0; i < MOST; i++) find(first + i);
    encode_fresh();
}

static void an_old_code_is_copied_and_not_made_again(void **state)
{
    (void)state;
    fill(10);
    codes_begin(&codes, MOST);
    const uint32_t slot = find(13);
    assert_int_equal(codes.fresh_count, 0);
    assert_int_equal(codes.recalled, 1);
    expect_code(slot, 13);
    assert_int_equal(slot, find(13)); /* young now */
    const uint32_t other = find(99);
    encode_fresh();
    expect_code(slot, 13);
    expect_code(other, 99);
}

static void what_recurs_stays_and_the_rest_is_forgotten(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 10; round++) {
        codes_begin(&codes, MOST);
        const uint32_t kept = find(1);
        for (uint32_t i = 1; i < MOST; i++) find(100 + round * MOST + i);
        assert_int_equal(codes.fresh_count, round ? MOST - 1 : MOST);
        encode_fresh();
        expect_code(kept, 1);
    }
    codes_begin(&codes, MOST);
    find(101); /* of the first round */
    assert_int_equal(codes.fresh_count, 1);
}

static void a_generation_lasts_as_long_as_it_may(void **state)
{
    (void)state;
    codes_begin(&codes, 5);
    for (uint32_t i = 0; i < 5; i++) find(i);
    encode_fresh();
    const int young = codes.young;
    codes_begin(&codes, 3); /* just fits */
    assert_int_equal(codes.young, young);
    for (uint32_t i = 5; i < 8; i++) find(i);
    codes_begin(&codes, 0);
    assert_int_equal(codes.young, young);
    codes_begin(&codes, 1);
    assert_int_not_equal(codes.young, young);
}

/* The largest step there may be: every slot that it was given still has its state at the end. */
static void slots_of_a_step_stay_to_its_end(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 30; round++) {
        uint32_t slot[MOST];
        codes_begin(&codes, MOST);
        for (uint32_t i = 0; i < MOST; i++) slot[i] = find((round * 5 + i * 3) % 23);
        encode_fresh();
        for (uint32_t i = 0; i < MOST; i++) {
            const uint32_t number = (round * 5 + i * 3) % 23;
            assert_int_equal(codes.key[slot[i] * ATOMS].first, number);
            expect_code(slot[i], number);
        }
    }
}

static void equal_hashes_do_not_make_states_equal(void **state)
{
    (void)state;
    codes_begin(&codes, 6);
    uint32_t slot[3];
    for (uint32_t i = 0; i < 3; i++) slot[i] = find_with(i, UINT64_MAX);
    assert_true(slot[0] != slot[1] && slot[1] != slot[2] && slot[0] != slot[2]);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(slot[i], find_with(i, UINT64_MAX));
    assert_int_equal(codes.fresh_count, 3);
}

static void the_order_of_atoms_matters(void **state)
{
    (void)state;
    const struct atom one[ATOMS] = {{1, 2, 3}, {4, 5, 6}}, other[ATOMS] = {{4, 5, 6}, {1, 2, 3}};
    codes_begin(&codes, 2);
    assert_int_not_equal(codes_find(&codes, one, 1), codes_find(&codes, other, 1));
}

static void the_bytes_are_enough_for_all(void **state)
{
    (void)state;
    for (uint32_t most = 1; most < 40; most++) {
        const uint64_t bytes = codes_bytes(ATOMS, WIDTH, most);
        uint8_t *room = malloc(bytes);
        struct codes all;
        assert_non_null(room);
        codes_open(ATOMS, WIDTH, most, room, &all);
        for (uint32_t round = 0; round < 3; round++) {
            codes_begin(&all, most);
            for (uint32_t i = 0; i < most; i++) {
                const struct atom state_of_i[ATOMS] = {{round + 1, i, 0}};
                const uint32_t slot =
                    codes_find(&all, state_of_i, derive_state_hash(state_of_i, ATOMS));
                memset(all.code + slot * WIDTH, 1, WIDTH * sizeof(float));
            }
            assert_int_equal(all.fresh_count, most);
        }
        assert_true((uint8_t *)(all.fresh + most) <= room + bytes);
        free(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(a_state_is_encoded_once_in_a_step),
        test_case(a_code_is_found_again_in_a_later_step),
        test_case(an_old_code_is_copied_and_not_made_again),
        test_case(what_recurs_stays_and_the_rest_is_forgotten),
        test_case(a_generation_lasts_as_long_as_it_may),
        test_case(slots_of_a_step_stay_to_its_end),
        test_case(equal_hashes_do_not_make_states_equal),
        test_case(the_order_of_atoms_matters),
        test_case(the_bytes_are_enough_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
