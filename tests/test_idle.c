/* Tests of the notes on inputs without an effect, as planning a run of `prove` prints them. */
#include "coordinator/plan.h"
#include "tests/capture.h"
#include "tests/files.h"

static struct settings *settings;

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder_path, "test"));
}

/* A run that there is nothing to say about; tests change what they are about. */
static int setup(void **state)
{
    (void)state;
    expect(OK, settings_open(&settings));
    set(SET_program, "prove");
    set(SET_policy, "hash");
    set(SET_train, file_text("train", "p(a,b).\np(b,c).\nage(a,5).\n"));
    set(SET_test, file_text("test", "q(a,c).\n"));
    set(SET_rules, file_text("rules", "r:1:p(x,y), p(y,z) -> q(x,z)\n"));
    set(SET_depths, file_text("depths", "q(a,c) 2\nq(c,a) -1\n"));
    set(SET_domains, file_text("domains", "letters a b c\nnumbers 5\n"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    settings_close(&settings);
    return 0;
}

/* Planning prints these lines, in which # is the folder, and nothing else. */
static void expect_notes(const char *want)
{
    char text[4096], full[4096] = "";
    struct plan *plan = NULL;
    expect(OK, settings_finish(settings));
    capture_begin(stderr);
    const enum err err = plan_open(settings, &plan);
    capture_end(text, sizeof text);
    expect(OK, err);
    plan_close(&plan);
    for (; *want; want++) {
        const size_t used = strlen(full);
        if (*want == '#')
            (void)snprintf(full + used, sizeof full - used, "%s", folder_path);
        else
            (void)snprintf(full + used, sizeof full - used, "%c", *want);
    }
    assert_string_equal(full, text);
}

static void inputs_that_all_count_have_no_notes(void **state)
{
    (void)state;
    expect_notes("");
}

static void rule_with_a_predicate_that_nothing_proves_is_named(void **state)
{
    (void)state;
    set(SET_rules, file_text("rules", "r:1:p(x,y), p(y,z) -> q(x,z)\n\n"
                                      "z(X,Y) :- p(X,Y), brther(Y,X), sster(X,Y).\n"
                                      "r:1:z(x,y) -> q(x,y)\n"));
    expect_notes("millrace: note: rules: #/rules:3: no fact and no rule has predicate `brther`; "
                 "this rule can never be used\n");
}

static void five_notes_of_a_kind_are_told_in_the_order_of_the_file(void **state)
{
    (void)state;
    set(SET_rules, file_text("rules", "r:1:n1(x,y) -> q(x,y)\nr:1:n2(x,y) -> p(x,y)\n"
                                      "r:1:n3(x,y) -> q(x,y)\nr:1:n4(x,y) -> p(x,y)\n"
                                      "r:1:n5(x,y) -> q(x,y)\nr:1:n6(x,y) -> p(x,y)\n"
                                      "r:1:n7(x,y) -> q(x,y)\n"));
#define NOTE(number)                                                               \
    "millrace: note: rules: #/rules:" number ": no fact and no rule has predicate" \
    " `n" number "`; this rule can never be used\n"
    expect_notes(NOTE("1") NOTE("2") NOTE("3") NOTE("4")
                     NOTE("5") "millrace: note: rules: #/rules: and 2 more\n");
#undef NOTE
}

static void constant_in_a_rule_with_an_arrow_is_a_variable(void **state)
{
    (void)state;
    set(SET_rules, file_text("rules", "r:1:p(x,y), age(x,5) -> q(x,y)\n"
                                      "r:1:p(7,8), age(a,7) -> q(7,8)\n"
                                      "q(X,Y) :- p(X,Y), age(X,5).\n"));
    expect_notes("millrace: note: rules: #/rules:1: `5` is a variable here, though the data have a "
                 "constant of that name; the Prolog form has constants\n");
}

static void labels_of_other_atoms_are_told(void **state)
{
    (void)state;
    set(SET_depths, file_text("depths", "q(a,C) 2\nq(c,a) -1\n"));
    expect_notes("millrace: note: depths: #/depths: none of its 2 labels is of a query\n");
}

static void words_of_domains_that_the_data_lack_are_told(void **state)
{
    (void)state;
    set(SET_domains, file_text("domains", "letters a b c d\nnumbers 5\nhates:letters:letters\n"));
    expect_notes("millrace: note: domains: #/domains:1: 2 words are not of the data, the first "
                 "`d`; such words are passed over\n");
    set(SET_domains, file_text("domains", "numbers 5\nletters a b c d\n"));
    expect_notes("millrace: note: domains: #/domains:2: 1 word is not of the data, `d`; such "
                 "words are passed over\n");
}

static void constants_in_two_domains_are_told_where_that_matters(void **state)
{
    (void)state;
    static const char domains[] = "letters a b c\nnumbers 5 c b\nall a b c 5\n";
    char linked[128];
    set(SET_domains, file_text("domains", domains));
    expect_notes("millrace: note: domains: #/domains:2: 4 constants are in more than one domain, "
                 "the first `b`; the first domain counts\n");
    (void)snprintf(linked, sizeof linked, "%sq:letters:all\n", domains);
    set(SET_domains, file_text("domains", linked));
    expect_notes("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(inputs_that_all_count_have_no_notes),
        test_case(rule_with_a_predicate_that_nothing_proves_is_named),
        test_case(five_notes_of_a_kind_are_told_in_the_order_of_the_file),
        test_case(constant_in_a_rule_with_an_arrow_is_a_variable),
        test_case(labels_of_other_atoms_are_told),
        test_case(words_of_domains_that_the_data_lack_are_told),
        test_case(constants_in_two_domains_are_told_where_that_matters),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
