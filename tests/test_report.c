/* Tests of the report: a small run, told as a table, as JSON and as CSV. */
#include "coordinator/json.h"
#include "tests/reporting.h"

#include <inttypes.h>
#include <math.h>

static int setup(void **state)
{
    struct ledger *ledger = NULL;
    enum err err = ledger_open(":memory:", &ledger);
    if (!err) err = ledger_begin(ledger);
    if (!err) err = ledger_plan(ledger, 2, 1);
    if (!err) err = ledger_set(ledger, "queries_total", "3");
    if (!err) err = ledger_set(ledger, "scorer", "complex");
    if (!err) err = ledger_set(ledger, "run_digest", "abc");
    if (!err) err = ledger_commit(ledger);
    *state = ledger;
    return err != OK;
}

static int teardown(void **state)
{
    ledger_close((struct ledger **)state);
    return 0;
}

/* Three queries of two relations. Realistic ranks: tail 1 and 3 (1 above, 2 level), head 4. */
static void put_ranks(struct ledger *ledger)
{
    const struct ledger_rank ranks[] = {
        {0, "tail", "a", "likes", "b", {0, 0, 5, 1, 0}},
        {1, "tail", "b", "likes", "c", {1, 2, 6, 0, 0}},
        {1, "head", "b", "is, or \"was\"", "c", {3, 0, 6, 0, 1}},
    };
    expect(OK, ledger_begin(ledger));
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        expect(OK, ledger_put_rank(ledger, &ranks[i]));
    expect(OK, ledger_commit(ledger));
}

static void metrics_are_nested_by_side_and_type(void **state)
{
    put_ranks(*state);
    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "metrics/tail/optimistic/arithmetic_mean_rank", 1.5);
    assert_number(tree, "metrics/tail/realistic/arithmetic_mean_rank", 2);
    assert_number(tree, "metrics/tail/pessimistic/arithmetic_mean_rank", 2.5);
    assert_number(tree, "metrics/head/realistic/inverse_harmonic_mean_rank", .25);
    assert_number(tree, "metrics/both/realistic/hits_at_1", 1.0 / 3);
    assert_number(tree, "metrics/both/realistic/hits_at_10", 1);
    assert_number(tree, "metrics/both/realistic/count", 3);
    assert_number(tree, "metrics/tail/realistic/adjusted_arithmetic_mean_rank_index",
                  1 - (2.0 - 1) / (3.25 - 1));
    json_decref(tree);
}

static void run_is_told_beside_the_metrics(void **state)
{
    put_ranks(*state);
    set(*state, "results_digest", "def");
    json_t *tree = report_tree(*state, 0);
    assert_string_equal(json_string_value(at(tree, "run/settings/scorer")), "complex");
    assert_string_equal(json_string_value(at(tree, "run/settings/nonfinite")), "error");
    assert_null(json_object_get(at(tree, "run/settings"), "policy"));
    assert_string_equal(json_string_value(at(tree, "run/run_digest")), "abc");
    assert_string_equal(json_string_value(at(tree, "run/results_digest")), "def");
    assert_true(json_is_true(at(tree, "run/complete")));
    assert_number(tree, "run/units_total", 2);
    assert_number(tree, "run/queries_total", 3);
    assert_number(tree, "run/nonfinite", 1);
    assert_number(tree, "run/ties", 1.0 / 3);
    assert_number(tree, "run/work/pairs", 0);
    json_decref(tree);
}

static void incomplete_run_has_no_results_digest(void **state)
{
    put_ranks(*state);
    json_t *tree = report_tree(*state, 0);
    assert_true(json_is_null(at(tree, "run/results_digest")));
    assert_true(json_is_false(at(tree, "run/complete")));
    json_decref(tree);
}

static void table_of_a_part_says_so_first(void **state)
{
    put_ranks(*state);
    set(*state, "queries_total", "6000");
    char *text = report(*state, REPORT_TABLE, 0);
    assert_starts(text, "incomplete: 3 of 6,000 queries; the metrics are of these\n\n");
    assert_has(text, "queries     3 of 6,000\n");
    free(text);

    set(*state, "results_digest", "def");
    text = report(*state, REPORT_TABLE, 0);
    assert_lacks(text, "incomplete");
    free(text);
}

static void table_without_ranks_is_a_sentence(void **state)
{
    char *text = report(*state, REPORT_TABLE, 0);
    assert_starts(text, "no metrics yet: none of 3 queries is done; ");
    assert_lacks(text, "MRR");
    free(text);
}

static void table_says_what_was_ranked_how(void **state)
{
    put_ranks(*state);
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\nscorer      complex\nfilter      none\n");
    assert_has(text, "\nentities    the sorted labels of train; ");
    assert_has(text, "\nrelations   the sorted labels of train; ");
    assert_lacks(text, "\nlimit ");
    assert_lacks(text, "\nsides ");
    assert_lacks(text, "\nseed ");
    free(text);

    set(*state, "filter", "train,valid,test");
    set(*state, "entities", "/maps/entities.tsv");
    set(*state, "relations", "/maps/relations.tsv");
    set(*state, "queries", "valid");
    set(*state, "limit", "3");
    set(*state, "seed", "7");
    text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\nfilter      train, valid, test\n");
    assert_has(text, "\nlimit       3\nseed        7\n");
    assert_has(text, "valid\nlimit");
    assert_lacks(text, "labels of train");
    free(text);
}

static void unknown_labels_are_told(void **state)
{
    put_ranks(*state);
    set(*state, "unknown_dropped", "1");
    set(*state, "unknown_kept", "0");
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\nunknown     1 line dropped\n");
    assert_lacks(text, "kept");
    free(text);

    set(*state, "unknown_dropped", "0");
    set(*state, "unknown_kept", "1200");
    text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\nunknown     1,200 lines kept, ranked last\n");
    assert_lacks(text, "dropped");
    free(text);

    json_t *tree = report_tree(*state, 0);
    assert_number(tree, "run/unknown_dropped", 0);
    assert_number(tree, "run/unknown_kept", 1200);
    json_decref(tree);
}

static void one_side_is_shown_once(void **state)
{
    const struct ledger_rank rank = {0, "tail", "a", "likes", "b", {0, 0, 5, 1, 0}};
    expect(OK, ledger_begin(*state));
    expect(OK, ledger_put_rank(*state, &rank));
    expect(OK, ledger_commit(*state));
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "                  tail\nMRR             1.000000\n");
    assert_lacks(text, "both");
    assert_lacks(text, "head");
    free(text);
}

/* A sitting that began at `start_ms`, with a worker that compared 10^9 pairs. */
static uint64_t sit(struct ledger *ledger, int64_t start_ms)
{
    const struct ledger_work work = {.units = 1, .pairs = 1000000000, .peak_bytes = 200 << 20};
    char text[24];
    uint64_t worker;
    snprintf(text, sizeof text, "%" PRId64, start_ms);
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_set(ledger, "serving_since_ms", text));
    expect(OK, ledger_add_worker(ledger, start_ms, "one", "here", "cpu", 1, 1, &worker));
    expect(OK, ledger_work(ledger, worker, &work));
    expect(OK, ledger_commit(ledger));
    return worker;
}

static void time_says_of_which_sittings_it_is(void **state)
{
    put_ranks(*state);
    sit(*state, 1000);
    set(*state, "wall_s", "2");
    set(*state, "results_digest", "def");
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\ntime        2.00 s, 500 Mpairs/s\nmemory      200.0 MiB at most\n");
    free(text);

    sit(*state, 9000);
    set(*state, "wall_s", "4");
    text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\ntime        4.00 s in all sittings, 500 Mpairs/s\n");
    free(text);
}

/* The time of a sitting that was killed is not known, so no rate is made from it. */
static void time_of_a_killed_sitting_is_not_claimed(void **state)
{
    put_ranks(*state);
    const uint64_t worker = sit(*state, 1000);
    expect(OK, ledger_begin(*state));
    expect(OK, ledger_end_worker(*state, worker, 2000, "coordinator ended"));
    expect(OK, ledger_commit(*state));
    sit(*state, 9000);
    set(*state, "wall_s", "2");
    set(*state, "results_digest", "def");
    char *text = report(*state, REPORT_TABLE, 0);
    assert_has(text, "\ntime        2.00 s in the sittings that ended in order\n");
    free(text);
}

static void metric_that_is_not_defined_is_null(void **state)
{
    json_t *tree = report_tree(*state, 0);
    assert_true(json_is_null(at(tree, "metrics/both/realistic/arithmetic_mean_rank")));
    assert_number(tree, "metrics/both/realistic/count", 0);
    json_decref(tree);
}

static void relations_are_groups_with_the_same_nesting(void **state)
{
    put_ranks(*state);
    json_t *tree = report_tree(*state, 1 << REPORT_BY_SIDE | 1 << REPORT_BY_RELATION);
    assert_int_equal(json_object_size(at(tree, "by/relation")), 2);
    assert_number(tree, "by/relation/likes/both/realistic/arithmetic_mean_rank", 2);
    assert_number(tree, "by/relation/likes/head/realistic/count", 0);
    assert_number(tree, "by/relation/is, or \"was\"/head/realistic/arithmetic_mean_rank", 4);
    assert_number(tree, "by/side/head/realistic/arithmetic_mean_rank", 4);
    assert_number(tree, "metrics/both/realistic/count", 3);
    json_decref(tree);
}

static void table_has_the_headlines_and_the_ties(void **state)
{
    put_ranks(*state);
    set(*state, "results_digest", "def");
    char *text = report(*state, REPORT_TABLE, 1 << REPORT_BY_RELATION);
    assert_has(text, "MRR             0.250000    0.666667    0.527778\n");
    assert_has(text, "hits@10         1.000000    1.000000    1.000000\n");
    assert_has(text, "33.3 % of queries; MRR optimistic 0.583333, pessimistic 0.500000");
    assert_has(text, "queries     3 of 3\n");
    assert_has(text, "digest      def\n");
    const char *first = strstr(text, "likes");
    const char *second = strstr(text, "is, or \"was\"");
    assert_true(first && second && first < second);
    free(text);
}

static void csv_has_a_line_for_each_metric(void **state)
{
    put_ranks(*state);
    char *text = report(*state, REPORT_CSV, 0);
    assert_starts(text, "side,type,metric,value\n");
    assert_has(text, "\ntail,pessimistic,arithmetic_mean_rank,2.5\n");
    assert_has(text, "\nboth,realistic,inverse_harmonic_mean_rank,0.5277777777777778\n");
    free(text);

    text = report(*state, REPORT_CSV, 1 << REPORT_BY_RELATION);
    assert_starts(text, "relation,side,type,metric,value\n");
    assert_has(text, "\n\"is, or \"\"was\"\"\",head,realistic,arithmetic_mean_rank,4\n");
    assert_has(text, "\n,head,realistic,arithmetic_mean_rank,4\n");
    free(text);
}

static void metric_with_a_logarithm_has_twelve_digits(void **state)
{
    put_ranks(*state);
    char *text = report(*state, REPORT_CSV, 0);
    assert_has(text, "\nboth,realistic,geometric_mean_rank,2.28942848511\n");
    free(text);
}

static void damaged_rank_is_refused(void **state)
{
    const struct ledger_rank beyond = {0, "tail", "a", "r", "b", {5, 0, 5, 0, 0}};
    expect(OK, ledger_begin(*state));
    expect(OK, ledger_put_rank(*state, &beyond));
    expect(OK, ledger_commit(*state));
    const struct report_config config = {REPORT_CSV, 0, hits, 2, stderr};
    expect(ERR_FORMAT, report_write(*state, &config));
}

static void rank_of_no_side_is_refused(void **state)
{
    const struct ledger_rank rank = {0, "left", "a", "r", "b", {0, 0, 5, 0, 0}};
    expect(OK, ledger_put_rank(*state, &rank));
    const struct report_config config = {REPORT_CSV, 0, hits, 2, stderr};
    expect(ERR_FORMAT, report_write(*state, &config));
}

static void full_disk_is_an_error(void **state)
{
    FILE *full = fopen("/dev/full", "w");
    if (!full) skip();
    const struct report_config config = {REPORT_JSON, 0, hits, 2, full};
    expect(ERR_FULL, report_write(*state, &config));
    fclose(full);
}

static void json_mends_what_is_not_utf8(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct json json = {.out = open_memstream(&text, &size)};
    assert_non_null(json.out);
    json_begin(&json, NULL);
    json_text(&json, "good", "\xc3\xa9 \xf0\x9f\x8c\x8d \"\\\n");
    json_text(&json, "bad", "\xff \xc0\x80 \xed\xa0\x80 \xe2\x82");
    json_number(&json, "nan", NAN, 0);
    json_end(&json);
    fclose(json.out);

    json_t *tree = json_loads(text, 0, NULL);
    assert_non_null(tree);
    assert_string_equal(json_string_value(json_object_get(tree, "good")),
                        "\xc3\xa9 \xf0\x9f\x8c\x8d \"\\\n");
    assert_true(json_is_null(json_object_get(tree, "nan")));
    json_decref(tree);
    free(text);
}

static void number_reads_back_as_itself(void **state)
{
    (void)state;
    const double numbers[] = {0, 1, .1, 1.0 / 3, 1e300, 123456789.5, -2.5e-7, 5e-324};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[JSON_NUMBER_SIZE];
        json_digits(numbers[i], 0, text);
        assert_true(strtod(text, NULL) == numbers[i]);
    }
    char text[JSON_NUMBER_SIZE];
    json_digits(.1, 0, text);
    assert_string_equal(text, "0.1");
    json_digits(1.0 / 3, 12, text);
    assert_string_equal(text, "0.333333333333");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(metrics_are_nested_by_side_and_type),
        test_case(run_is_told_beside_the_metrics),
        test_case(incomplete_run_has_no_results_digest),
        test_case(metric_that_is_not_defined_is_null),
        test_case(relations_are_groups_with_the_same_nesting),
        test_case(table_has_the_headlines_and_the_ties),
        test_case(table_of_a_part_says_so_first),
        test_case(table_without_ranks_is_a_sentence),
        test_case(table_says_what_was_ranked_how),
        test_case(unknown_labels_are_told),
        test_case(one_side_is_shown_once),
        test_case(time_says_of_which_sittings_it_is),
        test_case(time_of_a_killed_sitting_is_not_claimed),
        test_case(csv_has_a_line_for_each_metric),
        test_case(metric_with_a_logarithm_has_twelve_digits),
        test_case(damaged_rank_is_refused),
        test_case(rank_of_no_side_is_refused),
        test_case(full_disk_is_an_error),
        test_plain(json_mends_what_is_not_utf8),
        test_plain(number_reads_back_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
