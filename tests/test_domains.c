/* Tests of domains: members by constant and by predicate, words that the data lack, refusals. */
#include "common/domains.h"
#include "tests/files.h"

enum { A, B, C, D, E, CONSTANTS };
enum { LIKES, LIVES, PREDICATES };

static struct vocab *constants, *predicates;
static struct domains domains;

static int setup(void **state)
{
    (void)state;
    static const char *const words[CONSTANTS] = {"a", "b", "c", "d", "e"};
    static const char *const kinds[PREDICATES] = {"likes", "lives:in"};
    uint32_t id;
    expect(OK, vocab_open(&constants));
    expect(OK, vocab_open(&predicates));
    for (size_t i = 0; i < CONSTANTS; i++) expect(OK, vocab_enter(constants, words[i], &id));
    for (size_t i = 0; i < PREDICATES; i++) expect(OK, vocab_enter(predicates, kinds[i], &id));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    domains_close(&domains);
    vocab_close(&constants);
    vocab_close(&predicates);
    return 0;
}

static enum err read_text(const char *text)
{
    domains_close(&domains);
    return domains_read(file_text("domains", text), constants, predicates, &domains);
}

static void expect_domain(uint32_t predicate, enum side side, uint32_t constant, const char *name)
{
    const struct domain *domain = domains_of(&domains, predicate, side, constant);
    assert_non_null(domain);
    assert_string_equal(name, domain->name);
}

static void members_ascend_and_stand_once(void **state)
{
    (void)state;
    expect(OK, read_text("people d a\tb  a \n"));
    const struct domain *people = domains_of(&domains, LIKES, SIDE_HEAD, A);
    assert_non_null(people);
    static const uint32_t members[] = {A, B, D};
    assert_int_equal(3, people->count);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(members[i], domain_member(people, i));
        assert_int_equal(i, domain_place(people, members[i]));
    }
    assert_int_equal(3, domain_place(people, C));
    assert_int_equal(3, domain_place(people, E));
}

static void constant_is_in_the_first_domain_that_has_it(void **state)
{
    (void)state;
    expect(OK, read_text("% kinds\npeople a b\n\ntowns b c\n"));
    expect_domain(LIKES, SIDE_HEAD, A, "people");
    expect_domain(LIVES, SIDE_TAIL, B, "people");
    expect_domain(LIVES, SIDE_TAIL, C, "towns");
    assert_null(domains_of(&domains, LIVES, SIDE_TAIL, D));
    assert_int_equal(2, domains.at[1].count);
}

static void predicate_says_where_its_arguments_come_from(void **state)
{
    (void)state;
    expect(OK, read_text("lives:in:people:towns\npeople a b\ntowns b c"));
    expect_domain(LIVES, SIDE_HEAD, B, "people");
    expect_domain(LIVES, SIDE_TAIL, B, "towns");
    expect_domain(LIVES, SIDE_TAIL, D, "towns");
    expect_domain(LIKES, SIDE_TAIL, B, "people");
}

static void constants_of_several_domains_are_remarked_on_once(void **state)
{
    (void)state;
    expect(OK, read_text("people a b a\n\ntowns c b\nall d c b a\n"));
    assert_int_equal(3, domains.shared.count);
    assert_int_equal(3, domains.shared.first[0].line);
    assert_string_equal("b", domains.shared.first[0].word);
    assert_int_equal(4, domains.shared.first[1].line);
    assert_string_equal("a", domains.shared.first[1].word);
    assert_string_equal("c", domains.shared.first[2].word);
    assert_true(domains_by_constant(&domains, LIKES));
    expect(OK, read_text("people a b\nlikes:people:people\n"));
    assert_int_equal(0, domains.shared.count);
    assert_false(domains_by_constant(&domains, LIKES));
    assert_true(domains_by_constant(&domains, LIVES));
}

static void words_that_the_data_lack_are_counted(void **state)
{
    (void)state;
    expect(OK, read_text("people a x b y\nhates:people:people\n"));
    assert_int_equal(3, domains.lacking.count);
    assert_string_equal("x", domains.lacking.first[0].word);
    assert_int_equal(2, domains.lacking.first[2].line);
    assert_string_equal("hates", domains.lacking.first[2].word);
    assert_int_equal(2, domains.at[0].count);
}

static void without_a_file_all_constants_are_one_domain(void **state)
{
    (void)state;
    expect(OK, domains_all(CONSTANTS, &domains));
    const struct domain *all = domains_of(&domains, LIVES, SIDE_TAIL, D);
    assert_non_null(all);
    assert_int_equal(CONSTANTS, all->count);
    assert_int_equal(D, domain_member(all, D));
    assert_int_equal(D, domain_place(all, D));
    assert_int_equal(CONSTANTS, domain_place(all, CONSTANTS + 3));
}

static void many_domains_are_all_kept(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 100; i++) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "d%d %c\n", i, 'a' + i % CONSTANTS);
    }
    expect(OK, read_text(text));
    assert_int_equal(100, domains.count);
    assert_string_equal("d99", domains.at[99].name);
    assert_int_equal(E, domain_member(&domains.at[99], 0));
    expect_domain(LIKES, SIDE_HEAD, E, "d4");
}

struct broken {
    const char *text, *note;
};

static void broken_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"people a\nempty\n", "domains:2: domain `empty` has no members"},
        {"people a\nnobody x y\n", "domains:2: domain `nobody` has no members that the data know"},
        {"likes:people", "domains:1: domain `likes:people` has no members"},
        {"people a\ntowns b\npeople c\n", "domains:3: domain `people` is named twice"},
        {"people a\nlikes:people:twons\n", "domains:2: domain `twons` is not in the file"},
        {"people a\nlikes::people\n", "domains:2: domain `` is not in the file"},
        {"people a\nhates:people:twons\n", "domains:2: domain `twons` is not in the file"},
        {"people a\nlikes:people:people\nlikes:people:people\n",
         "domains:3: predicate `likes` has a line already"},
        {"likes:people:people\n", "holds no domain"},
        {"", "domains: holds no domain"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        expect(ERR_INPUT, read_text(broken[i].text));
        expect_note(broken[i].note);
        expect_note("domains: /");
        assert_null(domains.at);
    }
    expect(ERR_IO, domains_read(file_path("missing"), constants, predicates, &domains));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(members_ascend_and_stand_once),
        test_case(constant_is_in_the_first_domain_that_has_it),
        test_case(predicate_says_where_its_arguments_come_from),
        test_case(constants_of_several_domains_are_remarked_on_once),
        test_case(words_that_the_data_lack_are_counted),
        test_case(without_a_file_all_constants_are_one_domain),
        test_case(many_domains_are_all_kept),
        test_case(broken_file_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
