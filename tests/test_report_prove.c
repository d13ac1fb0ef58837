/* Tests of the report of a run of `prove`: ranks as ever, and what its searches came to. */
#include "tests/reporting.h"

static int setup(void **state)
{
    struct ledger *ledger = NULL;
    enum err err = ledger_open(":memory:", &ledger);
    if (!err) err = ledger_begin(ledger);
    if (!err) err = ledger_plan(ledger, 1, 1);
    if (!err) err = ledger_set(ledger, "program", "prove");
    if (!err) err = ledger_set(ledger, "queries_total", "3");
    if (!err) err = ledger_commit(ledger);
    *state = ledger;
    return err != OK;
}

static int teardown(void **state)
{
    ledger_close((struct ledger **)state);
    return 0;
}

static void put_rank(struct ledger *ledger, uint64_t query, const char *side, const char *relation,
                     struct rank_count count)
{
    const struct ledger_rank rank = {query, side, "a", relation, "b", count};
    expect(OK, ledger_put_rank(ledger, &rank));
}

static void put_outcome(struct ledger *ledger, uint64_t query, const char *side, uint64_t candidate,
                        struct outcome outcome)
{
    const struct ledger_outcome row = {query, candidate, side, "a", query ? "knows" : "likes",
                                       "b",   outcome};
    expect(OK, ledger_put_outcome(ledger, &row));
}

/* Two queries by head, one by tail. Scores by head: true -1 and -3, others -2, -3 and -100; by
 * tail: true -101, others -100 and -101. */
static void put_run(struct ledger *ledger)
{
    expect(OK, ledger_begin(ledger));
    put_rank(ledger, 0, "head", "likes", (struct rank_count){0, 0, 3, 0, 0});
    put_rank(ledger, 0, "tail", "likes", (struct rank_count){1, 1, 3, 0, 0});
    put_rank(ledger, 1, "head", "knows", (struct rank_count){0, 1, 2, 0, 0});
    put_outcome(ledger, 0, "head", 0, (struct outcome){0, END_TRUE, 2, -1, 0});
    put_outcome(ledger, 0, "head", 1, (struct outcome){0, END_TRUE, 3, -2, 0});
    put_outcome(ledger, 0, "head", 2, (struct outcome){0, END_FALSE, 1, 0, 0});
    put_outcome(ledger, 0, "tail", 0, (struct outcome){0, END_DEPTH, 4, -1, 0});
    put_outcome(ledger, 0, "tail", 1, (struct outcome){0, END_GIVE_UP, 1, 0, 0});
    put_outcome(ledger, 0, "tail", 2, (struct outcome){0, END_FALSE, 1, -1, 0});
    put_outcome(ledger, 1, "head", 0, (struct outcome){0, END_TRUE, 1, -3, 0});
    put_outcome(ledger, 1, "head", 1, (struct outcome){0, END_TRUE, 2, -3, 0});
    expect(OK, ledger_put_depth(ledger, 0, 2));
    expect(OK, ledger_commit(ledger));
}

static void proofs_are_told_by_side_and_truth(void **state)
{
    put_run(*state);
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "metrics/both/optimistic/count", 3);
    assert_number(tree, "proofs/head/true/count", 2);
    assert_number(tree, "proofs/head/true/proved", 2);
    assert_number(tree, "proofs/head/true/success_rate", 1);
    assert_number(tree, "proofs/head/true/mean_depth", 1.5);
    assert_number(tree, "proofs/head/false/count", 3);
    assert_number(tree, "proofs/head/false/success_rate", 2.0 / 3);
    assert_number(tree, "proofs/head/false/mean_depth", 2);
    assert_number(tree, "proofs/tail/true/mean_depth", 4);
    assert_number(tree, "proofs/tail/false/proved", 0);
    assert_number(tree, "proofs/both/true/count", 3);
    assert_number(tree, "proofs/both/true/success_rate", 2.0 / 3);
    assert_number(tree, "proofs/both/false/count", 5);
    assert_number(tree, "proofs/both/false/mean_depth", 8.0 / 5);
    json_decref(tree);
}

/* Average precision: of each true one, the share of true ones among all that score as high. */
static void area_is_the_average_precision(void **state)
{
    put_run(*state);
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "proofs/head/auc_pr", (1 + 2.0 / 4) / 2);
    assert_number(tree, "proofs/tail/auc_pr", 1.0 / 3);
    assert_number(tree, "proofs/both/auc_pr", (1 + 2.0 / 4 + 3.0 / 8) / 3);
    json_decref(tree);
}

/* The penalty swallows what the score has no bits for, and nothing more. */
static void scores_that_differ_at_all_are_two_thresholds(void **state)
{
    put_rank(*state, 0, "head", "likes", (struct rank_count){0, 0, 2, 0, 0});
    put_outcome(*state, 0, "head", 0, (struct outcome){0, END_FALSE, 1, 0, 0});
    put_outcome(*state, 0, "head", 1, (struct outcome){0, END_FALSE, 1, -2e-14f, 0});
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "proofs/head/auc_pr", 1);
    json_decref(tree);

    put_outcome(*state, 0, "head", 1, (struct outcome){0, END_FALSE, 1, -1e-15f, 0});
    tree = report_tree(*state, 0);
    assert_number(tree, "proofs/head/auc_pr", 0.5);
    json_decref(tree);
}

static void nothing_searched_has_no_rates(void **state)
{
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "proofs/both/true/count", 0);
    assert_true(json_is_null(at(tree, "proofs/both/true/success_rate")));
    assert_true(json_is_null(at(tree, "proofs/both/auc_pr")));
    assert_true(json_is_null(at(tree, "run/work/steps_per_candidate")));
    assert_true(json_is_null(at(tree, "run/work/cache_hits")));
    json_decref(tree);
    char *text = report(*state, REPORT_TABLE, 1 << REPORT_BY_DEPTH);
    assert_lacks(text, "AUC-PR");
    assert_lacks(text, "work ");
    free(text);
}

/* As with `samples: 0`: there is nothing that the true ones could be told from. */
static void area_needs_false_ones(void **state)
{
    put_rank(*state, 0, "head", "likes", (struct rank_count){0, 0, 1, 0, 0});
    put_outcome(*state, 0, "head", 0, (struct outcome){0, END_TRUE, 1, -1, 0});
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "proofs/head/true/success_rate", 1);
    assert_true(json_is_null(at(tree, "proofs/head/auc_pr")));
    assert_true(json_is_null(at(tree, "proofs/both/auc_pr")));
    assert_true(json_is_null(at(tree, "proofs/both/false/success_rate")));
    json_decref(tree);
    char *text = report(*state, REPORT_CSV, 0);
    assert_has(text, "\nhead,all,auc_pr,\n");
    assert_has(text, "\nhead,false,mean_depth,\n");
    free(text);
    text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\nfalse proved %         -\n");
    assert_has(text, "\nAUC-PR                 -\n");
    free(text);
}

static void groups_have_metrics_and_proofs(void **state)
{
    put_run(*state);
    json_t *tree = report_tree(*state, 1 << REPORT_BY_RELATION | 1 << REPORT_BY_DEPTH);
    assert_number(tree, "by/relation/knows/head/optimistic/count", 1);
    assert_number(tree, "by/relation/knows/proofs/head/true/mean_depth", 1);
    assert_number(tree, "by/relation/knows/proofs/both/auc_pr", 0.5);
    assert_number(tree, "by/relation/likes/both/optimistic/count", 2);
    assert_number(tree, "by/relation/likes/proofs/both/auc_pr", (1 + 2.0 / 6) / 2);
    assert_int_equal(json_object_size(at(tree, "by/depth")), 2);
    assert_number(tree, "by/depth/2/tail/realistic/arithmetic_mean_rank", 2.5);
    assert_number(tree, "by/depth/2/proofs/both/false/count", 4);
    assert_number(tree, "by/depth/none/proofs/head/true/proved", 1);
    assert_number(tree, "by/depth/none/proofs/tail/true/count", 0);
    json_decref(tree);
}

static void depths_go_by_size_and_what_has_none_is_last(void **state)
{
    static const int32_t depths[] = {10, 2, -1};
    for (uint64_t query = 0; query < 4; query++) {
        put_rank(*state, query, "head", "likes", (struct rank_count){0, 0, 1, 0, 0});
        if (query < 3) expect(OK, ledger_put_depth(*state, query, depths[query]));
    }
    char *text = report(*state, REPORT_TABLE, 1 << REPORT_BY_DEPTH);
    const char *place = strstr(text, "\ndepth                            ");
    static const char *const labels[] = {"\n-1 ", "\n2 ", "\n10 ", "\nnone "};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        assert_non_null(place);
        place = strstr(place, labels[i]);
    }
    assert_non_null(place);
    free(text);
}

static void table_shows_what_the_searches_came_to(void **state)
{
    put_run(*state);
    char *text = report(*state, REPORT_TABLE, 1 << REPORT_BY_SIDE | 1 << REPORT_BY_RELATION);
    assert_has(text, "                    head        tail        both\n");
    assert_has(text, "\ntrue proved %     100.00        0.00       66.67\n"
                     "false proved %     66.67        0.00       40.00\n"
                     "true steps          1.50        4.00        2.33\n"
                     "false steps         2.00        1.00        1.60\n"
                     "AUC-PR          0.750000    0.333333    0.625000\n");
    assert_has(text, "     hits@10   true proved %  false proved %\n");
    assert_has(text, "    0.500000    1.000000          100.00           66.67\n"); /* head */
    assert_has(text, "knows                                      1    0.666667");
    assert_has(text, "\npolicy      network\ndepth       20\nfilter ");
    assert_lacks(text, "scorer");
    assert_lacks(text, "labels of train");
    free(text);

    set(*state, "candidates", "sample");
    text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\ncandidates  sample\nsamples     100\n");
    free(text);
}

static void joint_queries_count_for_both_alone(void **state)
{
    put_rank(*state, 0, "both", "likes", (struct rank_count){0, 0, 2, 0, 0});
    put_outcome(*state, 0, "both", 0, (struct outcome){0, END_TRUE, 1, -1, 0});
    put_outcome(*state, 0, "both", 1, (struct outcome){0, END_FALSE, 1, 0, 0});
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "metrics/both/realistic/inverse_harmonic_mean_rank", 1);
    assert_number(tree, "metrics/head/realistic/count", 0);
    assert_number(tree, "proofs/both/auc_pr", 1);
    assert_number(tree, "proofs/head/true/count", 0);
    assert_number(tree, "proofs/both/true/count", 1);
    json_decref(tree);
    char *text = report(*state, REPORT_TABLE, 1 << REPORT_BY_SIDE);
    assert_starts(text, "incomplete: 1 of 3 queries; the metrics are of these\n\n"
                        "                    both\nMRR             1.000000\n");
    assert_has(text, "\nboth                                       1    1.000000");
    free(text);
}

static void csv_has_a_line_for_each_figure_of_the_proofs(void **state)
{
    put_run(*state);
    char *text = report(*state, REPORT_CSV, 0);
    assert_starts(text, "side,type,metric,value\n");
    assert_has(text, "\nhead,true,mean_depth,1.5\n");
    assert_has(text, "\ntail,false,success_rate,0\n");
    assert_has(text, "\nboth,all,auc_pr,0.625\n");
    free(text);

    text = report(*state, REPORT_CSV, 1 << REPORT_BY_RELATION | 1 << REPORT_BY_DEPTH);
    assert_starts(text, "relation,depth,side,type,metric,value\n");
    assert_has(text, "\n,,both,all,auc_pr,0.625\n");
    assert_has(text, "\nknows,,head,all,auc_pr,0.5\n");
    assert_has(text, "\n,2,both,false,count,4\n");
    assert_has(text, "\n,none,head,realistic,arithmetic_mean_rank,1.5\n");
    free(text);
}

static void work_tells_what_a_search_takes(void **state)
{
    const struct ledger_work work = {.units = 1,
                                     .pairs = 10,
                                     .lanes = 100,
                                     .lanes_live = 64,
                                     .rows = 640,
                                     .encoded = 100,
                                     .recalled = 300};
    uint64_t worker;
    put_run(*state);
    set(*state, "wall_s", "0.02");
    set(*state, "serving_since_ms", "1000");
    expect(OK, ledger_add_worker(*state, 1000, "one", "here", "cpu", 1, 1, &worker));
    expect(OK, ledger_work(*state, worker, &work));
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "run/work/pairs", 10);
    assert_number(tree, "run/work/encoded", 100);
    assert_number(tree, "run/work/lanes_live", 64);
    assert_number(tree, "run/work/lane_use", .64);
    assert_number(tree, "run/work/steps_per_candidate", 6.4);
    assert_number(tree, "run/work/rows_per_state", 10);
    assert_number(tree, "run/work/cache_hits", .75);
    assert_string_equal(json_string_value(at(tree, "run/settings/depth")), "20");
    assert_null(json_object_get(at(tree, "run/settings"), "nonfinite"));
    json_decref(tree);
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\ntime        0.02 s, 500 candidates/s\n"
                     "work        lane use 64.0 %, 6.4 steps a candidate,"
                     " 10.0 successors a state,\n"
                     "            75.0 % of states recalled\n");
    free(text);
}

static void damaged_outcome_is_refused(void **state)
{
    char *nothing = NULL;
    size_t size;
    const struct report_config config = {REPORT_CSV, 0, hits, 2, open_memstream(&nothing, &size)};
    put_outcome(*state, 0, "head", 0, (struct outcome){0, END_TRUE, 1, 1, 0});
    expect(ERR_FORMAT, report_write(*state, &config));
    put_outcome(*state, 0, "head", 0, (struct outcome){0, END_TRUE, 1, -1, 0});
    expect(OK, report_write(*state, &config));
    put_outcome(*state, 0, "left", 0, (struct outcome){0, END_TRUE, 1, -1, 0});
    expect(ERR_FORMAT, report_write(*state, &config));
    assert_int_equal(fclose(config.out), 0);
    free(nothing);
}

/* A run of another program has no labels, and says so of all its queries. */
static void runs_of_rank_have_no_depths(void **state)
{
    put_run(*state);
    set(*state, "program", "rank");
    json_t *tree = report_tree(*state, 1 << REPORT_BY_DEPTH);
    assert_null(json_object_get(tree, "proofs"));
    assert_number(tree, "by/depth/none/both/realistic/count", 3);
    assert_null(json_object_get(at(tree, "by/depth/none"), "proofs"));
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(proofs_are_told_by_side_and_truth),
        test_case(area_is_the_average_precision),
        test_case(scores_that_differ_at_all_are_two_thresholds),
        test_case(nothing_searched_has_no_rates),
        test_case(area_needs_false_ones),
        test_case(groups_have_metrics_and_proofs),
        test_case(depths_go_by_size_and_what_has_none_is_last),
        test_case(table_shows_what_the_searches_came_to),
        test_case(joint_queries_count_for_both_alone),
        test_case(csv_has_a_line_for_each_figure_of_the_proofs),
        test_case(work_tells_what_a_search_takes),
        test_case(damaged_outcome_is_refused),
        test_case(runs_of_rank_have_no_depths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
