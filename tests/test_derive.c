/* Tests of one derivation: how goals unify with rules and facts, what is deleted, when a state is
 * proved or stuck, how variables are numbered. */
#include "tests/proving.h"

enum { ATOMS = 6, SUCCESSORS = 120 };

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
    search_open(&search, ATOMS, SUCCESSORS, 0);
    search.args.plain = true;
}

static void expect_from(const char *state, const char *successors)
{
    search_from(&search, state);
    search_derive(&search);
    search_expect(&search, successors);
}

static void a_rule_replaces_the_goal_by_its_body(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Y), r(Y,X).\n");
    expect_from("p(a,b) t(c,d)", "q(a,b) r(b,a) t(c,d)");
}

static void rules_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- r(X,Y).\nq(X,Y) :- s(X,Y).\np(X,Y) :- q(X,Y).\n");
    expect_from("p(a,b)", "r(a,b) | q(a,b)");
}

static void a_constant_in_a_head_binds_the_goals_variable(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,c) :- q(X,d).\n");
    expect_from("p(a,_0) t(_0,b) t(_1,_0)", "q(a,d) t(c,b) t(_1,c)");
}

static void a_constant_in_a_head_meets_only_itself(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(c,X) :- q(X,X).\np(X,d) :- r(X,X).\n");
    expect_from("p(c,b)", "q(b,b)");
    expect_from("p(a,d)", "r(a,a)");
    expect_from("p(a,b)", "false");
}

static void a_body_may_have_constants(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(e,X), r(Y,f).\n");
    expect_from("p(a,_0)", "q(e,a) r(_0,f)");
}

static void one_variable_twice_in_a_head_needs_equal_arguments(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,X) :- q(X,b).\n");
    expect_from("p(a,a)", "q(a,b)");
    expect_from("p(_0,_0)", "q(_0,b)");
    expect_from("p(a,b)", "false");
}

static void one_variable_is_not_bound_to_two_things(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,X) :- q(X,b).\nr(a,b) :- q(a,b).\n");
    expect_from("p(c,_0)", "false");
    expect_from("p(_0,c)", "false");
    expect_from("p(_0,_1)", "false");
    expect_from("r(_0,_0)", "false");
}

static void one_variable_twice_in_a_goal_is_handed_on(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(Y,X).\nr(a,a) :- q(b,b).\n");
    expect_from("p(_0,_0)", "q(_0,_0)");
    expect_from("r(_0,_0) t(_0,c)", "q(b,b) t(a,c)");
}

static void the_second_binding_is_applied_to_the_result_of_the_first(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,c) :- q(X,X).\nr(c,X) :- q(X,X).\n");
    expect_from("p(_0,_0) t(_0,d)", "q(c,c) t(c,d)");
    expect_from("r(_0,_0) t(_0,d)", "q(c,c) t(c,d)");
}

static void a_fact_takes_the_goal_away(void **state)
{
    (void)state;
    given("p(a,b).\n", "q(X,Y) :- p(X,Y).\n");
    expect_from("p(a,b) t(c,d)", "t(c,d)");
    expect_from("p(a,_0) t(c,_0)", "t(c,b)");
    expect_from("p(_0,b) t(c,_0)", "t(c,a)");
    expect_from("p(b,a) t(c,d)", "false");
}

static void facts_of_a_first_argument_come_in_the_order_of_the_second(void **state)
{
    (void)state;
    given("p(a,d).\np(a,b).\np(b,a).\np(a,c).\n", "q(X,Y) :- p(X,Y).\n");
    expect_from("p(a,_0) t(_0,_0)", "t(b,b) | t(c,c) | t(d,d)");
}

static void facts_of_a_second_argument_come_in_the_order_of_the_first(void **state)
{
    (void)state;
    given("p(d,a).\np(b,a).\np(a,b).\np(c,a).\n", "q(X,Y) :- p(X,Y).\n");
    expect_from("p(_0,a) t(_0,_0)", "t(b,b) | t(c,c) | t(d,d)");
}

static void a_goal_of_two_variables_takes_every_fact(void **state)
{
    (void)state;
    given("p(b,a).\np(a,c).\nq(e,e).\np(a,b).\n", "r(X,Y) :- p(X,Y).\n");
    expect_from("p(_0,_1) t(_1,_0)", "t(b,a) | t(c,a) | t(a,b)");
}

static void a_goal_of_one_variable_twice_takes_facts_with_equal_arguments(void **state)
{
    (void)state;
    given("p(b,b).\np(a,c).\np(a,a).\n", "r(X,Y) :- p(X,Y).\n");
    expect_from("p(_0,_0) t(_0,c)", "t(a,c) | t(b,c)");
}

static void rules_come_before_facts(void **state)
{
    (void)state;
    given("p(a,b).\n", "p(X,Y) :- q(X,Y).\n");
    expect_from("p(a,_0) t(_0,_0)", "q(a,_0) t(_0,_0) | t(b,b)");
}

static void the_root_is_never_used_as_a_fact(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\n", "q(X,Y) :- p(X,Y).\n");
    search.lane.root = proving_atom("p(a,b)");
    expect_from("p(a,b) t(c,d)", "false");
    expect_from("p(a,_0) t(_0,d)", "t(c,d)");
    expect_from("p(_0,_1) t(_0,_1)", "t(a,c)");
}

static void facts_are_deleted_wherever_they_stand(void **state)
{
    (void)state;
    given("q(a,b).\ns(b,b).\n", "p(X,Y) :- r(X,Y), q(X,Y), t(Y,X).\n");
    expect_from("p(a,b) s(b,b) t(c,d)", "r(a,b) t(b,a) t(c,d)");
}

static void what_becomes_a_fact_is_deleted(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\nq(b,b).\n", "r(X,Y) :- p(X,Y).\n");
    expect_from("p(a,_0) q(_0,b) t(_0,d)", "t(b,d) | q(c,b) t(c,d)");
}

static void the_root_is_not_deleted(void **state)
{
    (void)state;
    given("p(a,b).\nq(a,b).\n", "p(X,Y) :- q(X,Y), t(X,Y).\n");
    search.lane.root = proving_atom("q(a,b)");
    expect_from("p(a,b) q(a,b)", "q(a,b) t(a,b) q(a,b) | q(a,b)");
    expect_from("p(a,_0) q(a,_0)", "q(a,_0) t(a,_0) q(a,_0) | q(a,b)");
}

static void a_successor_without_atoms_makes_true_the_only_one(void **state)
{
    (void)state;
    given("q(a,b).\np(a,c).\np(a,e).\nr(e,e).\n",
          "p(X,Y) :- t(X,Y).\np(X,Y) :- q(X,Y).\np(X,Y) :- s(X,Y).\n");
    expect_from("p(a,b)", "true");
    expect_from("p(a,_0) r(_0,_0)", "true");
    expect_from("p(c,d)", "t(c,d) | q(c,d) | s(c,d)");
}

static void without_successors_there_is_false(void **state)
{
    (void)state;
    given("p(a,b).\n", "q(X,Y) :- p(X,Y).\n");
    expect_from("t(a,b)", "false");
    expect_from("p(b,_0)", "false");
    expect_from("", "false");
}

static void ends_stay_what_they_are(void **state)
{
    (void)state;
    given("p(a,b).\n", "q(X,Y) :- p(X,Y).\n");
    expect_from("true", "true");
    expect_from("false", "false");
    expect_from("give_up", "false");
}

static void new_variables_are_numbered_by_first_appearance(void **state)
{
    (void)state;
    given("s(a,a).\n", "q(W,Z) :- s(W,Z).\np(X,Y) :- q(V,Z), r(W,Z), r(V,W).\n");
    expect_from("p(a,b)", "q(_0,_1) r(_2,_1) r(_0,_2)");
    expect_from("p(_1,b) t(_0,_1)", "q(_2,_3) r(_4,_3) r(_2,_4) t(_0,_1)");
}

static void each_successor_numbers_its_variables_apart(void **state)
{
    (void)state;
    given("s(a,a).\n", "p(X,Y) :- q(X,Z), r(Z,Y).\np(X,Y) :- r(W,X).\n");
    expect_from("p(a,b) t(_0,c)", "q(a,_1) r(_1,b) t(_0,c) | r(_1,a) t(_0,c)");
}

static void the_next_variable_is_the_largest_that_any_successor_reached(void **state)
{
    (void)state;
    given("p(a,c).\n", "p(X,Y) :- q(X,Z), r(W,Y).\np(X,Y) :- r(W,X).\n");
    expect_from("p(a,b) t(_0,c)", "q(a,_1) r(_2,b) t(_0,c) | r(_1,a) t(_0,c)");
    assert_int_equal(theory->constant_count + 1 + 3, search.lane.next_variable);
    expect_from("t(a,_4)", "false");
    assert_int_equal(theory->constant_count + 1 + 5, search.lane.next_variable);
}

static void dropped_successors_count_for_the_next_variable(void **state)
{
    (void)state;
    given("s(a,a).\n",
          "p(X,Y) :- q(X,Y).\np(X,Y) :- r(X,Y).\np(X,Y) :- q(X,Z), r(Z,W), s(W,V), t(V,Y).\n");
    search.args.successors = 2;
    expect_from("p(a,b)", "q(a,b) | r(a,b)");
    assert_int_equal(theory->constant_count + 1 + 3, search.lane.next_variable);
    search.args.successors = 3;
    search.args.atoms = 3;
    expect_from("p(a,b)", "q(a,b) | r(a,b)");
    assert_int_equal(theory->constant_count + 1 + 3, search.lane.next_variable);
}

static void the_first_successors_are_kept(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\np(a,d).\n", "p(X,Y) :- q(X,Y).\n");
    search.args.successors = 3;
    expect_from("p(a,_0) t(_0,_0)", "q(a,_0) t(_0,_0) | t(b,b) | t(c,c)");
}

static void a_successor_past_the_most_still_proves(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\np(a,d).\nr(d,d).\n", "q(X,Y) :- p(X,Y).\n");
    search.args.successors = 2;
    expect_from("p(a,_0) r(_0,d)", "true");
    expect_from("p(a,_0) r(_0,c)", "r(b,c) | r(c,c)");
    search.lane.root = proving_atom("r(d,d)");
    expect_from("p(a,_0) r(_0,d)", "r(b,d) | r(c,d)");
}

static void a_state_with_too_many_atoms_is_dropped_and_never_cut(void **state)
{
    (void)state;
    given("p(a,c).\n", "p(X,Y) :- q(X,Z), r(Z,Y).\np(X,Y) :- q(X,Y).\n");
    search.args.atoms = 2;
    expect_from("p(a,b) t(c,d)", "q(a,b) t(c,d)");
    expect_from("p(a,c) t(c,d)", "q(a,c) t(c,d) | t(c,d)");
}

static void dropped_ones_have_taken_their_place(void **state)
{
    (void)state;
    given("p(a,b).\np(a,c).\n", "p(X,Y) :- q(X,Z), r(Z,Y).\n");
    search.args.atoms = 2;
    search.args.successors = 2;
    expect_from("p(a,_0) t(_0,d)", "t(b,d)");
}

static void deleting_facts_can_make_a_state_fit(void **state)
{
    (void)state;
    given("q(a,a).\n", "p(X,Y) :- q(X,X), r(X,Y).\n");
    search.args.atoms = 2;
    expect_from("p(a,b) t(c,d)", "r(a,b) t(c,d)");
    expect_from("p(b,a) t(c,d)", "false");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(a_rule_replaces_the_goal_by_its_body),
        test_case(rules_come_in_the_order_of_the_file),
        test_case(a_constant_in_a_head_binds_the_goals_variable),
        test_case(a_constant_in_a_head_meets_only_itself),
        test_case(a_body_may_have_constants),
        test_case(one_variable_twice_in_a_head_needs_equal_arguments),
        test_case(one_variable_is_not_bound_to_two_things),
        test_case(one_variable_twice_in_a_goal_is_handed_on),
        test_case(the_second_binding_is_applied_to_the_result_of_the_first),
        test_case(a_fact_takes_the_goal_away),
        test_case(facts_of_a_first_argument_come_in_the_order_of_the_second),
        test_case(facts_of_a_second_argument_come_in_the_order_of_the_first),
        test_case(a_goal_of_two_variables_takes_every_fact),
        test_case(a_goal_of_one_variable_twice_takes_facts_with_equal_arguments),
        test_case(rules_come_before_facts),
        test_case(the_root_is_never_used_as_a_fact),
        test_case(facts_are_deleted_wherever_they_stand),
        test_case(what_becomes_a_fact_is_deleted),
        test_case(the_root_is_not_deleted),
        test_case(a_successor_without_atoms_makes_true_the_only_one),
        test_case(without_successors_there_is_false),
        test_case(ends_stay_what_they_are),
        test_case(new_variables_are_numbered_by_first_appearance),
        test_case(each_successor_numbers_its_variables_apart),
        test_case(the_next_variable_is_the_largest_that_any_successor_reached),
        test_case(dropped_successors_count_for_the_next_variable),
        test_case(the_first_successors_are_kept),
        test_case(a_successor_past_the_most_still_proves),
        test_case(a_state_with_too_many_atoms_is_dropped_and_never_cut),
        test_case(dropped_ones_have_taken_their_place),
        test_case(deleting_facts_can_make_a_state_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
