/* Tests of what the derive step does beyond derivation: states that were visited, giving up,
 * passing through a single successor; and that lanes do not meet. */
#include "common/prove_shape.h"
#include "tests/proving.h"
#include "worker/step/derive_memory.h"

enum { ATOMS = 6, SUCCESSORS = 120, VISITED = 64 };

static struct search search;

static int teardown(void **state)
{
    search_close(&search);
    proving_close();
    return folder_close(state);
}

static int setup(void **state)
{
    return folder_open(state);
}

/* Constants a to f, predicates p to t, no root. */
static void given(const char *facts, const char *rules)
{
    proving_texts(facts, rules, "t(a,b).\nt(c,d).\nt(e,f).\n");
    search_open(&search, ATOMS, SUCCESSORS, VISITED);
}

/* One step from here, with the visited states as they are. */
static void expect_step(const char *state, const char *successors)
{
    const uint32_t visited = search.lane.visited;
    search_from(&search, state);
    search.lane.visited = visited;
    search_derive(&search);
    search_expect(&search, successors);
}

static void expect_visited(uint32_t count)
{
    assert_int_equal(count, search.lane.visited);
    assert_false(search.lane.overflow);
}

static const char loop_rules[] = "p(X,Y) :- q(Y,X).\nq(X,Y) :- p(Y,X).\nq(X,Y) :- r(X,Y).\n";

static void visited_states_are_dropped(void **state)
{
    (void)state;
    given("s(a,a).\n", loop_rules);
    search.args.memory_pruning = true;
    expect_step("p(a,b)", "q(b,a)");
    expect_visited(1);
    expect_step("q(b,a)", "r(b,a)");
    expect_visited(2);
}

static void without_memory_states_come_back(void **state)
{
    (void)state;
    given("s(a,a).\n", loop_rules);
    expect_step("p(a,b)", "q(b,a)");
    expect_step("q(b,a)", "p(a,b) | r(b,a)");
    expect_visited(0);
}

static void the_present_state_counts_as_visited(void **state)
{
    (void)state;
    given("p(a,d).\n", "p(X,Y) :- p(X,Y).\np(X,Y) :- q(X,Y).\nq(X,Y) :- q(X,Y).\n");
    search.args.memory_pruning = true;
    expect_step("p(a,b)", "q(a,b)");
    expect_step("q(a,b)", "false");
}

static void order_and_repetition_of_atoms_do_not_make_a_state_new(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- r(X,Y), q(X,Y), r(X,Y).\np(X,Y) :- r(X,Y), q(X,X).\n");
    search.args.memory_pruning = true;
    expect_step("q(a,b) r(a,b)", "false");
    expect_step("p(a,b)", "r(a,b) q(a,a)");
    expect_step("p(a,b) q(a,b)", "r(a,b) q(a,a) q(a,b)");
}

static void a_repetition_in_the_memory_does_not_matter_either(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- r(X,Y), q(X,Y).\n");
    search.args.memory_pruning = true;
    expect_step("q(a,b) r(a,b) q(a,b)", "false");
    expect_step("p(a,b)", "false");
}

static void a_part_of_a_visited_state_is_new(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Y).\nt(X,Y) :- q(X,Y), r(X,Y), t(Y,Y).\n");
    search.args.memory_pruning = true;
    expect_step("q(a,b) r(a,b)", "false");
    expect_step("p(a,b)", "q(a,b)");
    expect_step("t(a,b)", "q(a,b) r(a,b) t(b,b)");
}

static void variables_are_compared_by_their_numbers(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Z).\nr(X,Y) :- p(X,b).\n");
    search.args.memory_pruning = true;
    expect_step("q(a,_0)", "false");
    expect_step("p(a,_0)", "q(a,_1)");
    expect_step("p(a,b)", "false");
}

static void true_and_false_are_not_compared(void **state)
{
    (void)state;
    given("p(a,b).\n", "q(X,Y) :- p(X,Y).\n");
    search.args.memory_pruning = true;
    expect_step("q(c,d)", "p(c,d)");
    expect_step("true", "true");
    expect_step("false", "false");
    expect_step("q(a,b)", "true");
    expect_step("q(e,f)", "p(e,f)");
    expect_visited(3);
}

static void equal_hashes_do_not_make_states_equal(void **state)
{
    (void)state;
    const struct atom one = {1, 1, 5}, other = {2, 1, 5 ^ 1 << 17 ^ 2 << 17};
    struct atom room[2];
    uint64_t hash[2];
    struct derive_memory memory = {.atoms = 1, .most = 2, .state = room, .hash = hash};
    assert_true(derive_remember(&memory, &one));
    assert_true(derive_set_hash(&one, 1) == derive_set_hash(&other, 1));
    assert_true(derive_visited(&memory, &one, 1));
    assert_false(derive_visited(&memory, &other, 1));
}

static void a_full_memory_is_reported(void **state)
{
    (void)state;
    given("s(a,a).\n", loop_rules);
    search.args.memory_pruning = true;
    search.args.visited_most = 1;
    expect_step("p(a,b)", "q(b,a)");
    expect_visited(1);
    expect_step("q(b,a)", "false");
    assert_true(search.lane.overflow);
}

static void giving_up_comes_last(void **state)
{
    (void)state;
    given("p(a,c).\np(a,d).\n", "p(X,Y) :- q(X,Y).\n");
    search.args.end_action = true;
    expect_step("p(a,_0) t(_0,b)", "q(a,_0) t(_0,b) | t(c,b) | t(d,b) | give_up");
}

static void there_is_no_giving_up_beside_true_and_false(void **state)
{
    (void)state;
    given("p(a,c).\n", "p(X,Y) :- q(X,Y).\nr(X,Y) :- r(X,Y).\n");
    search.args.end_action = true;
    search.args.memory_pruning = true;
    expect_step("p(a,c)", "true");
    expect_step("t(a,b)", "false");
    expect_step("r(a,b)", "false");
    expect_step("false", "false");
}

static void giving_up_takes_the_last_place(void **state)
{
    (void)state;
    given("p(a,c).\np(a,d).\np(a,e).\n", "q(X,Y) :- p(X,Y).\n");
    search.args.end_action = true;
    search.args.successors = 3;
    expect_step("p(a,_0) t(_0,b)", "t(c,b) | t(d,b) | give_up");
    search.args.successors = 4;
    expect_step("p(a,_0) t(_0,b)", "t(c,b) | t(d,b) | t(e,b) | give_up");
}

static void visited_states_take_their_place_among_the_first(void **state)
{
    (void)state;
    given("p(a,c).\np(a,d).\np(a,e).\n", "q(X,Y) :- p(X,Y).\n");
    search.args.memory_pruning = true;
    search.args.successors = 2;
    expect_step("t(c,b)", "false");
    expect_step("p(a,_0) t(_0,b)", "t(d,b)");
}

static void a_single_successor_is_passed_through(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Z).\nq(X,Y) :- r(X,Y).\nr(X,Y) :- s(X,Z).\n"
                       "r(X,Y) :- t(X,Y).\n");
    search.args.skip_unary = true;
    search.args.memory_pruning = true;
    expect_step("p(b,c)", "s(b,_1) | t(b,_0)");
    expect_visited(3);
    assert_int_equal(theory->constant_count + 1 + 2, search.lane.next_variable);
}

static void the_state_moves_to_where_it_passed(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Y).\nq(X,Y) :- s(X,Y).\nq(X,Y) :- t(X,Y).\n");
    search.args.skip_unary = true;
    search.args.end_action = true;
    expect_step("p(b,c)", "s(b,c) | t(b,c) | give_up");
    char text[64] = "";
    proving_write(search.args.state, ATOMS, text, sizeof text);
    assert_string_equal("q(b,c)", text);
}

static void an_end_is_not_passed_through(void **state)
{
    (void)state;
    given("s(b,c).\n", "p(X,Y) :- q(X,Y).\nq(X,Y) :- s(X,Y).\n");
    search.args.skip_unary = true;
    search.args.end_action = true;
    expect_step("p(b,c)", "true");
    expect_step("p(c,b)", "false");
}

static void passing_through_ends_in_false(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- p(Y,X).\nq(X,Y) :- q(X,Z).\n");
    search.args.skip_unary = true;
    expect_step("p(a,b)", "false");
    search.args.memory_pruning = true;
    expect_step("p(a,b)", "false");
    expect_visited(2);
    search.lane.visited = 0;
    expect_step("q(a,b)", "false");
    expect_visited(PROVE_SKIPS + 1);
}

static void passing_through_can_fill_the_memory(void **state)
{
    (void)state;
    given("s(a,a).\n", "q(X,Y) :- q(X,Z).\n");
    search.args.skip_unary = true;
    search.args.memory_pruning = true;
    search.args.visited_most = PROVE_SKIPS;
    expect_step("q(a,b)", "false");
    assert_true(search.lane.overflow);
}

static void plain_derivation_remembers_and_adds_nothing(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- p(X,Y).\n");
    search.args.memory_pruning = true;
    search.args.end_action = true;
    search.args.skip_unary = true;
    expect_step("p(a,b)", "false");
    expect_visited(1);
    search.args.plain = true;
    expect_step("p(a,b)", "p(a,b)");
    expect_visited(1);
}

static void what_is_made_is_counted(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\np(a,d).\ns(b,e).\n", "p(X,Y) :- q(X,Y).\nq(X,Y) :- p(X,Z), t(Z,Y).\n");
    search.args.successors = 2;
    expect_step("p(a,_0) s(_0,f)", "q(a,_0) s(_0,f) | s(b,f)");
    assert_int_equal(4, search.lane.raw);
    expect_step("p(a,_0) s(_0,f) t(a,b)", "q(a,_0) s(_0,f) t(a,b) | s(b,f) t(a,b)");
    assert_int_equal(2, search.lane.raw);
    search.args.skip_unary = true;
    expect_step("q(a,f)", "q(a,_0) t(_0,f) | t(b,f)");
    assert_int_equal(5, search.lane.raw);
}

enum { LANES = 72, WALK = 6 };

/* What a search shows in each of its steps: successors in order, and n. */
struct shown {
    uint32_t count, next_variable;
    uint64_t sum;
};

static struct shown shown_by(const struct derive_lane *lane, const uint64_t *hash)
{
    struct shown shown = {lane->count, lane->next_variable, 0};
    for (uint32_t row = 0; row < lane->count; row++)
        shown.sum = (shown.sum ^ hash[row]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return shown;
}

static struct atom root_of(uint32_t number)
{
    const uint32_t predicate = proving_atom(number < LANES / 2 ? "p(a,a)" : "r(a,a)").predicate;
    return (struct atom){predicate, 1 + number / 6 % 6, 1 + number % 6};
}

/* The last successor but one, as far as there are so many. */
static uint32_t chosen(const struct derive_lane *lane)
{
    return lane->count > 1 ? lane->count - 2 : 0;
}

static struct derive_lane lane[LANES];
static struct atom at[LANES][ATOMS], successor[LANES][SUCCESSORS][ATOMS];
static struct atom visited[LANES][VISITED][ATOMS];
static uint64_t hash[LANES][SUCCESSORS], visited_hash[LANES][VISITED], scratch[8][128];
static struct shown shown[LANES][WALK];

/* Four of five lanes side by side, in this order; the fifth is left alone. */
static void walk_together(uint32_t threads, uint32_t stride)
{
    struct pool *pool;
    expect(OK, pool_open(threads, &pool));
    assert_true(derive_scratch_bytes(ATOMS, 2) <= sizeof scratch[0]);
    uint32_t list[LANES];
    struct derive_args args = search.args;
    args.lane_list = list, args.live = 0;
    args.lane = lane;
    args.state = &at[0][0], args.successor = &successor[0][0][0], args.hash = &hash[0][0];
    args.visited = &visited[0][0][0], args.visited_hash = &visited_hash[0][0];
    args.scratch = scratch;
    memset(at, 0, sizeof at);
    for (uint32_t i = 0; i < LANES; i++) {
        const uint32_t number = i * stride % LANES;
        at[number][0] = root_of(number);
        lane[number] = (struct derive_lane){
            .root = at[number][0], .next_variable = theory->constant_count + 1, .count = 77};
        if (number % 5) list[args.live++] = number;
    }
    for (int step = 0; step < WALK; step++) {
        expect(OK, derive_cpu(pool, &args));
        for (uint32_t i = 0; i < args.live; i++) {
            const uint32_t n = list[i];
            shown[n][step] = shown_by(&lane[n], hash[n]);
            memcpy(at[n], successor[n][chosen(&lane[n])], sizeof at[n]);
        }
    }
    pool_close(&pool);
}

static void expect_as_alone(void)
{
    for (uint32_t number = 0; number < LANES; number++) {
        search_start(&search, root_of(number));
        for (int step = 0; number % 5 && step < WALK; step++) {
            search_derive(&search);
            const struct shown want = shown_by(&search.lane, search.args.hash);
            assert_memory_equal(&want, &shown[number][step], sizeof want);
            search_move(&search, chosen(&search.lane));
        }
        if (number % 5 == 0) assert_int_equal(77, lane[number].count);
    }
}

static void lanes_do_not_meet(void **state)
{
    (void)state;
    given("p(a,b).\np(b,c).\np(c,d).\nq(b,d).\nq(e,f).\nr(f,a).\n",
          "p(X,Y) :- q(X,Z), p(Z,Y).\nr(X,Y) :- p(X,Z), q(Z,Y).\nq(X,Y) :- r(Y,X).\n"
          "r(X,Y) :- p(Y,X).\n");
    search.args.memory_pruning = true;
    walk_together(1, 1);
    expect_as_alone();
    walk_together(3, 5);
    expect_as_alone();
    walk_together(8, 1);
    expect_as_alone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(visited_states_are_dropped),
        test_case(without_memory_states_come_back),
        test_case(the_present_state_counts_as_visited),
        test_case(order_and_repetition_of_atoms_do_not_make_a_state_new),
        test_case(a_repetition_in_the_memory_does_not_matter_either),
        test_case(a_part_of_a_visited_state_is_new),
        test_case(variables_are_compared_by_their_numbers),
        test_case(true_and_false_are_not_compared),
        test_case(equal_hashes_do_not_make_states_equal),
        test_case(a_full_memory_is_reported),
        test_case(giving_up_comes_last),
        test_case(there_is_no_giving_up_beside_true_and_false),
        test_case(giving_up_takes_the_last_place),
        test_case(visited_states_take_their_place_among_the_first),
        test_case(a_single_successor_is_passed_through),
        test_case(the_state_moves_to_where_it_passed),
        test_case(an_end_is_not_passed_through),
        test_case(passing_through_ends_in_false),
        test_case(passing_through_can_fill_the_memory),
        test_case(plain_derivation_remembers_and_adds_nothing),
        test_case(what_is_made_is_counted),
        test_case(lanes_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
