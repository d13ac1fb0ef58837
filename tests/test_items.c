/* Tests of the grid of a proof search: its targets and their candidates. */
#include "common/items.h"
#include "common/permute.h"
#include "tests/files.h"

enum { CONSTANTS = 10, TRIPLES = 4, HEADS = 1 << ITEM_HEAD, TAILS = 1 << ITEM_TAIL };

static struct triple at[TRIPLES] = {{0, 0, 1}, {2, 0, 3}, {4, 1, 5}, {0, 0, 9}};
static uint32_t line[TRIPLES] = {0, 1, 3, 4}; /* line 2 was dropped */
static struct domain everything = {NULL, CONSTANTS, NULL};

/* Numbers below 4 are in `low`, 5 and up in `high`; 4 is in neither. */
static uint32_t low_members[] = {0, 1, 2, 3}, high_members[] = {5, 6, 7, 8, 9};
static struct domain split[] = {{low_members, 4, NULL}, {high_members, 5, NULL}};
static uint32_t split_of[] = {0, 0, 0, 0, DOMAIN_NONE, 1, 1, 1, 1, 1};

static struct settings *settings;
static struct theory theory;
static struct items items;

static int setup(void **state)
{
    (void)state;
    theory = (struct theory){
        .constant_count = CONSTANTS,
        .predicate_count = 2,
        .domains = {.at = &everything, .count = 1},
        .evaluated = {.at = at, .line = line, .count = TRIPLES},
    };
    expect(OK, settings_open(&settings));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    items_close(&items);
    assert_null(items.target);
    known_close(&theory.known);
    vocab_close(&theory.constants);
    settings_close(&settings);
    return 0;
}

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder_path, "test"));
}

static void set_number(enum setting setting, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    set(setting, text);
}

static void sample(uint64_t samples)
{
    set(SET_candidates, "sample");
    set_number(SET_samples, samples);
}

static void open_items(void)
{
    items_close(&items);
    expect(OK, items_open(settings, &theory, &items));
}

/* The target of a triple and a side. */
static uint32_t target_of(uint32_t triple, enum item_side side)
{
    uint32_t target = 0;
    while (items.target[target].triple != triple || items.target[target].side != side)
        assert_true(++target < items.target_count);
    return target;
}

/* The candidate at a place replaces the entity of that side, and nothing else. */
static uint32_t entity_at(uint32_t target, uint64_t place, enum side side)
{
    const struct triple truth = at[items.target[target].triple];
    struct triple triple;
    assert_int_equal(ITEM_CANDIDATE, items_at(&items, target, place, &triple));
    assert_int_equal(truth.relation, triple.relation);
    if (side == SIDE_HEAD) assert_int_equal(truth.tail, triple.tail);
    if (side == SIDE_TAIL) assert_int_equal(truth.head, triple.head);
    return side == SIDE_HEAD ? triple.head : triple.tail;
}

static void expect_entities(uint32_t target, uint64_t first, enum side side, size_t count,
                            const uint32_t *entities)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(entities[i], entity_at(target, first + i, side));
}

static void expect_targets(unsigned sides, uint32_t count)
{
    uint32_t seen[TRIPLES][ITEM_SIDES] = {{0}};
    open_items();
    assert_int_equal(count, items.target_count);
    for (uint32_t target = 0; target < count; target++) {
        struct triple triple;
        const struct item_target *self = &items.target[target];
        seen[self->triple][self->side]++;
        assert_int_equal(3 * line[self->triple] + self->side, items_stream(&items, target));
        assert_int_equal(ITEM_TRUE, items_at(&items, target, 0, &triple));
        assert_memory_equal(&at[self->triple], &triple, sizeof triple);
    }
    for (uint32_t triple = 0; triple < TRIPLES; triple++)
        for (unsigned side = 0; side < ITEM_SIDES; side++)
            assert_int_equal(sides >> side & 1, seen[triple][side]);
}

static void mode_comes_before_sides(void **state)
{
    (void)state;
    expect_targets(HEADS | TAILS, 2 * TRIPLES);
    set(SET_sides, "tail");
    expect_targets(TAILS, TRIPLES);
    set(SET_mode, "head");
    expect_targets(HEADS, TRIPLES);
    set(SET_mode, "tail");
    expect_targets(TAILS, TRIPLES);
    set(SET_mode, "both");
    expect_targets(1 << ITEM_BOTH, TRIPLES);
}

/* The documented order: "searches" as eight bytes is the stream. */
static void targets_follow_the_permutation_of_first_appearance(void **state)
{
    (void)state;
    static const struct item_target forever[] = {{1, 1}, {1, 0}, {0, 1}, {2, 0},
                                                 {0, 0}, {3, 0}, {2, 1}, {3, 1}};
    for (uint64_t seed = 0; seed < 3; seed++) {
        set_number(SET_seed, seed);
        open_items();
        for (uint32_t k = 0; k < 2 * TRIPLES; k++) {
            const uint64_t number = permute(seed, UINT64_C(0x7365617263686573), 2 * TRIPLES, k);
            assert_int_equal(k / 2, items.target[number].triple);
            assert_int_equal(k % 2, items.target[number].side);
        }
        for (uint32_t target = 0; seed == 1 && target < items.target_count; target++) {
            assert_int_equal(forever[target].triple, items.target[target].triple);
            assert_int_equal(forever[target].side, items.target[target].side);
        }
    }
}

static void all_candidates_are_the_other_members_ascending(void **state)
{
    (void)state;
    struct triple triple;
    open_items();
    assert_int_equal(CONSTANTS, items.places);
    assert_int_equal(2 * TRIPLES * CONSTANTS, items.total);
    expect_entities(target_of(1, ITEM_HEAD), 1, SIDE_HEAD, 9,
                    (uint32_t[]){0, 1, 3, 4, 5, 6, 7, 8, 9});
    expect_entities(target_of(3, ITEM_TAIL), 1, SIDE_TAIL, 9,
                    (uint32_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8});
    assert_int_equal(CONSTANTS, items_places(&items, 0));
    assert_int_equal(ITEM_NONE, items_at(&items, 0, CONSTANTS, &triple));
    assert_int_equal(ITEM_NONE, items_at(&items, 0, UINT64_MAX, &triple));
}

/* The documented draw: results depend on it, and on these numbers. */
static void samples_are_the_first_places_of_the_permutation(void **state)
{
    (void)state;
    set_number(SET_seed, 7);
    sample(5);
    open_items();
    assert_int_equal(6, items.places);
    for (uint32_t target = 0; target < items.target_count; target++) {
        const struct item_target *self = &items.target[target];
        const struct triple *truth = &at[self->triple];
        const uint32_t entity = self->side == ITEM_HEAD ? truth->head : truth->tail;
        for (uint64_t k = 0; k < 5; k++) {
            const uint64_t number =
                permute(7, 3 * line[self->triple] + self->side, CONSTANTS - 1, k);
            assert_int_equal(number + (number >= entity),
                             entity_at(target, k + 1, (enum side)self->side));
        }
    }
    expect_entities(target_of(2, ITEM_HEAD), 1, SIDE_HEAD, 5, (uint32_t[]){0, 7, 8, 5, 9});
    expect_entities(target_of(2, ITEM_TAIL), 1, SIDE_TAIL, 5, (uint32_t[]){9, 2, 3, 6, 4});
}

static void samples_are_distinct_and_never_the_true_one(void **state)
{
    (void)state;
    for (uint64_t samples = 0; samples < 14; samples++) {
        sample(samples);
        open_items();
        const uint64_t places = 1 + (samples < CONSTANTS ? samples : CONSTANTS - 1);
        for (uint32_t target = 0; target < items.target_count; target++) {
            const enum side side = (enum side)items.target[target].side;
            const struct triple *truth = &at[items.target[target].triple];
            bool seen[CONSTANTS] = {false};
            seen[side == SIDE_HEAD ? truth->head : truth->tail] = true;
            assert_int_equal(places, items_places(&items, target));
            for (uint64_t place = 1; place < places; place++) {
                const uint32_t entity = entity_at(target, place, side);
                assert_true(entity < CONSTANTS && !seen[entity]);
                seen[entity] = true;
            }
        }
    }
}

static void part_of_a_huge_domain_is_drawn_directly(void **state)
{
    (void)state;
    static struct domain huge = {NULL, UINT32_MAX, NULL};
    theory.domains.at = &huge;
    open_items();
    assert_int_equal(UINT32_MAX, items.places);
    const uint32_t target = target_of(1, ITEM_TAIL);
    assert_int_equal(UINT32_MAX - 1, entity_at(target, UINT32_MAX - 1, SIDE_TAIL));
    sample(UINT32_MAX - 1);
    open_items();
    assert_int_equal(UINT32_MAX, items.places);
    for (uint64_t place = UINT32_MAX - 100; place < UINT32_MAX; place++)
        assert_true(entity_at(target, place, SIDE_TAIL) != at[1].tail);
    set(SET_mode, "both");
    set(SET_candidates, "all");
    open_items();
    assert_int_equal(1 + 2 * (UINT32_MAX - UINT64_C(1)), items.places);
    assert_int_equal(UINT32_MAX - 1, entity_at(0, items.places - 1, SIDE_TAIL));
}

/* Each side has the places that its own list would have, with the same stream. */
static void joint_list_has_the_head_side_first(void **state)
{
    (void)state;
    struct triple triple;
    uint32_t head[3], tail[2];
    set_number(SET_seed, 3);
    sample(5);
    open_items();
    for (uint64_t k = 0; k < 3; k++) head[k] = entity_at(target_of(1, ITEM_HEAD), k + 1, SIDE_HEAD);
    for (uint64_t k = 0; k < 2; k++) tail[k] = entity_at(target_of(1, ITEM_TAIL), k + 1, SIDE_TAIL);
    set(SET_mode, "both");
    open_items();
    const uint32_t target = target_of(1, ITEM_BOTH);
    assert_int_equal(6, items_places(&items, target));
    expect_entities(target, 1, SIDE_HEAD, 3, head);
    expect_entities(target, 4, SIDE_TAIL, 2, tail);
    assert_int_equal(ITEM_NONE, items_at(&items, target, 6, &triple));
}

static void joint_list_shares_candidates_out(void **state)
{
    (void)state;
    static const struct {
        uint64_t samples, places;
    } cases[] = {{0, 1}, {1, 2}, {2, 3}, {17, 18}, {18, 19}, {19, 19}, {100, 19}};
    set(SET_mode, "both");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sample(cases[i].samples);
        open_items();
        assert_int_equal(cases[i].places, items.places);
        assert_int_equal(cases[i].places * TRIPLES, items.total);
        if (cases[i].places > 1) (void)entity_at(0, 1, SIDE_HEAD);
    }
    set(SET_candidates, "all");
    open_items();
    const uint32_t target = target_of(0, ITEM_BOTH);
    assert_int_equal(2 * CONSTANTS - 1, items.places);
    expect_entities(target, 1, SIDE_HEAD, 9, (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9});
    expect_entities(target, 10, SIDE_TAIL, 9, (uint32_t[]){0, 2, 3, 4, 5, 6, 7, 8, 9});
}

static struct triple known_at[] = {{0, 0, 1}, {0, 0, 3}, {0, 0, 8}, {5, 0, 1}, {0, 1, 4}};
static const struct triples known = {.at = known_at, .count = 5};
static const struct triples *const sets[] = {&known};

static void known_triples_keep_their_place_and_are_skipped(void **state)
{
    (void)state;
    sample(6);
    for (enum item_side side = 0; side < ITEM_BOTH; side++) {
        struct triple before[7], after;
        open_items();
        const uint32_t target = target_of(0, side);
        for (uint64_t place = 0; place < 7; place++)
            assert_int_equal(place ? ITEM_CANDIDATE : ITEM_TRUE,
                             items_at(&items, target, place, &before[place]));
        expect(OK, known_open(sets, 1, &theory.known));
        for (uint64_t place = 0; place < 7; place++) {
            bool listed = false;
            for (size_t i = 0; i < 5; i++)
                listed |= memcmp(&known_at[i], &before[place], sizeof after) == 0;
            const enum item_kind kind = listed ? ITEM_KNOWN : ITEM_CANDIDATE;
            assert_int_equal(place ? kind : ITEM_TRUE, items_at(&items, target, place, &after));
            assert_memory_equal(&before[place], &after, sizeof after);
        }
        known_close(&theory.known);
    }
}

static void known_triples_are_found_among_all_members(void **state)
{
    (void)state;
    static const bool heads[CONSTANTS] = {[5] = true};
    static const bool tails[CONSTANTS] = {[3] = true, [8] = true};
    expect(OK, known_open(sets, 1, &theory.known));
    open_items();
    for (uint64_t place = 1; place < CONSTANTS; place++) {
        struct triple triple;
        enum item_kind kind = items_at(&items, target_of(0, ITEM_HEAD), place, &triple);
        assert_int_equal(heads[triple.head] ? ITEM_KNOWN : ITEM_CANDIDATE, kind);
        kind = items_at(&items, target_of(0, ITEM_TAIL), place, &triple);
        assert_int_equal(tails[triple.tail] ? ITEM_KNOWN : ITEM_CANDIDATE, kind);
    }
}

static void candidates_come_from_the_domain_of_the_true_one(void **state)
{
    (void)state;
    struct triple triple;
    theory.domains = (struct domains){.at = split, .of = split_of, .count = 2};
    theory.evaluated.count = 2;
    at[1].tail = 9;
    open_items();
    expect_entities(target_of(0, ITEM_TAIL), 1, SIDE_TAIL, 3, (uint32_t[]){0, 2, 3});
    expect_entities(target_of(1, ITEM_TAIL), 1, SIDE_TAIL, 4, (uint32_t[]){5, 6, 7, 8});
    assert_int_equal(5, items.places);
    assert_int_equal(4 + 4 + 4 + 5, items.total);
    assert_int_equal(ITEM_NONE, items_at(&items, target_of(0, ITEM_TAIL), 4, &triple));
    at[1].tail = 3;
}

/* A line of the domains' file can give a predicate a domain that lacks the true one. */
static void domain_without_the_true_one_has_one_more(void **state)
{
    (void)state;
    uint32_t side[2][SIDES] = {{DOMAIN_NONE, 1}, {1, 0}};
    theory.domains = (struct domains){.at = split, .of = split_of, .side = &side[0][0], .count = 2};
    open_items();
    expect_entities(target_of(0, ITEM_TAIL), 1, SIDE_TAIL, 5, high_members);
    expect_entities(target_of(3, ITEM_TAIL), 1, SIDE_TAIL, 4, high_members);
    expect_entities(target_of(2, ITEM_TAIL), 1, SIDE_TAIL, 4, low_members);
    assert_int_equal(6, items.places);
    sample(5);
    open_items();
    bool seen[CONSTANTS] = {false};
    for (uint64_t place = 1; place < 6; place++) {
        const uint32_t entity = entity_at(target_of(0, ITEM_TAIL), place, SIDE_TAIL);
        assert_true(entity >= 5 && !seen[entity]);
        seen[entity] = true;
    }
}

static void entity_in_no_domain_is_refused_where_it_is_to_be_replaced(void **state)
{
    (void)state;
    static const int columns[] = {0};
    set(SET_test, file_text("test", "unread\n"));
    set(SET_domains, file_text("domains", "unread\n"));
    expect(OK, vocab_sort(file_text("names", "c0\tr\tx\nc1\tr\tx\nc2\tr\tx\nc3\tr\tx\nc4\tr\tx\n"),
                          columns, 1, "constants", &theory.constants));
    theory.domains = (struct domains){.at = split, .of = split_of, .count = 2};
    expect(ERR_INPUT, items_open(settings, &theory, &items));
    assert_null(items.target);
    expect_note("/domains: no domain has `c4`, the head of ");
    expect_note("/test:4; add it to one, or leave that line out");
    set(SET_mode, "both");
    expect(ERR_INPUT, items_open(settings, &theory, &items));
    set(SET_mode, "tail");
    open_items();
    set(SET_mode, "both");
    sample(0);
    open_items();
    assert_int_equal(1, items.places);
}

static void too_many_targets_are_refused(void **state)
{
    (void)state;
    theory.evaluated = (struct triples){.count = UINT32_MAX};
    expect(ERR_INPUT, items_open(settings, &theory, &items));
    expect_note("4294967295 triples to prove; that is too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(mode_comes_before_sides),
        test_case(targets_follow_the_permutation_of_first_appearance),
        test_case(all_candidates_are_the_other_members_ascending),
        test_case(samples_are_the_first_places_of_the_permutation),
        test_case(samples_are_distinct_and_never_the_true_one),
        test_case(part_of_a_huge_domain_is_drawn_directly),
        test_case(joint_list_has_the_head_side_first),
        test_case(joint_list_shares_candidates_out),
        test_case(known_triples_keep_their_place_and_are_skipped),
        test_case(known_triples_are_found_among_all_members),
        test_case(candidates_come_from_the_domain_of_the_true_one),
        test_case(domain_without_the_true_one_has_one_more),
        test_case(entity_in_no_domain_is_refused_where_it_is_to_be_replaced),
        test_case(too_many_targets_are_refused),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
