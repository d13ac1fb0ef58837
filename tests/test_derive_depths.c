/* Tests of derivation alone, on real data: the least depth at which a query has a proof, all
 * successors of all states followed, against labels that another program found. */
#include "tests/proving.h"

enum { ATOMS = 20, SUCCESSORS = 500, DEEPEST = 4, UNPROVABLE = -1 };

/* One search for each level, so that a level keeps its successors while those below it change. */
static struct search levels[DEEPEST];

static int teardown(void **state)
{
    for (int level = 0; level < DEEPEST; level++) search_close(&levels[level]);
    proving_close();
    return folder_close(state);
}

static int setup(void **state)
{
    return folder_open(state);
}

static void open_levels(void)
{
    for (int level = 0; level < DEEPEST; level++) {
        search_open(&levels[level], ATOMS, SUCCESSORS, 0);
        levels[level].args.plain = true;
    }
}

/* The state of this level has a proof that ends `left` levels further down, or before. */
static bool proves(struct search *level, int left)
{
    search_derive(level);
    const uint32_t predicate = search_successor(level, 0)->predicate;
    if (predicate > theory->predicate_count)
        return predicate == theory->predicate_count + ATOM_TRUE;
    bool found = false;
    for (uint32_t i = 0; left > 1 && !found && i < level->lane.count; i++) {
        memcpy(level[1].args.state, search_successor(level, i), ATOMS * sizeof(struct atom));
        level[1].lane = level->lane;
        found = proves(level + 1, left - 1);
    }
    return found;
}

static int depth_of(struct atom root, int deepest)
{
    for (int depth = 1; depth <= deepest; depth++) {
        search_start(&levels[0], root);
        if (proves(&levels[0], depth)) return depth;
    }
    return UNPROVABLE;
}

/* Every query against its line of the labels; counts them, those without a proof first. */
static void expect_labels(uint32_t seen[DEEPEST + 1])
{
    char path[1024], line[256], want[256];
    (void)snprintf(path, sizeof path, "%s/prove/family/test_depths.txt", MILLRACE_SHARED_DATA);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (uint32_t i = 0; i < theory->evaluated.count; i++) {
        int label;
        assert_non_null(fgets(line, sizeof line, file));
        assert_int_equal(2, sscanf(line, "%255s %d", want, &label));
        const struct atom root = proving_query(i);
        char text[256] = "";
        proving_write(&root, 1, text, sizeof text);
        assert_string_equal(want, text);

        const int depth = depth_of(root, DEEPEST);
        if (depth != label) print_error("%s", line);
        assert_int_equal(label, depth);
        seen[depth == UNPROVABLE ? 0 : depth]++;
    }
    assert_null(fgets(line, sizeof line, file));
    assert_int_equal(0, fclose(file));
}

static void every_query_has_a_proof_at_its_label_and_none_before(void **state)
{
    (void)state;
    if (!proving_data("family")) skip();
    open_levels();
    uint32_t seen[DEEPEST + 1] = {0};
    expect_labels(seen);
    const uint32_t want[DEEPEST + 1] = {1238, 318, 3979, 30, 61};
    for (int depth = 0; depth <= DEEPEST; depth++) assert_int_equal(want[depth], seen[depth]);
}

static void a_proof_of_four_levels_is_found_at_the_fourth(void **state)
{
    (void)state;
    proving_texts("s(a,c).\ns(c,b).\n",
                  "p(X,Y) :- q(Y,X).\nq(X,Y) :- r(X,Y).\nr(X,Y) :- s(Y,Z), s(Z,X).\n",
                  "p(a,b).\np(b,a).\n");
    open_levels();
    assert_int_equal(DEEPEST, depth_of(proving_query(0), DEEPEST));
    assert_int_equal(UNPROVABLE, depth_of(proving_query(0), DEEPEST - 1));
    assert_int_equal(UNPROVABLE, depth_of(proving_query(1), DEEPEST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(a_proof_of_four_levels_is_found_at_the_fourth),
        test_case(every_query_has_a_proof_at_its_label_and_none_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
