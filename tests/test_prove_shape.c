/* Tests of the shape of a proof search: what is chosen, and that its memory is an upper bound. */
#include "common/prove_shape.h"
#include "common/outcome.h"
#include "tests/test.h"
#include "worker/program/codes.h"
#include "worker/step/derive.h"
#include "worker/step/encode.h"

enum { BODY = 3 };

static const struct theory theory = {.rules = {.body_most = BODY}};
static const struct items grid = {
    .target_count = 200, .places = 101, .unit_targets = 6, .unit_candidates = 101};
static const struct network network = {.width = 250,
                                       .hidden = 256,
                                       .blocks = 8,
                                       .constants = {.rows = 3969, .width = 250},
                                       .predicates = {.rows = 16, .width = 250}};

static struct settings *settings;

static int setup(void **state)
{
    (void)state;
    expect(OK, settings_open(&settings));
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

static struct prove_shape choose(const struct items *items, const struct network *with)
{
    struct prove_shape shape;
    prove_shape_choose(settings, &theory, items, with, &shape);
    return shape;
}

static void defaults_are_those_of_the_settings(void **state)
{
    (void)state;
    const struct prove_shape shape = choose(&grid, &network);
    assert_int_equal(512, shape.lanes);
    assert_int_equal(6, shape.atoms);
    assert_int_equal(120, shape.successors);
    assert_int_equal(20, shape.depth);
    assert_int_equal(BODY, shape.body_most);
    assert_int_equal(21, shape.visited);
    assert_true(shape.memory_pruning && shape.end_action && !shape.skip_unary);
    assert_int_equal(250, shape.width);
    assert_int_equal(256, shape.hidden);
    assert_int_equal(606, shape.unit_records);
}

static void settings_are_heeded(void **state)
{
    (void)state;
    set(SET_lanes, "7");
    set(SET_atoms, "20");
    set(SET_successors, "500");
    set(SET_depth, "4");
    set(SET_memory_pruning, "off");
    set(SET_skip_unary, "on");
    set(SET_end_action, "off");
    const struct prove_shape shape = choose(&grid, NULL);
    assert_int_equal(7, shape.lanes);
    assert_int_equal(7, prove_lanes(settings));
    assert_int_equal(20, shape.atoms);
    assert_int_equal(500, shape.successors);
    assert_int_equal(4, shape.depth);
    assert_true(!shape.memory_pruning && !shape.end_action && shape.skip_unary);
    assert_int_equal(5 * (PROVE_SKIPS + 1), shape.visited);
    assert_int_equal(0, shape.width);
}

static void lanes_are_no_more_than_the_places(void **state)
{
    (void)state;
    const struct items few = {
        .target_count = 24, .places = 5, .unit_targets = 24, .unit_candidates = 5};
    assert_int_equal(120, choose(&few, NULL).lanes);
}

static void encodings_hold_the_worst_step(void **state)
{
    (void)state;
    assert_int_equal(0, choose(&grid, NULL).codes);
    assert_int_equal(65536, choose(&grid, &network).codes); /* 512 * 121 are fewer */
    set(SET_successors, "1000");
    assert_int_equal(512 * 1001, choose(&grid, &network).codes);
}

static void units_loaded_keep_all_lanes_busy(void **state)
{
    (void)state;
    static const uint64_t records[] = {1, 5, 101, 256, 512, 10240, 4 << 20};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        const struct items items = {.target_count = 1 << 24,
                                    .places = 4 << 20,
                                    .unit_targets = 1,
                                    .unit_candidates = records[i]};
        const struct prove_shape shape = choose(&items, NULL);
        assert_true(shape.unit_slots >= 2);
        assert_true(shape.unit_slots * records[i] >= 2 * 512);
        assert_true(shape.unit_slots * records[i] <= 4 * 512 + 4 * records[i]);
    }
}

static void memory_does_not_grow_with_the_candidates(void **state)
{
    (void)state;
    struct items items = grid;
    const struct prove_shape few = choose(&items, &network);
    items.target_count = 2000000;
    const struct prove_shape many = choose(&items, &network);
    assert_int_equal(prove_shape_bytes(&few, &network, 2), prove_shape_bytes(&many, &network, 2));
}

/* Everything that a worker's memory is known to hold, as arrays of their exact sizes. */
static uint64_t carved_bytes(const struct prove_shape *shape, uint64_t threads)
{
    const uint64_t state = shape->atoms * sizeof(struct atom);
    const uint64_t row = state + sizeof(uint64_t) + sizeof(uint32_t) + sizeof(float);
    const uint64_t visited = state + sizeof(uint64_t);
    const uint64_t derive = derive_scratch_bytes(shape->atoms, shape->body_most);
    uint64_t bytes = shape->lanes * (sizeof(struct derive_lane) + 4 * sizeof(uint64_t) + state +
                                     shape->successors * row + shape->visited * visited);
    bytes += threads * derive;
    bytes += shape->unit_slots * shape->unit_records * OUTCOME_BYTES;
    if (!shape->width) return bytes;
    return bytes + threads * encode_scratch_bytes(&network) + encode_weights_bytes(&network) +
           codes_bytes(shape->atoms, encode_padded(shape->width), shape->codes);
}

static void memory_covers_what_the_worker_carves(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"512", "6", "120", "20"}, {"1", "1", "2", "1"},      {"7", "20", "500", "4"},
        {"64", "64", "3", "1000"}, {"3", "6", "65536", "20"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set(SET_lanes, cases[i][0]);
        set(SET_atoms, cases[i][1]);
        set(SET_successors, cases[i][2]);
        set(SET_depth, cases[i][3]);
        for (unsigned with = 0; with < 4; with++) {
            set(SET_skip_unary, with & 1 ? "on" : "off");
            const struct network *model = with & 2 ? &network : NULL;
            const struct prove_shape shape = choose(&grid, model);
            for (uint64_t threads = 1; threads <= 16; threads *= 4) {
                const uint64_t bytes = prove_shape_bytes(&shape, model, threads);
                assert_true(bytes >= carved_bytes(&shape, threads));
                assert_int_equal(0, bytes % 64);
            }
        }
    }
}

static void every_part_of_the_shape_takes_memory(void **state)
{
    (void)state;
    const struct prove_shape shape = choose(&grid, &network);
    const uint64_t bytes = prove_shape_bytes(&shape, &network, 2);
    struct prove_shape larger[9];
    for (size_t i = 0; i < 9; i++) larger[i] = shape;
    larger[0].lanes++;
    larger[1].atoms++;
    larger[2].successors++;
    larger[3].visited++;
    larger[4].body_most++;
    larger[5].codes++;
    larger[6].unit_slots++;
    larger[7].unit_records += 4;
    larger[8].hidden += 32;
    for (size_t i = 0; i < 9; i++) assert_true(prove_shape_bytes(&larger[i], &network, 2) > bytes);
    assert_true(prove_shape_bytes(&shape, &network, 3) > bytes);
    assert_true(prove_shape_bytes(&shape, NULL, 2) < bytes);
}

/* A shape that is too large must look so, or a worker would not refuse it. */
static void shape_beyond_all_memory_does_not_overflow(void **state)
{
    (void)state;
    set(SET_lanes, "1048576");
    set(SET_successors, "65536");
    set(SET_atoms, "64");
    set(SET_depth, "1000");
    set(SET_skip_unary, "on");
    const struct items items = {.target_count = UINT32_MAX,
                                .places = UINT32_MAX / 2,
                                .unit_targets = 1,
                                .unit_candidates = UINT32_MAX / 2};
    const struct network vast = {.width = NETWORK_WIDTH_MAX,
                                 .hidden = NETWORK_WIDTH_MAX,
                                 .blocks = NETWORK_BLOCKS_MAX,
                                 .constants = {.rows = UINT32_MAX, .width = NETWORK_WIDTH_MAX}};
    struct prove_shape shape = choose(&items, &vast);
    const uint64_t bytes = prove_shape_bytes(&shape, &vast, 1024);
    assert_true(bytes > UINT64_C(1) << 54);
    assert_true(bytes < UINT64_MAX / 2);
    shape.unit_records = UINT64_C(1) << 60;
    assert_true(prove_shape_bytes(&shape, &vast, 1024) == UINT64_MAX - 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(defaults_are_those_of_the_settings),
        test_case(settings_are_heeded),
        test_case(lanes_are_no_more_than_the_places),
        test_case(encodings_hold_the_worst_step),
        test_case(units_loaded_keep_all_lanes_busy),
        test_case(memory_does_not_grow_with_the_candidates),
        test_case(memory_covers_what_the_worker_carves),
        test_case(every_part_of_the_shape_takes_memory),
        test_case(shape_beyond_all_memory_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
