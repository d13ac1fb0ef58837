/* Tests of reading all that a proof search needs: numbers, facts, filter, evaluated lines, depth
 * labels, and files that are refused. The last ones are of real data. */
#include "common/splits.h"
#include "common/theory.h"
#include "tests/files.h"

static struct settings *settings;
static struct theory *theory;

static void set(enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder_path, "test"));
}

/* A search that has nothing wrong with it; tests change what they are about. */
static int setup(void **state)
{
    (void)state;
    expect(OK, settings_open(&settings));
    set(SET_program, "prove");
    set(SET_policy, "hash");
    set(SET_train, file_text("train", "son(9,b).\nson(10,b).\nson(9,b).\nmother(b,B).\n"));
    set(SET_valid, file_text("valid", "son(b,10).\n"));
    set(SET_test, file_text("test", "son(9,c).\n% one that comes again\nson(b,9).\nson(9,c).\n"));
    set(SET_rules, file_text("rules", "r:1:uncle(x,y), mother(y,z) -> son(z,x)"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    theory_close(&theory);
    settings_close(&settings);
    return 0;
}

static enum err open_theory(enum theory_use use)
{
    expect(OK, settings_finish(settings));
    theory_close(&theory);
    return theory_open(settings, use, &theory);
}

static void expect_refused(enum err err, const char *note)
{
    for (enum theory_use use = THEORY_PLAN; use <= THEORY_SEARCH; use++) {
        expect(err, open_theory(use));
        assert_null(theory);
        expect_note(note);
    }
}

static uint32_t constant(const char *label)
{
    return vocab_find(theory->constants, label);
}

static uint32_t predicate(const char *label)
{
    return vocab_find(theory->predicates, label);
}

static bool is_fact(const char *kind, const char *first, const char *second)
{
    return facts_has(&theory->facts,
                     (struct atom){predicate(kind) + 1, constant(first) + 1, constant(second) + 1});
}

/* How many tails of (first, kind, ?) the filter knows. */
static uint32_t known_tails(const char *first, const char *kind)
{
    uint32_t count;
    (void)known_answers(theory->known, SIDE_TAIL, constant(first), predicate(kind), &count);
    return count;
}

static void words_are_those_of_the_splits_and_rules_in_byte_order(void **state)
{
    (void)state;
    static const char *const constants[] = {"10", "9", "B", "b", "c"};
    static const char *const predicates[] = {"mother", "son", "uncle"};
    for (enum theory_use use = THEORY_PLAN; use <= THEORY_SEARCH; use++) {
        expect(OK, open_theory(use));
        assert_int_equal(5, theory->constant_count);
        assert_int_equal(3, theory->predicate_count);
        for (uint32_t i = 0; i < 5; i++) assert_int_equal(i, constant(constants[i]));
        for (uint32_t i = 0; i < 3; i++) assert_int_equal(i, predicate(predicates[i]));
        assert_int_equal(1, theory->rules.count);
        assert_int_equal(3, theory->rules.at[0].body_count + 1);
        assert_int_equal(5 + 1, theory->rules.at[0].head.first);
    }
}

static void facts_are_those_of_train(void **state)
{
    (void)state;
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(4, theory->fact_count);
    assert_int_equal(3, theory->facts.count);
    assert_true(is_fact("son", "9", "b"));
    assert_true(is_fact("mother", "b", "B"));
    assert_false(is_fact("son", "b", "10"));
    assert_false(is_fact("son", "9", "c"));
}

static void facts_of_their_own_take_the_place_of_train(void **state)
{
    (void)state;
    set(SET_facts, file_text("facts", "z\tuncle\t9\n"));
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(1, theory->fact_count);
    assert_int_equal(6, theory->constant_count);
    assert_true(is_fact("uncle", "z", "9"));
    assert_false(is_fact("son", "9", "b"));
    assert_int_equal(2, known_tails("9", "son"));
}

static void plan_has_neither_index_nor_filter(void **state)
{
    (void)state;
    expect(OK, open_theory(THEORY_PLAN));
    assert_null(theory->known);
    assert_int_equal(4, theory->fact_count);
    assert_int_equal(0, theory->facts.count);
    assert_int_equal(3, theory->evaluated.count);
}

static void filter_is_of_the_splits_it_names(void **state)
{
    (void)state;
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(2, known_tails("b", "son"));
    assert_int_equal(2, known_tails("9", "son"));
    set(SET_filter, "train");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(0, known_tails("b", "son"));
    assert_int_equal(1, known_tails("9", "son"));
    set(SET_filter, "test");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(1, known_tails("b", "son"));
    set(SET_filter, "none");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(0, known_tails("9", "son"));
}

static void evaluated_lines_keep_their_numbers(void **state)
{
    (void)state;
    expect(OK, open_theory(THEORY_SEARCH));
    static const uint32_t lines[] = {0, 2, 3};
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(lines[i], theory->evaluated.line[i]);
    assert_int_equal(constant("b"), theory->evaluated.at[1].head);
    assert_int_equal(predicate("son"), theory->evaluated.at[1].relation);
    assert_int_equal(constant("9"), theory->evaluated.at[1].tail);
    assert_string_equal(settings_text(settings, SET_test),
                        split_path(settings, split_evaluated(settings)));
}

static void limit_is_of_lines(void **state)
{
    (void)state;
    set(SET_limit, "2");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(1, theory->evaluated.count);
    assert_int_equal(2, known_tails("9", "son"));
    assert_int_equal(2, known_tails("b", "son"));
}

static void train_can_be_evaluated_and_is_the_facts_all_the_same(void **state)
{
    (void)state;
    set(SET_queries, "train");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(4, theory->evaluated.count);
    assert_int_equal(3, theory->facts.count);
}

static void queries_of_their_own_are_read_with_the_numbers_of_the_splits(void **state)
{
    (void)state;
    set(SET_queries, file_text("more", "son(B,zed).\nuncle(9,c).\n"));
    expect_refused(ERR_INPUT, "more:1: second argument `zed` stands in none of the files");
    set(SET_unknown, "drop");
    for (enum theory_use use = THEORY_PLAN; use <= THEORY_SEARCH; use++) {
        expect(OK, open_theory(use));
        assert_int_equal(5, theory->constant_count);
        assert_int_equal(1, theory->evaluated.count);
        assert_int_equal(1, theory->evaluated.line[0]);
        assert_int_equal(1, theory->dropped);
    }
    set(SET_queries, file_text("more", "son(B,zed).\n"));
    expect_refused(ERR_INPUT, "no queries triples to prove; all lines were dropped");
}

static void broken_files_are_found_in_both_uses(void **state)
{
    (void)state;
    set(SET_filter, "none");
    set(SET_valid, file_text("valid", "son(9,b).\nson(9;b).\n"));
    expect_refused(ERR_INPUT, "valid:2: line `son(9;b).` has not two arguments");
    set(SET_valid, file_text("valid", ""));
    expect(OK, open_theory(THEORY_PLAN));
    set(SET_rules, file_text("rules", "uncle(x,y)"));
    expect_refused(ERR_INPUT, "rules:1: line `uncle(x,y)` is no rule");
    set(SET_rules, file_text("rules", "son(X,eve) :- son(eve,X)."));
    expect_refused(ERR_INPUT, "rules:1: constant `eve` stands in none");
    set(SET_rules, file_text("rules", "son(X,Y) :- son(Y,X)."));
    set(SET_domains, file_text("domains", "empty\n"));
    expect_refused(ERR_INPUT, "domains:1: domain `empty` has no members");
    set(SET_domains, file_text("domains", "all 9 10 b\n"));
    set(SET_facts, file_text("facts", "% nothing\n"));
    expect_refused(ERR_INPUT, "facts: no facts; proofs need some");
    set(SET_facts, file_text("facts", "son(9,b).\n"));
    set(SET_test, file_text("test", "% nothing\n"));
    expect_refused(ERR_INPUT, "test: no test triples to prove");
}

static void facts_and_rules_are_required(void **state)
{
    (void)state;
    settings_close(&settings);
    expect(OK, settings_open(&settings));
    set(SET_test, file_path("test"));
    expect(ERR_USAGE, theory_open(settings, THEORY_PLAN, &theory));
    expect_note("facts: neither facts nor train is given; set one of them");
    set(SET_facts, file_path("train"));
    expect(ERR_USAGE, theory_open(settings, THEORY_PLAN, &theory));
    expect_note("rules: none are given; set rules");
    assert_null(theory);
}

/* What the facts of train alone have is not enough where there are facts of their own. */
static void rules_without_a_use_are_found(void **state)
{
    (void)state;
    set(SET_rules, file_text("rules", "r:1:uncle(x,y), aunt(x,y) -> son(x,y)\n"
                                      "r:1:son(x,y), mother(y,z) -> niece(x,z)\n"
                                      "r:1:niece(x,y), mother(x,y) -> son(x,y)\n"));
    expect(OK, open_theory(THEORY_PLAN));
    assert_int_equal(1, theory->idle.count);
    assert_int_equal(1, theory->idle.first[0].line);
    assert_string_equal("uncle", theory->idle.first[0].word);
    set(SET_facts, file_text("facts", "uncle(9,b)\naunt(9,b)\n"));
    expect(OK, open_theory(THEORY_PLAN));
    assert_int_equal(2, theory->idle.count);
    assert_int_equal(2, theory->idle.first[0].line);
    assert_string_equal("mother", theory->idle.first[1].word);
}

static void domains_are_all_constants_unless_a_file_says_otherwise(void **state)
{
    (void)state;
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(5, domains_of(&theory->domains, 0, SIDE_HEAD, constant("c"))->count);
    set(SET_domains, file_text("domains", "numbers 10 9 11\nson:numbers:numbers\n"));
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(2, domains_of(&theory->domains, 0, SIDE_HEAD, constant("9"))->count);
    assert_null(domains_of(&theory->domains, predicate("mother"), SIDE_HEAD, constant("c")));
    assert_int_equal(1, theory->domains.lacking.count);
}

static void labels_find_their_atoms_in_any_order(void **state)
{
    (void)state;
    set(SET_depths, file_text("depths", "% labels\nson(b,9) -1\nson(10,b). 4\nson(x,y) 3\n\n"
                                        "son( 9 , c )\t2\nson(9,c). 2"));
    expect(OK, open_theory(THEORY_PLAN));
    assert_int_equal(2, theory->depth[0]);
    assert_int_equal(-1, theory->depth[1]);
    assert_int_equal(2, theory->depth[2]);
    assert_int_equal(5, theory->label_count);
    assert_int_equal(3, theory->labels_used);
    set(SET_depths, file_text("depths", "son(9,c) 7\n"));
    expect(OK, open_theory(THEORY_PLAN));
    assert_int_equal(7, theory->depth[2]);
    assert_int_equal(THEORY_UNLABELLED, theory->depth[1]);
    expect(OK, open_theory(THEORY_SEARCH));
    assert_null(theory->depth);
}

struct broken {
    const char *text, *note;
};

static void broken_label_is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"son(9,c) 2\nson(b,9)\n", "depths:2: depth `` is no depth"},
        {"son(9,c) two\n", "depths:1: depth `two` is no depth; expected predicate(first,second)"},
        {"son(9,c) -2\n", "depths:1: depth `-2` is no depth"},
        {"son(9,c) 2147483648\n", "is no depth"},
        {"x(9,c) 1 2\n", "depths:1: depth `1 2` is no depth"},
        {"son(9) 2\n", "depths:1: line `son(9) 2` has not two arguments"},
        {"son(9,c) 2\nson(9,c) 3\n", "depths:2: depth `3` is not what an earlier line says"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        set(SET_depths, file_text("depths", broken[i].text));
        expect(ERR_INPUT, open_theory(THEORY_PLAN));
        expect_note(broken[i].note);
        expect_note("depths: /");
    }
}

/* ---- real data, where it is -------------------------------------------------------------- */

/* Sets the splits and rules of a folder of the shared data; skips the test where it is absent. */
static void use_data(const char *name)
{
    static const struct {
        enum setting setting;
        const char *file;
    } files[] = {{SET_train, "train.txt"},
                 {SET_valid, "valid.txt"},
                 {SET_test, "test.txt"},
                 {SET_rules, "rules.txt"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, MILLRACE_SHARED_DATA "/prove/%s/%s", name, files[i].file);
        if (access(path, R_OK) != 0) {
            print_message("%s is not there\n", path);
            skip();
        }
        set(files[i].setting, path);
    }
}

static void family_has_its_published_numbers(void **state)
{
    (void)state;
    static const char *const predicates[] = {"aunt",    "brother", "daughter", "father",
                                             "husband", "mother",  "nephew",   "niece",
                                             "sister",  "son",     "uncle",    "wife"};
    use_data("family");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(2968, theory->constant_count);
    assert_int_equal(12, theory->predicate_count);
    for (uint32_t i = 0; i < 12; i++) assert_int_equal(i, predicate(predicates[i]));
    assert_int_equal(19845, theory->facts.count);
    assert_int_equal(5626, theory->evaluated.count);
    assert_int_equal(48, theory->rules.count);
    assert_int_equal(3, theory->rules.variables);
    assert_int_equal(2, theory->rules.body_most);
    assert_int_equal(2416, theory->evaluated.at[0].head); /* aunt(2417, 2706) counts from 1 */
    assert_int_equal(2705, theory->evaluated.at[0].tail);

    uint32_t facts_most = 0, rules_most = 0, first_most = 0, second_most = 0;
    for (uint32_t p = 1; p <= 12; p++) {
        const uint32_t facts = facts_of(&theory->facts, p).count;
        const uint32_t rules = theory->rules.start[p + 1] - theory->rules.start[p];
        if (facts > facts_most) facts_most = facts;
        if (rules > rules_most) rules_most = rules;
        for (uint32_t c = 1; c <= theory->constant_count; c++) {
            const uint32_t first = facts_with_first(&theory->facts, p, c).count;
            const uint32_t second = facts_with_second(&theory->facts, p, c).count;
            if (first > first_most) first_most = first;
            if (second > second_most) second_most = second;
        }
    }
    assert_int_equal(2543, facts_most);
    assert_int_equal(8, rules_most);
    assert_int_equal(28, first_most);
    assert_int_equal(17, second_most);
}

static void family_labels_are_all_found(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1238, 0, 318, 3979, 30, 61}; /* of -1, 0, 1, ... */
    uint32_t found[6] = {0};
    use_data("family");
    set(SET_depths, MILLRACE_SHARED_DATA "/prove/family/test_depths.txt");
    expect(OK, open_theory(THEORY_PLAN));
    for (uint32_t i = 0; i < theory->evaluated.count; i++) {
        assert_in_range(theory->depth[i] + 1, 0, 5);
        found[theory->depth[i] + 1]++;
    }
    assert_memory_equal(expected, found, sizeof found);
}

static void countries_have_their_published_numbers(void **state)
{
    (void)state;
    use_data("countries_s3");
    set(SET_domains, MILLRACE_SHARED_DATA "/prove/countries_s3/domain2constants.txt");
    expect(OK, open_theory(THEORY_SEARCH));
    assert_int_equal(271, theory->constant_count);
    assert_int_equal(4, theory->predicate_count);
    assert_int_equal(983, theory->facts.count);
    assert_int_equal(4, theory->rules.variables);
    assert_int_equal(3, theory->rules.body_most);
    assert_int_equal(3, theory->domains.count);
    static const uint32_t sizes[] = {5, 23, 243};
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(sizes[i], theory->domains.at[i].count);
    assert_int_equal(0, theory->domains.lacking.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(words_are_those_of_the_splits_and_rules_in_byte_order),
        test_case(facts_are_those_of_train),
        test_case(facts_of_their_own_take_the_place_of_train),
        test_case(plan_has_neither_index_nor_filter),
        test_case(filter_is_of_the_splits_it_names),
        test_case(evaluated_lines_keep_their_numbers),
        test_case(limit_is_of_lines),
        test_case(train_can_be_evaluated_and_is_the_facts_all_the_same),
        test_case(queries_of_their_own_are_read_with_the_numbers_of_the_splits),
        test_case(broken_files_are_found_in_both_uses),
        test_case(facts_and_rules_are_required),
        test_case(rules_without_a_use_are_found),
        test_case(domains_are_all_constants_unless_a_file_says_otherwise),
        test_case(labels_find_their_atoms_in_any_order),
        test_case(broken_label_is_refused_with_file_and_line),
        test_case(family_has_its_published_numbers),
        test_case(family_labels_are_all_found),
        test_case(countries_have_their_published_numbers),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
