/* Tests of files of atoms: both ways to write them, blanks and comments, lines that are refused. */
#include "common/atoms.h"
#include "tests/files.h"

static struct vocab *constants, *predicates;

static int setup(void **state)
{
    (void)state;
    expect(OK, vocab_open(&constants));
    expect(OK, vocab_open(&predicates));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vocab_close(&constants);
    vocab_close(&predicates);
    return 0;
}

static enum err name_text(const char *text)
{
    return atoms_name(file_text("atoms", text), "train", constants, predicates);
}

static void expect_atom(const struct triples *triples, uint32_t place, const char *predicate,
                        const char *first, const char *second)
{
    assert_true(place < triples->count);
    const struct triple *at = &triples->at[place];
    assert_string_equal(predicate, vocab_label(predicates, at->relation));
    assert_string_equal(first, vocab_label(constants, at->head));
    assert_string_equal(second, vocab_label(constants, at->tail));
}

/* Names the file's words and reads it with their numbers. */
static void read_text(const char *text, struct triples *triples)
{
    expect(OK, name_text(text));
    expect(OK,
           atoms_read(file_path("atoms"), "train", UNKNOWN_ERROR, constants, predicates, triples));
}

static void atoms_are_read_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct triples triples;
    read_text("likes(ann,bob).\nlikes(bob,ann).\nknows(ann,ann)", &triples);
    assert_int_equal(3, triples.count);
    expect_atom(&triples, 0, "likes", "ann", "bob");
    expect_atom(&triples, 1, "likes", "bob", "ann");
    expect_atom(&triples, 2, "knows", "ann", "ann");
    assert_int_equal(2, vocab_count(constants));
    assert_int_equal(2, vocab_count(predicates));
    triples_close(&triples);
}

static void blanks_comments_and_empty_lines_are_passed_over(void **state)
{
    (void)state;
    struct triples triples;
    read_text("\n% a comment\n  likes ( ann , new york ) .  \n \t\n%\n\tlikes(bob,ann)\r\n",
              &triples);
    assert_int_equal(2, triples.count);
    expect_atom(&triples, 0, "likes", "ann", "new york");
    expect_atom(&triples, 1, "likes", "bob", "ann");
    assert_int_equal(2, triples.line[0]);
    assert_int_equal(5, triples.line[1]);
    triples_close(&triples);
}

static void a_triple_may_begin_with_a_percent_sign(void **state)
{
    (void)state;
    struct triples triples;
    read_text("% a comment\nann\tlikes\tbob\n%x\tlikes\tann\n% another\n", &triples);
    assert_int_equal(2, triples.count);
    expect_atom(&triples, 1, "likes", "%x", "ann");
    assert_int_equal(2, triples.line[1]);
    triples_close(&triples);
}

static void predicate_ends_at_the_first_parenthesis_and_arguments_at_the_last(void **state)
{
    (void)state;
    struct triples triples;
    read_text("/people/person.s/job(/m/0a.b,/m/(0c)).\n", &triples);
    expect_atom(&triples, 0, "/people/person.s/job", "/m/0a.b", "/m/(0c)");
    triples_close(&triples);
}

static void file_with_a_tab_in_its_first_line_holds_triples(void **state)
{
    (void)state;
    struct triples triples;
    read_text("\nann, a\tlikes(so)\tbob.\nbob.\tknows\tann, a\n", &triples);
    assert_int_equal(2, triples.count);
    expect_atom(&triples, 0, "likes(so)", "ann, a", "bob.");
    expect_atom(&triples, 1, "knows", "bob.", "ann, a");
    triples_close(&triples);
}

static void empty_file_holds_no_atom(void **state)
{
    (void)state;
    struct triples triples;
    read_text("", &triples);
    assert_int_equal(0, triples.count);
    assert_int_equal(0, vocab_count(constants));
    triples_close(&triples);
}

static void many_atoms_are_all_read(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    enum { LINE = 32 };
    char *text = malloc(MANY * LINE);
    size_t used = 0;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++) used += (size_t)snprintf(text + used, LINE, "p(%d,0).\n", i);
    struct triples triples;
    read_text(text, &triples);
    assert_int_equal(MANY, triples.count);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(i, triples.line[i]);
        assert_int_equal(i, triples.at[i].head);
    }
    triples_close(&triples);
    free(text);
}

struct broken {
    const char *text, *note;
};

static void broken_line_is_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"p(a,b).\n\np(a b).\n", "atoms:3: line `p(a b).` has not two arguments"},
        {"p(a,b,c).", "atoms:1: line `p(a,b,c).` has not two arguments"},
        {"p a,b", "atoms:1: line `p a,b` is no atom; expected predicate(first,second)."},
        {"p)a,b(", "is no atom"},
        {"p(a,b).\nfoo", "atoms:2: line `foo` is no atom"},
        {"p(a,b", "is no atom"},
        {"(a,b).", "atoms:1: predicate `` is empty"},
        {"p( ,b).", "first argument `` is empty"},
        {"p(a, ).", "second argument `` is empty"},
        {"p(a,b). p(c,d).", "has not two arguments"},
        {"p(a,b). 2", "atoms:1: what follows the atom, `2` is too much"},
        {"p(a,b)..", "what follows the atom, `.` is too much"},
        {"p(a,b).\np(a\tb,c).\n", "atoms:2: first argument `a?b` has a tab in it"},
        {"a\tp\tb\np(a,b).\n", "atoms:2: 1 column, expected 3"},
        {"a\tp\tb\tc\n", "atoms:1: 4 columns, expected 3"},
        {"a\t\tb\n", "atoms:1: predicate `` is empty"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        expect(ERR_INPUT, name_text(broken[i].text));
        expect_note(broken[i].note);
        expect_note("train: /");
    }
    expect(ERR_IO, atoms_name(file_path("missing"), "train", constants, predicates));
}

static void unknown_word_is_refused_or_its_line_dropped(void **state)
{
    (void)state;
    static const struct broken unknown[] = {
        {"p(a,b).\nq(a,b).\n", "test: /"},
        {"p(a,b).\nq(a,b).\n", "atoms:2: predicate `q` stands in none of the files"},
        {"p(c,b).\n", "atoms:1: first argument `c` stands in none"},
        {"p(a,c).\n", "second argument `c` stands in none"},
        {"p(a,c).\n", "or set `unknown` to drop"},
    };
    struct triples triples;
    expect(OK, name_text("p(a,b)."));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        const char *path = file_text("atoms", unknown[i].text);
        expect(ERR_INPUT, atoms_read(path, "test", UNKNOWN_ERROR, constants, predicates, &triples));
        assert_null(triples.at);
        expect_note(unknown[i].note);
    }
    const char *path = file_text("atoms", "q(a,b).\np(b,a).\np(c,a).\np(a,c).\n");
    expect(OK, atoms_read(path, "test", UNKNOWN_DROP, constants, predicates, &triples));
    assert_int_equal(1, triples.count);
    assert_int_equal(1, triples.line[0]);
    assert_int_equal(3, triples.dropped);
    triples_close(&triples);
}

static void cut_gives_what_follows_the_atom(void **state)
{
    (void)state;
    static const struct broken rests[] = {
        {"p(a,b) 2", "2"}, {"p(a,b). -1 ", "-1"}, {"p(a,b).", ""},
        {"p(a,b)", ""},    {"p(a,b)\t3", "3"},
    };
    struct atoms_words words;
    char line[32], *rest;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        (void)snprintf(line, sizeof line, "%s", rests[i].text);
        expect(OK, atoms_cut(line, false, "f", 1, &words, &rest));
        assert_string_equal("p", words.predicate);
        assert_string_equal("b", words.second);
        assert_string_equal(rests[i].note, rest);
    }
    (void)snprintf(line, sizeof line, "a\tp\tb");
    expect(OK, atoms_cut(line, true, "f", 1, &words, &rest));
    assert_string_equal("a", words.first);
    assert_string_equal("", rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(atoms_are_read_in_the_order_of_the_file),
        test_case(blanks_comments_and_empty_lines_are_passed_over),
        test_case(a_triple_may_begin_with_a_percent_sign),
        test_case(predicate_ends_at_the_first_parenthesis_and_arguments_at_the_last),
        test_case(file_with_a_tab_in_its_first_line_holds_triples),
        test_case(empty_file_holds_no_atom),
        test_case(many_atoms_are_all_read),
        test_case(broken_line_is_refused_with_file_and_line),
        test_case(unknown_word_is_refused_or_its_line_dropped),
        test_case(cut_gives_what_follows_the_atom),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
