/* Tests of how the grid of a proof search is cut into units. */
#include "common/items.h"
#include "common/outcome.h"
#include "common/wire.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONSTANTS = 9, LINES = 3 };

/* Two domains, so that lists are of 4 and of 5 places. */
static uint32_t low[] = {0, 1, 2, 3}, high[] = {4, 5, 6, 7, 8};
static struct domain split[] = {{low, 4, NULL}, {high, 5, NULL}};
static uint32_t split_of[CONSTANTS] = {0, 0, 0, 0, 1, 1, 1, 1, 1};
static struct triple at[LINES] = {{0, 0, 1}, {2, 0, 7}, {8, 0, 3}};
static uint32_t line[LINES] = {0, 1, 2};

static struct settings *settings;
static struct theory theory;
static struct items items;

static int setup(void **state)
{
    (void)state;
    theory = (struct theory){.domains = {.count = 1}};
    expect(OK, settings_open(&settings));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    items_close(&items);
    settings_close(&settings);
    return 0;
}

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, NULL, "test"));
}

static void set_number(enum setting setting, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    set(setting, text);
}

static void open_items(void)
{
    items_close(&items);
    expect(OK, items_open(settings, &theory, &items));
}

/* Every place of every target in exactly one unit, padding in none of them twice. */
static void expect_cover(void)
{
    static uint8_t seen[LINES * SIDES][2 * CONSTANTS];
    memset(seen, 0, sizeof seen);
    uint64_t total = 0;
    for (uint64_t unit = 0; unit < items_rows(&items) * items_columns(&items); unit++) {
        const struct item_span span = items_span(&items, unit);
        assert_int_equal(unit / items_columns(&items) * items.unit_targets, span.first_target);
        assert_in_range(span.target_count, 1, items.unit_targets);
        assert_in_range(span.place_count, 1, items.unit_candidates);
        assert_true(span.first_target + span.target_count <= items.target_count);
        assert_true(span.first_place + span.place_count <= items.places);
        for (uint32_t t = 0; t < span.target_count; t++)
            for (uint64_t p = 0; p < span.place_count; p++) {
                struct triple triple;
                const uint32_t target = span.first_target + t;
                const uint64_t place = span.first_place + p;
                const bool there = items_at(&items, target, place, &triple) != ITEM_NONE;
                assert_int_equal(place < items_places(&items, target), there);
                assert_int_equal(0, seen[target][place]++);
                total += there;
            }
    }
    assert_int_equal(items.total, total);
}

static void units_cover_every_place_once(void **state)
{
    (void)state;
    theory.domains = (struct domains){.at = split, .of = split_of, .count = 2};
    theory.evaluated = (struct triples){.at = at, .line = line, .count = LINES};
    static const char *const modes[] = {NULL, "head", "both"};
    for (size_t mode = 0; mode < 3; mode++)
        for (uint64_t unit_items = 1; unit_items < 40; unit_items++) {
            if (modes[mode]) set(SET_mode, modes[mode]);
            set_number(SET_unit_items, unit_items);
            open_items();
            expect_cover();
            assert_true(items.unit_targets * items.unit_candidates <= unit_items);
            assert_true(items.unit_targets == 1 || items.unit_candidates == items.places);
        }
}

/* Opens a grid of `targets` heads with `places` each. */
static void open_grid(uint32_t targets, uint32_t places)
{
    struct domain domain = {NULL, places, NULL};
    theory.domains.at = &domain;
    theory.evaluated = (struct triples){.at = calloc(targets, sizeof(struct triple)),
                                        .line = calloc(targets, sizeof(uint32_t)),
                                        .count = targets};
    assert_true(theory.evaluated.at && theory.evaluated.line);
    set(SET_mode, "head");
    open_items();
    assert_int_equal(places, items.places);
    triples_close(&theory.evaluated);
}

static void expect_cut(uint32_t targets, uint32_t places, uint64_t unit_targets,
                       uint64_t unit_candidates)
{
    open_grid(targets, places);
    assert_int_equal(unit_targets, items.unit_targets);
    assert_int_equal(unit_candidates, items.unit_candidates);
}

static void units_have_enough_items_for_the_lanes(void **state)
{
    (void)state;
    expect_cut(100000, 101, 10240 / 101, 101);
    expect_cut(3, 1000000, 1, 10240);
    set(SET_lanes, "7");
    expect_cut(100000, 101, 2, 101); /* 256 at least */
    set(SET_lanes, "20");
    expect_cut(100000, 101, 400 / 101, 101);
    set(SET_lanes, "1048576");
    expect_cut(1, UINT32_MAX, 1, WIRE_BYTES_MAX / OUTCOME_BYTES);
}

static void small_grid_still_has_units_to_share(void **state)
{
    (void)state;
    expect_cut(100, 101, 6, 101); /* 17 units */
    assert_int_equal(17, items_rows(&items) * items_columns(&items));
    expect_cut(2, 30000, 1, 3750);
    assert_int_equal(16, items_rows(&items) * items_columns(&items));
    expect_cut(24, 5, 24, 5); /* 256 items at least */
    expect_cut(1, 300, 1, 256);
}

/* A plan stores what was chosen, and workers choose from what it stored. */
static void chosen_cut_chooses_itself(void **state)
{
    (void)state;
    static const uint32_t grids[][2] = {{100000, 101}, {100, 101}, {3, 1000000}, {24, 5}, {7, 333}};
    for (size_t i = 0; i < sizeof grids / sizeof grids[0]; i++) {
        set(SET_unit_items, "0");
        set(SET_lanes, "64");
        open_grid(grids[i][0], grids[i][1]);
        const uint64_t targets = items.unit_targets, candidates = items.unit_candidates;
        set_number(SET_unit_items, targets * candidates);
        set(SET_lanes, "1");
        expect_cut(grids[i][0], grids[i][1], targets, candidates);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(units_cover_every_place_once),
        test_case(units_have_enough_items_for_the_lanes),
        test_case(small_grid_still_has_units_to_share),
        test_case(chosen_cut_chooses_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
