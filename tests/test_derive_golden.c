/* Tests of whole searches on real data, against outcomes that another program found: every query
 * proved or not, in how many steps, with how many first choices. */
#include "tests/proving.h"

enum { ATOMS = 6, SUCCESSORS = 120, DEPTH = 20, FIRST_QUERIES = 100 };

static struct search search;

static int teardown(void **state)
{
    (void)state;
    search_close(&search);
    proving_close();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return 0;
}

static void given(const char *data)
{
    if (!proving_data(data)) skip();
    search_open(&search, ATOMS, SUCCESSORS, DEPTH + 1);
    search.args.memory_pruning = true;
    search.args.end_action = true;
}

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t key_of(const struct atom *state)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ATOMS && state[i].predicate; i++)
        sum += mix((uint64_t)state[i].predicate << 42 ^ (uint64_t)state[i].first << 21 ^
                   state[i].second);
    return sum;
}

/* The successor with the smallest key; giving up only where nothing else is left. */
static uint32_t choose_hash(const struct search *from)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < from->lane.count; i++)
        if (search_successor(from, i)->predicate != theory->predicate_count + ATOM_GIVE_UP &&
            key_of(search_successor(from, i)) < key_of(search_successor(from, best)))
            best = i;
    return best;
}

static uint32_t choose_first(const struct search *from)
{
    (void)from;
    return 0;
}

/* Runs every query of a golden file: index, predicate (a name or a number), head, tail, proved,
 * length, end, first count, after a line of titles. */
static uint32_t expect_golden(const char *name)
{
    char path[1024], line[256], predicate[64], end;
    (void)snprintf(path, sizeof path, "%s/golden/%s", MILLRACE_SHARED_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    uint32_t count = 0;
    while (fgets(line, sizeof line, file)) {
        unsigned index, head, tail, proved, length, first_count;
        assert_int_equal(8, sscanf(line, "%u %63s %u %u %u %u %c %u", &index, predicate, &head,
                                   &tail, &proved, &length, &end, &first_count));
        const struct atom root = proving_query(index);
        const uint32_t number = vocab_find(theory->predicates, predicate);
        assert_int_equal(root.predicate,
                         number == VOCAB_NONE ? (uint32_t)atoi(predicate) : number + 1);
        assert_int_equal(root.first, head);
        assert_int_equal(root.second, tail);

        const struct episode episode = search_run(&search, root, DEPTH, choose_hash);
        assert_int_equal(proved, episode.end == 'T');
        assert_int_equal(length, episode.length);
        assert_int_equal(end, episode.end);
        assert_int_equal(first_count, episode.first_count);
        count++;
    }
    assert_int_equal(0, fclose(file));
    return count;
}

struct totals {
    uint32_t queries, proved, failed, deep, length, first_count;
};

static void expect_totals(search_choice *choose, struct totals want)
{
    struct totals got = {.queries = (uint32_t)theory->evaluated.count};
    for (uint32_t i = 0; i < got.queries; i++) {
        const struct episode episode = search_run(&search, proving_query(i), DEPTH, choose);
        got.proved += episode.end == 'T';
        got.failed += episode.end == 'F';
        got.deep += episode.end == 'D';
        got.length += episode.length;
        got.first_count += episode.first_count;
    }
    assert_int_equal(want.queries, got.queries);
    assert_int_equal(want.proved, got.proved);
    assert_int_equal(want.failed, got.failed);
    assert_int_equal(want.deep, got.deep);
    assert_int_equal(want.length, got.length);
    assert_int_equal(want.first_count, got.first_count);
}

static void the_key_of_the_hash_policy_is_the_published_one(void **state)
{
    (void)state;
    const struct atom one[ATOMS] = {{1, 2, 3}}, two[ATOMS] = {{12, 2968, 2970}, {1, 1, 1}};
    assert_true(key_of(one) == UINT64_C(0x753ec52ae66d0849));
    assert_true(key_of(two) == UINT64_C(0xdddf75307050a56c));
}

static void countries_are_as_expected_one_by_one(void **state)
{
    (void)state;
    given("countries_s3");
    assert_int_equal(24, expect_golden("countries_s3.tsv"));
}

static void families_are_as_expected_one_by_one(void **state)
{
    (void)state;
    given("family");
    assert_int_equal(FIRST_QUERIES, expect_golden("family48_first100.tsv"));
}

static void countries_add_up(void **state)
{
    (void)state;
    given("countries_s3");
    expect_totals(choose_hash, (struct totals){24, 15, 7, 2, 179, 72});
    expect_totals(choose_first, (struct totals){24, 20, 3, 1, 146, 72});
}

/* How the first policy's failures divide into stuck and too deep is our own figure. */
static void families_add_up(void **state)
{
    (void)state;
    given("family");
    expect_totals(choose_hash, (struct totals){5626, 2535, 3008, 83, 34672, 30470});
    expect_totals(choose_first, (struct totals){5626, 2064, 3562, 0, 33110, 30470});
}

static void the_worked_example_is_as_written(void **state)
{
    (void)state;
    given("family");
    const struct atom root = proving_query(0);
    assert_int_equal(2417, root.first);
    assert_int_equal(2706, root.second);
    search_start(&search, root);
    search_derive(&search);
    assert_int_equal(8 + 1, search.lane.count);
    assert_int_equal(2970, search.lane.next_variable);
    char text[128] = "", want[128];
    proving_write(search_successor(&search, 0), ATOMS, text, sizeof text);
    (void)snprintf(want, sizeof want, "father(_0,%s) sister(%s,_0)",
                   vocab_label(theory->constants, root.second - 1),
                   vocab_label(theory->constants, root.first - 1));
    assert_string_equal(want, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(the_key_of_the_hash_policy_is_the_published_one),
        test_case(countries_are_as_expected_one_by_one),
        test_case(families_are_as_expected_one_by_one),
        test_case(countries_add_up),
        test_case(families_add_up),
        test_case(the_worked_example_is_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
