/* Tests of clauses: both ways to write them, their variables and order, lines that are refused. */
#include "common/rules.h"
#include "tests/files.h"

static struct vocab *constants, *predicates;
static struct rules rules;

/* Two constants, and the predicates of the rules, so that C is 2 and variables begin at 3. */
static int setup(void **state)
{
    (void)state;
    uint32_t id;
    expect(OK, vocab_open(&constants));
    expect(OK, vocab_enter(constants, "ann", &id));
    expect(OK, vocab_enter(constants, "bob", &id));
    expect(OK, vocab_open(&predicates));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rules_close(&rules);
    vocab_close(&constants);
    vocab_close(&predicates);
    return 0;
}

static enum err read_text(const char *text)
{
    const char *path = file_text("rules", text);
    enum err err = rules_name(path, predicates);
    if (!err) err = vocab_order(predicates);
    rules_close(&rules);
    return err ? err : rules_read(path, constants, predicates, &rules);
}

static void expect_atom(struct atom atom, const char *predicate, uint32_t first, uint32_t second)
{
    assert_string_equal(predicate, vocab_label(predicates, atom.predicate - 1));
    assert_int_equal(first, atom.first);
    assert_int_equal(second, atom.second);
}

static void both_forms_give_the_same_rule(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "r0:0.7475:brother(a,h), mother(b,h) -> son(a,b)",
        "  r0 : 0.7475 :brother( a , h ),mother(b,h)->son(a,b).\r\n",
        "r0:-1e3:brother(a,h), mother(b,h) -> son(a,b)\n",
        "r0:1:brother(A,h), mother(b,H) -> son(a,B)",
        "son(A,B) :- brother(A,H), mother(B,H).\n",
        "% a comment\n\nson(A,B):-brother(A,H),mother(B,H)\n",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        expect(OK, read_text(forms[i]));
        assert_int_equal(1, rules.count);
        assert_int_equal(2, rules.body_total);
        assert_int_equal(2, rules.body_most);
        assert_int_equal(3, rules.variables);
        expect_atom(rules.at[0].head, "son", 3, 4);
        expect_atom(rules.body[0], "brother", 3, 5);
        expect_atom(rules.body[1], "mother", 4, 5);
    }
    assert_int_equal(3, rules.at[0].line);
}

static void constants_are_what_begins_small_in_the_second_form_alone(void **state)
{
    (void)state;
    expect(OK, read_text("p(X,bob) :- q(ann,X).\nr:1:q(ann,bob) -> p(bob,ann)\n"));
    expect_atom(rules.at[0].head, "p", 3, 2);
    expect_atom(rules.body[0], "q", 1, 3);
    expect_atom(rules.at[1].head, "p", 4, 5);
    expect_atom(rules.body[1], "q", 5, 4);
    assert_int_equal(3, rules.variables);
}

static void each_unnamed_variable_is_one_of_its_own(void **state)
{
    (void)state;
    expect(OK, read_text("p(X,_) :- q(_,X), q(_y,_y).\np(_,_) :- q(X,_y).\n"));
    expect_atom(rules.at[0].head, "p", 3, 4);
    expect_atom(rules.body[0], "q", 5, 3);
    expect_atom(rules.body[1], "q", 6, 6);
    assert_int_not_equal(rules.at[1].head.first, rules.at[1].head.second);
    expect_atom(rules.body[2], "q", 3, 6);
    assert_int_equal(4, rules.variables);
}

/* Only where an arrow makes a variable of what looks like a constant of the data, once a rule. */
static void constants_that_an_arrow_makes_variables_are_remarked_on(void **state)
{
    (void)state;
    uint32_t id;
    expect(OK, vocab_enter(constants, "5", &id));
    expect(OK, vocab_enter(constants, "5a", &id));
    expect(OK, read_text("r:1:q(bob,y) -> p(bob,6)\nr:1:q(5a,5) -> p(5a,5)\n"
                         "p(X,5) :- q(X,5).\nr:1:q(x,5) -> o(x,5)\n"));
    assert_int_equal(2, rules.digits.count);
    assert_int_equal(2, rules.digits.first[0].line);
    assert_string_equal("5a", rules.digits.first[0].word);
    assert_int_equal(4, rules.digits.first[1].line);
    assert_string_equal("5", rules.digits.first[1].word);
}

static void rules_of_a_predicate_keep_the_order_of_the_file(void **state)
{
    (void)state;
    expect(OK, read_text("r:1:q(x,y) -> r(x,y)\n"
                         "r:1:q(x,y) -> p(x,y)\n"
                         "r:1:q(x,y), q(y,x), q(x,x) -> r(y,x)\n"
                         "r:1:p(x,y) -> r(x,x)\n"));
    static const uint32_t lines[] = {2, 1, 3, 4};
    assert_int_equal(4, rules.count);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(lines[i], rules.at[i].line);
    static const uint32_t starts[] = {0, 0, 1, 1, 4}; /* p is 1, q 2, r 3 */
    for (uint32_t p = 0; p < 5; p++) assert_int_equal(starts[p], rules.start[p]);
    assert_int_equal(3, rules.body_most);
    assert_int_equal(3, rules.at[2].body_count);
    expect_atom(rules.body[rules.at[2].first_body + 2], "q", 3, 3);
    expect_atom(rules.body[rules.at[3].first_body], "p", 3, 4);
}

static void predicates_with_colons_stand_behind_id_and_weight(void **state)
{
    (void)state;
    expect(OK, read_text("r:1:a:b(x,y), c(x,y) -> d:e(x,y)\n"));
    expect_atom(rules.body[0], "a:b", 3, 4);
    expect_atom(rules.at[0].head, "d:e", 3, 4);
}

struct broken {
    const char *text, *note;
};

static void broken_rule_is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"r:1:q(x,y) -> p(x,y)\n\np(x,y)\n", "rules:3: line `p(x,y)` is no rule"},
        {"r:1:q(x,y) -> p(x,y,z)\n", "rules:1: line ` p(x,y,z)` has not two arguments"},
        {"r:1:q(x,y) p(x,y) -> r(x,y)\n", "has not two arguments"},
        {"r:1:q(x,y), -> r(x,y)\n", "rules:1: line `` is no atom"},
        {"r:1: -> r(x,y)\n", "rules:1: the rule has no body"},
        {"r(X,Y) :- .\n", "rules:1: the rule has no body"},
        {"r:1:q(x,y) -> r(x,y) -> s(x,y)\n", "rules:1:"},
        {"q(x,y) -> r(x,y)\n", "rules:1: rule `q(x,y) ` does not begin with id:weight:"},
        {"r0:q(x,y) -> r(x,y)\n", "does not begin with id:weight:, the weight a number"},
        {"r0:high:q(x,y) -> r(x,y)\n", "rules:1: rule `r0:high:q(x,y) ` does not begin"},
        {"r0::q(x,y) -> r(x,y)\n", "does not begin"},
        {"p(X,eve) :- q(X,X).", "rules:1: constant `eve` stands in none of the files"},
        {"p(X,Y) :- q(X,Y)), q(Y,X).", "has a parenthesis in it"},
        {"p(X,Y) :- \\+ q(X,Y).", "rules:1: predicate `\\+ q` is negated"},
        {"", "rules: holds no rule"},
        {"% none\n", "rules: holds no rule"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        expect(ERR_INPUT, read_text(broken[i].text));
        expect_note(broken[i].note);
        expect_note("rules: /");
        assert_null(rules.at);
    }
    expect(ERR_IO, rules_name(file_path("missing"), predicates));
}

static void predicate_without_a_number_is_refused(void **state)
{
    (void)state;
    const char *path = file_text("rules", "r:1:q(x,y) -> p(x,y)\n");
    expect(ERR_INPUT, rules_read(path, constants, predicates, &rules));
    expect_note("rules:1: predicate `p` stands in none of the files");
}

/* A body of `count` atoms. */
static const char *long_rule(int count)
{
    static char text[1024];
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%sq(x,y)", i ? "," : "r:1:");
    (void)snprintf(text + used, sizeof text - used, " -> p(x,y)\n");
    return text;
}

static void bodies_have_a_bound(void **state)
{
    (void)state;
    expect(OK, read_text(long_rule(RULES_BODY_MOST)));
    assert_int_equal(RULES_BODY_MOST, rules.body_most);
    expect(ERR_INPUT, read_text(long_rule(RULES_BODY_MOST + 1)));
    expect_note("rules:1: more than 64 atoms in the body");
}

/* Arrays grow while rules are read. */
static void many_rules_are_all_read(void **state)
{
    (void)state;
    enum { MANY = 1000, LINE = 64 };
    char *text = malloc(MANY * LINE);
    size_t used = 0;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++)
        used += (size_t)snprintf(text + used, LINE, "r:1:q%d(x,y), r(y,z) -> p%d(x,z)\n", i, i % 7);
    expect(OK, read_text(text));
    free(text);
    assert_int_equal(MANY, rules.count);
    assert_int_equal(2 * MANY, rules.body_total);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct rule *rule = &rules.at[i];
        char label[16];
        (void)snprintf(label, sizeof label, "q%u", rule->line - 1);
        assert_int_equal(2, rule->body_count);
        expect_atom(rules.body[rule->first_body], label, 3, 5);
        assert_true(i == 0 || rules.at[i - 1].head.predicate < rule->head.predicate ||
                    rules.at[i - 1].line < rule->line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(both_forms_give_the_same_rule),
        test_case(constants_are_what_begins_small_in_the_second_form_alone),
        test_case(each_unnamed_variable_is_one_of_its_own),
        test_case(constants_that_an_arrow_makes_variables_are_remarked_on),
        test_case(rules_of_a_predicate_keep_the_order_of_the_file),
        test_case(predicates_with_colons_stand_behind_id_and_weight),
        test_case(broken_rule_is_refused_with_file_and_line),
        test_case(predicate_without_a_number_is_refused),
        test_case(bodies_have_a_bound),
        test_case(many_rules_are_all_read),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
