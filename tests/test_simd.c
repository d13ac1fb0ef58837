/* Tests of what every processor has for vectors: the fma that must round once although there is no
 * instruction for it, and the order of a fold. (This file is compiled without wider sets.) */
#include "tests/test.h"
#include "worker/step/simd.h"

#include <float.h>

static uint32_t next_bits(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 32);
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static void expect_fma(float a, float b, float c)
{
    float got[FLOATS];
    floats_store(got, floats_fma_once(floats_all(a), floats_all(b), floats_all(c)));
    const float want = fmaf(a, b, c);
    for (int i = 0; i < FLOATS; i++)
        if (isnan(want) ? !isnan(got[i]) : memcmp(&want, &got[i], sizeof(want)) != 0)
            fail_msg("%a * %a + %a: %a, expected %a", (double)a, (double)b, (double)c,
                     (double)got[i], (double)want);
}

static void fma_of_any_bits_rounds_once(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 2000000; i++) {
        const float a = from_bits(next_bits(&random)), b = from_bits(next_bits(&random));
        expect_fma(a, b, from_bits(next_bits(&random)));
    }
}

/* Products beside the middle between two floats, with terms that tip the scale: here two roundings
 * differ from one. */
static void fma_near_a_tie_rounds_once(void **state)
{
    (void)state;
    uint64_t random = 2;
    uint32_t twice = 0;
    for (int i = 0; i < 2000000; i++) {
        const float a = 1 + 0x1p-12f * (float)(next_bits(&random) % 16);
        const float b = 1 + 0x1p-12f * (float)(next_bits(&random) % 16);
        const int size = (int)(next_bits(&random) % 100);
        const float c = ldexpf((float)(int)(next_bits(&random) % 5) - 2, -size);
        twice += (float)((double)a * (double)b + (double)c) != fmaf(a, b, c);
        expect_fma(a, b, c);
        expect_fma(-a, b, c);
    }
    assert_true(twice > 100); /* else the test tests nothing */
}

static void fma_of_special_numbers_is_as_it_should_be(void **state)
{
    (void)state;
    static const float numbers[] = {
        0,        -0.0f,   1,         -1,         INFINITY, -INFINITY, NAN,         FLT_MAX,
        -FLT_MAX, FLT_MIN, 0x1p-149f, -0x1p-149f, 0x1p-75f, -0x1p-75f, 0x1.8p-149f, 0x1p64f};
    enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
    for (int i = 0; i < COUNT * COUNT * COUNT; i++)
        expect_fma(numbers[i % COUNT], numbers[i / COUNT % COUNT], numbers[i / COUNT / COUNT]);
}

/* As a step uses it: chains of several registers whose lanes all differ. */
static void fma_keeps_its_lanes_apart(void **state)
{
    (void)state;
    enum { CHAINS = 32, COUNT = 4000 * CHAINS };
    static float a[COUNT], b[COUNT];
    uint64_t random = 3;
    for (int i = 0; i < COUNT; i++) {
        a[i] = (float)(next_bits(&random) >> 8) * 0x1p-23f - 1;
        b[i] = (float)(next_bits(&random) >> 8) * 0x1p-23f - 1;
    }
    struct floats sum[CHAINS / FLOATS];
    for (int v = 0; v < CHAINS / FLOATS; v++) sum[v] = floats_zero();
    for (int k = 0; k < COUNT; k += CHAINS)
        for (int v = 0; v < CHAINS / FLOATS; v++)
            sum[v] = floats_fma_once(floats_load(a + k + v * FLOATS),
                                     floats_load(b + k + v * FLOATS), sum[v]);
    for (int i = 0; i < CHAINS; i++) {
        float want = 0, got[FLOATS];
        for (int k = i; k < COUNT; k += CHAINS) want = fmaf(a[k], b[k], want);
        floats_store(got, sum[i / FLOATS]);
        assert_memory_equal(&want, &got[i % FLOATS], sizeof(want));
    }
}

static void max_gives_the_second_where_neither_is_larger(void **state)
{
    (void)state;
    float got[FLOATS];
    floats_store(got, floats_max(floats_all(-0.0f), floats_zero()));
    assert_false(signbit(got[0]));
    floats_store(got, floats_max(floats_all(NAN), floats_zero()));
    assert_true(got[0] == 0);
    floats_store(got, floats_max(floats_all(2), floats_zero()));
    assert_true(got[0] == 2);
}

static void a_fold_goes_by_halves(void **state)
{
    (void)state;
    const float numbers[] = {0x1p24f, 1, -0x1p24f, 1}; /* neighbours first: 1 */
    if (FLOATS == 4) assert_true(floats_fold(floats_load(numbers)) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(fma_of_any_bits_rounds_once),
        test_plain(fma_near_a_tie_rounds_once),
        test_plain(fma_of_special_numbers_is_as_it_should_be),
        test_plain(fma_keeps_its_lanes_apart),
        test_plain(max_gives_the_second_where_neither_is_larger),
        test_plain(a_fold_goes_by_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
