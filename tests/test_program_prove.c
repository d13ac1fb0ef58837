/* Tests of the program `prove`: its records are those of a plain loop over one search after the
 * other, whatever the policy, the size of units, the number of lanes and threads, and the moment
 * at which a lane is refilled. */
#include "common/wire.h"
#include "tests/prove_rig.h"
#include "tests/prove_world.h"

static const char *const policy_name[POLICY_COUNT] = {
#define ROW(name, network) #name,
    POLICIES(ROW)
#undef ROW
};

/* What came of it. */
struct run {
    struct program_work work;
    uint64_t units, tallied, loaded_most;
};

static void open_rig(struct rig *rig, const struct way *way)
{
    rig_open(rig, world.settings, way, backend_find("cpu"));
}

static void expect_tally(const struct rig *rig, uint64_t unit, const uint8_t *bytes, uint64_t size)
{
    const struct item_span span = items_span(&rig->items, unit);
    assert_int_equal(size, span.target_count * span.place_count * OUTCOME_BYTES);
    for (uint32_t t = 0; t < span.target_count; t++)
        for (uint64_t p = 0; p < span.place_count; p++, bytes += OUTCOME_BYTES) {
            uint8_t want[OUTCOME_BYTES];
            struct outcome found;
            const struct outcome *wanted =
                world_wanted(span.first_target + t, span.first_place + p);
            outcome_write(wanted, want);
            if (memcmp(want, bytes, sizeof(want)) == 0) continue;
            outcome_read(bytes, &found);
            fail_msg("unit %u, target %u, place %u: kind %d end %c depth %d logprob %a; "
                     "expected %d %c %d %a",
                     (unsigned)unit, span.first_target + t, (unsigned)(span.first_place + p),
                     found.kind, found.end, found.depth, (double)found.logprob, wanted->kind,
                     wanted->end, wanted->depth, (double)wanted->logprob);
        }
}

static void take_tally(struct rig *rig, struct run *run)
{
    const uint64_t size = rig->program->tally_bytes(rig->state);
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    rig->program->tally(rig->state, bytes, &run->work);
    expect_tally(rig, run->tallied++, bytes, size);
    free(bytes);
    rig->loaded--;
}

/* As the runner does it; all units, in their order. */
static enum err run_units(struct rig *rig, const struct way *way, struct run *run)
{
    const struct program *program = rig->program;
    enum err err = OK;
    *run = (struct run){.units = rig_units(rig)};
    for (uint64_t next = 0; !err && run->tallied < run->units;) {
        while (next < run->units && program->hungry(rig->state) && !(way->alone && rig->loaded)) {
            expect(OK, program->load(rig->state, next++));
            rig->loaded++;
        }
        if (rig->loaded > run->loaded_most) run->loaded_most = rig->loaded;
        if (!program->finished(rig->state)) err = program->advance(rig->state);
        while (!err && program->finished(rig->state)) take_tally(rig, run);
    }
    assert_true(err || rig->loaded == 0);
    return err;
}

/* No state is encoded twice; there is room for all. */
static void expect_work(const struct run *run)
{
    assert_int_equal(world.work.pairs, run->work.pairs);
    assert_int_equal(world.work.lanes_live, run->work.lanes_live);
    assert_int_equal(world.work.rows, run->work.rows);
    assert_int_equal(world.work.encoded, run->work.encoded);
    assert_int_equal(world.work.recalled, run->work.recalled);
    assert_int_equal(0, run->work.rescored);
    assert_true(run->work.lanes >= run->work.lanes_live);
}

static struct run run_all(const struct way *way)
{
    struct rig rig;
    struct run run;
    open_rig(&rig, way);
    expect(OK, run_units(&rig, way, &run));
    expect_work(&run);
    rig_close(&rig);
    return run;
}

static void expect_right_for_all_ways(void)
{
    static const char *const lanes[] = {"1", "3", "64"}, *const items[] = {"1", "7", "1000"};
    for (uint32_t i = 0; i < 3 * 3 * 2; i++)
        run_all(&(struct way){.lanes = lanes[i % 3],
                              .unit_items = items[i / 3 % 3],
                              .threads = 1 + i / 9,
                              .refill = i % 2 ? PROVE_WHEN_ALL_DONE : PROVE_REFILL});
}

static double lane_use(const struct run *run)
{
    return (double)run->work.lanes_live / (double)run->work.lanes;
}

static void every_policy_gives_the_records_of_a_plain_loop(void **state)
{
    (void)state;
    for (int policy = 0; policy < POLICY_COUNT; policy++) {
        world_open(policy_name[policy]);
        world_search();
        expect_right_for_all_ways();
        world_close();
    }
}

static void sampled_and_joint_candidates_give_the_records_of_a_plain_loop(void **state)
{
    (void)state;
    world_open("random");
    world_set(SET_candidates, "sample");
    world_set(SET_samples, "5");
    world_search();
    expect_right_for_all_ways();
    world_set(SET_mode, "both");
    world_search();
    expect_right_for_all_ways();
    world_close();
}

static void every_way_to_search_gives_the_records_of_a_plain_loop(void **state)
{
    static const enum setting switches[] = {SET_memory_pruning, SET_skip_unary, SET_end_action};
    (void)state;
    world_open("network");
    for (uint32_t ways = 0; ways < 8; ways++) {
        for (uint32_t i = 0; i < 3; i++) world_set(switches[i], ways >> i & 1 ? "on" : "off");
        world_search();
        run_all(&(struct way){.lanes = "5", .unit_items = "40", .threads = 2});
    }
    world_close();
}

static void the_moment_of_refilling_changes_no_record(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    const struct way now = {.lanes = "16", .unit_items = "60", .threads = 1};
    struct way late = now, fixed = now;
    late.refill = PROVE_WHEN_ALL_DONE;
    fixed.refill = PROVE_FIXED_STEPS;
    const struct run best = run_all(&now), middle = run_all(&late), worst = run_all(&fixed);
    assert_int_equal(best.work.lanes_live, middle.work.lanes_live);
    assert_int_equal(best.work.lanes_live, worst.work.lanes_live);
    assert_true(lane_use(&best) > 1.2 * lane_use(&middle));
    assert_true(lane_use(&middle) > 1.2 * lane_use(&worst));
    world_close();
}

static void fixed_steps_keep_a_batch_for_the_depth_limit(void **state)
{
    (void)state;
    world_open("first");
    world_search();
    const struct run run = run_all(&(struct way){
        .lanes = "16", .unit_items = "16", .threads = 1, .refill = PROVE_FIXED_STEPS});
    const uint64_t batches = (world.work.pairs + 15) / 16;
    assert_true(run.work.lanes <= 16 * batches * WORLD_DEPTH);
    assert_true(run.work.lanes > 16 * (batches - 1) * WORLD_DEPTH);
    world_close();
}

static void lanes_flow_across_units(void **state)
{
    (void)state;
    world_open("hash");
    world_search();
    const struct way flowing = {.lanes = "16", .unit_items = "20", .threads = 1};
    struct way one_by_one = flowing;
    one_by_one.alone = true;
    const struct run best = run_all(&flowing), worst = run_all(&one_by_one);
    assert_true(best.units > 10);
    assert_true(best.loaded_most > 1);
    assert_int_equal(1, worst.loaded_most);
    assert_true(lane_use(&best) > 0.95);
    assert_true(lane_use(&worst) < 0.8);
    world_close();
}

/* A unit is asked for as soon as a lane might find no item, and not before. */
static void hunger_is_for_as_many_places_as_there_are_lanes(void **state)
{
    (void)state;
    world_open("first");
    world_search();
    struct rig rig;
    open_rig(&rig, &(struct way){.lanes = "10", .unit_items = "13", .threads = 1});
    assert_true(rig.program->hungry(rig.state));
    expect(OK, rig.program->load(rig.state, 0));
    assert_false(rig.program->hungry(rig.state)); /* 13 places wait for 10 lanes */
    expect(OK, rig.program->advance(rig.state));
    assert_true(rig.program->hungry(rig.state)); /* at most 3 wait now */
    rig.program->cancel(rig.state);
    rig_close(&rig);
    world_close();
}

static void what_the_work_was_is_counted(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    const struct run run = run_all(&(struct way){.lanes = "9", .unit_items = "30", .threads = 1});
    assert_int_equal(0, run.work.lanes % 9);
    assert_true(run.work.recalled > run.work.encoded && run.work.encoded > 100);
    world_close();
}

static void units_after_a_cancelled_one_are_right(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    const struct way way = {.lanes = "12", .unit_items = "25", .threads = 2};
    struct rig rig;
    struct run run;
    open_rig(&rig, &way);
    for (int steps = 0; steps < 4; steps++) {
        for (uint64_t unit = 3; rig.program->hungry(rig.state); unit++)
            expect(OK, rig.program->load(rig.state, unit));
        for (int i = 0; i < steps; i++) expect(OK, rig.program->advance(rig.state));
        rig.program->cancel(rig.state);
        assert_false(rig.program->finished(rig.state));
        assert_true(rig.program->hungry(rig.state));
    }
    expect(ERR_FAILED, rig.program->load(rig.state, rig_units(&rig)));
    expect(OK, run_units(&rig, &way, &run));
    expect_work(&run); /* of the cancelled ones nothing is left */
    rig_close(&rig);
    world_close();
}

static bool encode_fails;

static enum err encode_or_fail(struct device *device, const struct encode_args *args)
{
    return encode_fails ? ERR_IO : backend_find("cpu")->encode(device, args);
}

/* The encodings that were not made are not taken for made. */
static void units_after_a_failed_step_are_right(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    const struct way way = {.lanes = "12", .unit_items = "25", .threads = 1};
    struct backend backend = *backend_find("cpu");
    struct rig rig;
    struct run run;
    backend.encode = encode_or_fail;
    rig_open(&rig, world.settings, &way, &backend);
    encode_fails = true;
    expect(ERR_IO, run_units(&rig, &way, &run));
    rig.program->cancel(rig.state);
    encode_fails = false;
    rig.loaded = 0;
    expect(OK, run_units(&rig, &way, &run));
    expect_work(&run);
    rig_close(&rig);
    world_close();
}

static void a_score_that_is_no_number_ends_the_run_with_its_place(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    world_write_network(WORLD_VARIABLES, NAN);
    const struct way way = {.lanes = "4", .unit_items = "25", .threads = 1};
    struct rig rig;
    struct run run;
    open_rig(&rig, &way);
    expect(ERR_INPUT, run_units(&rig, &way, &run));
    expect_note("/test: query ");
    expect_note(strstr(err_text(), "head") ? ", head: " : ", tail: ");
    expect_note("(c");
    expect_note("at step 1 the policy's score of a successor is not a finite number");
    rig.program->cancel(rig.state);
    rig_close(&rig);
    world_close();
}

/* There are rows for the rules, but a search that goes on needs more. */
static void a_variable_without_a_row_ends_the_run(void **state)
{
    (void)state;
    world_open("network");
    world_search();
    world_write_network(WORLD_RULE_VARIABLES, 0);
    const struct way way = {.lanes = "4", .unit_items = "25", .threads = 1};
    struct rig rig;
    struct run run;
    open_rig(&rig, &way);
    expect(ERR_INPUT, run_units(&rig, &way, &run));
    expect_note("model.safetensors: constants.weight has ");
    expect_note("a search needs ");
    rig.program->cancel(rig.state);
    rig_close(&rig);
    world_close();
}

/* What is carved out is never more than what was measured, which another side computes. */
static void memory_suffices_for_every_shape(void **state)
{
    static const struct {
        const char *atoms, *successors, *depth, *skip_unary, *lanes, *unit_items;
        uint32_t threads;
    } shapes[] = {{"1", "2", "1", "off", "1", "1", 1},
                  {"64", "3", "1000", "on", "3", "1", 1},
                  {"2", "65536", "3", "off", "2", "9", 5},
                  {"5", "120", "20", "on", "300", "7", 2},
                  {"6", "120", "20", "off", "300", "0", 16},
                  {"7", "2", "1", "on", "1", "900000", 3}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct rig rig;
        world_open(i % 2 ? "network" : "hash");
        world_set(SET_atoms, shapes[i / 2].atoms);
        world_set(SET_successors, shapes[i / 2].successors);
        world_set(SET_depth, shapes[i / 2].depth);
        world_set(SET_skip_unary, shapes[i / 2].skip_unary);
        open_rig(&rig, &(struct way){.lanes = shapes[i / 2].lanes,
                                     .unit_items = shapes[i / 2].unit_items,
                                     .threads = shapes[i / 2].threads});
        expect(OK, rig.program->load(rig.state, 0));
        expect(OK, rig.program->advance(rig.state));
        rig_close(&rig);
        world_close();
    }
}

static void any_unit_may_be_held_next(void **state)
{
    (void)state;
    assert_true(program_prove.column(NULL) == WIRE_NO_COLUMN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_policy_gives_the_records_of_a_plain_loop),
        test_plain(sampled_and_joint_candidates_give_the_records_of_a_plain_loop),
        test_plain(every_way_to_search_gives_the_records_of_a_plain_loop),
        test_plain(the_moment_of_refilling_changes_no_record),
        test_plain(fixed_steps_keep_a_batch_for_the_depth_limit),
        test_plain(lanes_flow_across_units),
        test_plain(hunger_is_for_as_many_places_as_there_are_lanes),
        test_plain(what_the_work_was_is_counted),
        test_plain(units_after_a_cancelled_one_are_right),
        test_plain(units_after_a_failed_step_are_right),
        test_plain(a_score_that_is_no_number_ends_the_run_with_its_place),
        test_plain(a_variable_without_a_row_ends_the_run),
        test_plain(memory_suffices_for_every_shape),
        test_plain(any_unit_may_be_held_next),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
