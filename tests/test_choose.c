/* Tests of the choose step: each policy takes what its header says, whatever the order of lanes
 * and the number of threads; a network's choice has the same bits on every instruction set. */
#include "common/fmath.h"
#include "common/philox.h"
#include "tests/encode_reference.h"
#include "tests/test.h"
#include "worker/policy/hash.h"
#include "worker/step/choose.h"
#include "worker/step/isa.h"

#include <string.h>

enum { LANES = 70, SUCCESSORS = 40, ATOMS = 2, WIDTH = 45, GIVE_UP = 9 };

/* Lanes with 1 .. SUCCESSORS successors; each state and successor has a code of its own. */
struct world {
    struct choose_args args;
    struct encode_weights weights;
    uint32_t lane_list[LANES], count[LANES], action[LANES], place[LANES], step[LANES];
    uint32_t state_slot[LANES], successor_slot[LANES * SUCCESSORS];
    uint64_t stream[LANES];
    struct atom successor[LANES * SUCCESSORS * ATOMS];
    float logprob[LANES], logit[LANES * SUCCESSORS];
    float code[LANES * (SUCCESSORS + 1) * ((WIDTH + 31) / 32 * 32)];
};

static float *code_of(struct world *world, uint32_t slot)
{
    return world->code + slot * encode_padded(WIDTH);
}

static void fill_world(struct world *world, uint64_t *random)
{
    for (uint32_t lane = 0; lane < LANES; lane++) {
        world->lane_list[lane] = LANES - 1 - lane;
        world->count[lane] = 1 + lane % SUCCESSORS;
        world->stream[lane] = 3 * lane + (UINT64_C(7) << 32);
        world->place[lane] = 100 + lane;
        world->step[lane] = lane % 20;
        world->state_slot[lane] = lane * (SUCCESSORS + 1);
        for (uint32_t i = 0; i < SUCCESSORS; i++) {
            world->successor_slot[lane * SUCCESSORS + i] = lane * (SUCCESSORS + 1) + 1 + i;
            world->successor[(lane * SUCCESSORS + i) * ATOMS] =
                (struct atom){1 + i % 5, 1 + lane, 1 + i};
        }
    }
    for (uint32_t slot = 0; slot < LANES * (SUCCESSORS + 1); slot++)
        for (uint32_t k = 0; k < WIDTH; k++) code_of(world, slot)[k] = 3 * made_number(random);
}

static struct world *open_world(enum policy policy)
{
    uint64_t random = 21;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    fill_world(world, &random);
    world->weights = (struct encode_weights){.width = WIDTH, .scale = sqrtf(WIDTH)};
    world->args = (struct choose_args){.policy = policy,
                                       .atoms = ATOMS,
                                       .successors = SUCCESSORS,
                                       .give_up = GIVE_UP,
                                       .live = LANES,
                                       .lane_list = world->lane_list,
                                       .count = world->count,
                                       .successor = world->successor,
                                       .action = world->action,
                                       .logprob = world->logprob,
                                       .seed = 5,
                                       .stream = world->stream,
                                       .place = world->place,
                                       .step = world->step,
                                       .weights = &world->weights,
                                       .code = world->code,
                                       .state_slot = world->state_slot,
                                       .successor_slot = world->successor_slot,
                                       .logit = world->logit};
    expect(OK, encode_kernel_find("", &world->args.kernel));
    return world;
}

static void run(struct world *world, uint32_t threads)
{
    struct pool *pool;
    expect(OK, pool_open(threads, &pool));
    memset(world->action, 0x55, sizeof(world->action));
    memset(world->logprob, 0x55, sizeof(world->logprob));
    expect(OK, choose_cpu(pool, &world->args));
    pool_close(&pool);
}

static void expect_choice(const struct world *world, uint32_t lane, uint32_t action, float logprob)
{
    assert_int_equal(world->action[lane], action);
    assert_memory_equal(&world->logprob[lane], &logprob, sizeof(logprob));
}

/* The header's words, number by number. */
static uint32_t reference_choice(struct world *world, uint32_t lane, float *logprob)
{
    float logit[SUCCESSORS] = {0}, partial[32] = {0};
    const uint32_t count = world->count[lane];
    uint32_t best = 0;
    for (uint32_t i = 0; i < count; i++) {
        logit[i] =
            reference_sum(code_of(world, world->state_slot[lane]),
                          code_of(world, world->successor_slot[lane * SUCCESSORS + i]), WIDTH) /
            world->weights.scale;
        if (logit[i] > logit[best]) best = i;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!(logit[i] - logit[best] < -87)) partial[i & 31] += fmath_expf(logit[i] - logit[best]);
    for (uint32_t half = 16; half > 0; half /= 2)
        for (uint32_t i = 0; i < half; i++) partial[i] += partial[i + half];
    *logprob = (logit[best] - logit[best]) - fmath_logf(partial[0]);
    return best;
}

static void network_has_the_bits_of_the_header(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_network);
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        if (encode_kernel_find(isa_name[isa], &world->args.kernel)) continue;
        for (uint32_t threads = 1; threads <= 3; threads++) {
            run(world, threads);
            for (uint32_t lane = 0; lane < LANES; lane++) {
                float logprob = 0;
                const uint32_t action =
                    world->count[lane] == 1 ? 0 : reference_choice(world, lane, &logprob);
                expect_choice(world, lane, action, logprob);
            }
        }
    }
    free(world);
}

static void network_probabilities_are_those_of_a_softmax(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_network);
    run(world, 1);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const float *logit = world->logit + lane * SUCCESSORS;
        double sum = 0;
        for (uint32_t i = 0; i < world->count[lane] && world->count[lane] > 1; i++)
            sum += exp((double)logit[i] - (double)logit[world->action[lane]]);
        assert_true(fabs((double)world->logprob[lane] + (sum > 0 ? log(sum) : 0)) < 1e-5);
    }
    free(world);
}

/* Successors whose codes are copies of each other. */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_network);
    const uint32_t lane = 30;
    for (uint32_t i = 0; i < world->count[lane]; i++)
        memcpy(code_of(world, world->successor_slot[lane * SUCCESSORS + i]),
               code_of(world, world->successor_slot[lane * SUCCESSORS]), WIDTH * sizeof(float));
    run(world, 1);
    expect_choice(world, lane, 0, -fmath_logf(31));
    free(world);
}

/* Gives the successors of a lane these logits. */
static void set_logits(struct world *world, uint32_t lane, const float *logit, uint32_t count)
{
    world->count[lane] = count;
    world->weights.scale = 1;
    float *own = code_of(world, world->state_slot[lane]);
    memset(own, 0, WIDTH * sizeof(float));
    own[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        float *code = code_of(world, world->successor_slot[lane * SUCCESSORS + i]);
        memset(code, 0, WIDTH * sizeof(float));
        code[0] = logit[i];
    }
}

static void what_is_far_below_the_largest_does_not_count(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_network);
    static const float far[] = {-87.5f, 0, -1000, -3e38f}, edge[] = {0, -87};
    static const float apart[] = {-3e38f, 3e38f}; /* their difference is no float */
    set_logits(world, 3, far, 4);
    set_logits(world, 5, edge, 2);
    set_logits(world, 7, apart, 2);
    run(world, 1);
    expect_choice(world, 3, 1, 0);
    expect_choice(world, 5, 0, 0); /* 1 + exp(-87), rounded */
    expect_choice(world, 7, 1, 0);
    free(world);
}

static void a_logit_that_is_no_number_gives_no_action(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    struct world *world = open_world(POLICY_network);
    for (uint32_t place = 0; place < 3; place++)
        for (int kind = 0; kind < 3; kind++) {
            float logit[3] = {0, 1, 2};
            logit[place] = odd[kind];
            set_logits(world, 3, logit, 3);
            run(world, 1);
            expect_choice(world, 3, CHOOSE_NO_ACTION, 0);
            assert_true(world->action[4] < world->count[4]);
        }
    free(world);
}

static void first_takes_the_first(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_first);
    run(world, 2);
    for (uint32_t lane = 0; lane < LANES; lane++) expect_choice(world, lane, 0, 0);
    free(world);
}

static void hash_is_the_published_one(void **state)
{
    (void)state;
    const struct atom one[3] = {{1, 2, 3}}, two[3] = {{12, 2968, 2970}, {1, 1, 1}};
    assert_true(hash_state(one, 3) == UINT64_C(0x753ec52ae66d0849));
    assert_true(hash_state(two, 3) == UINT64_C(0xdddf75307050a56c));
}

static void hash_takes_the_smallest(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_hash);
    run(world, 2);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const struct atom *states = world->successor + lane * SUCCESSORS * ATOMS;
        for (uint32_t i = 0; i < world->count[lane]; i++)
            assert_true(hash_state(states + i * ATOMS, ATOMS) >=
                        hash_state(states + world->action[lane] * ATOMS, ATOMS));
        expect_choice(world, lane, world->action[lane], 0);
    }
    free(world);
}

static void hash_gives_up_only_where_nothing_else_is_left(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_hash);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        struct atom *states = world->successor + lane * SUCCESSORS * ATOMS;
        for (uint32_t i = 2; i < SUCCESSORS; i++) states[i * ATOMS] = states[ATOMS];
        states[(world->count[lane] - 1) * ATOMS] = (struct atom){GIVE_UP, 0, 0};
    }
    run(world, 1);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const struct atom *states = world->successor + lane * SUCCESSORS * ATOMS;
        uint32_t want = 0; /* of two kinds, the first of the smaller */
        if (world->count[lane] > 2)
            want = hash_state(states, ATOMS) <= hash_state(states + ATOMS, ATOMS) ? 0 : 1;
        expect_choice(world, lane, want, 0);
    }
    free(world);
}

static void random_is_a_function_of_seed_stream_place_and_step(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_random);
    run(world, 2);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const uint32_t count = world->count[lane];
        const uint32_t word = philox_word(5, 3 * lane, 7, 100 + lane, lane % 20);
        if (count > 1)
            expect_choice(world, lane, (uint32_t)((uint64_t)word * count >> 32),
                          -fmath_logf((float)count));
    }
    free(world);
}

/* Known answers of Random123 (kat_vectors): counter and key of zeros, and of ones. */
static void random_words_are_philox(void **state)
{
    (void)state;
    assert_int_equal(philox_word(0, 0, 0, 0, 0), 0x6627e8d5);
    assert_int_equal(philox_word(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX),
                     0x408f276d);
}

static void random_takes_all_equally_often(void **state)
{
    (void)state;
    struct world *world = open_world(POLICY_random);
    uint32_t taken[7] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        for (uint32_t lane = 0; lane < LANES; lane++) {
            world->count[lane] = 7;
            world->place[lane] = i;
        }
        run(world, 1);
        for (uint32_t lane = 0; lane < LANES; lane++) taken[world->action[lane]]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(taken[i], 9600, 10400); /* four deviations */
    free(world);
}

/* Even where there is no network to ask. */
static void without_a_choice_every_policy_takes_it_for_certain(void **state)
{
    (void)state;
    for (int policy = 0; policy < POLICY_COUNT; policy++) {
        struct world *world = open_world((enum policy)policy);
        for (uint32_t lane = 0; lane < LANES; lane++) world->count[lane] = 1;
        world->args.code = NULL;
        world->args.live = LANES - 3;
        run(world, 1);
        for (uint32_t lane = 3; lane < LANES; lane++) expect_choice(world, lane, 0, 0);
        for (uint32_t lane = 0; lane < 3; lane++) assert_int_equal(world->action[lane], 0x55555555);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(network_has_the_bits_of_the_header),
        test_plain(network_probabilities_are_those_of_a_softmax),
        test_plain(ties_go_to_the_first),
        test_plain(what_is_far_below_the_largest_does_not_count),
        test_plain(a_logit_that_is_no_number_gives_no_action),
        test_plain(first_takes_the_first),
        test_plain(hash_is_the_published_one),
        test_plain(hash_takes_the_smallest),
        test_plain(hash_gives_up_only_where_nothing_else_is_left),
        test_plain(random_is_a_function_of_seed_stream_place_and_step),
        test_plain(random_words_are_philox),
        test_plain(random_takes_all_equally_often),
        test_plain(without_a_choice_every_policy_takes_it_for_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
