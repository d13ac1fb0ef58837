/* Tests of settings: canonical texts, refusals that help, and what only all values show. */
#include "common/settings.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_settings.XXXXXX";

static int setup(void **state)
{
    return settings_open((struct settings **)state) != OK;
}

static int teardown(void **state)
{
    settings_close((struct settings **)state);
    return 0;
}

static void set(struct settings *settings, enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, folder, "test.yaml:1"));
}

static enum err refused(struct settings *settings, enum setting setting, const char *text)
{
    return settings_set(settings, setting, text, NULL, "test.yaml:7");
}

static void assert_noted(const char *part)
{
    if (!strstr(err_text(), part)) fail_msg("'%s' is not in: %s", part, err_text());
}

static void make_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* The settings of a run whose files are there. */
static void fill(struct settings *settings)
{
    set(settings, SET_train, "train.txt");
    set(settings, SET_test, "test.txt");
    set(settings, SET_model, "model.safetensors");
    set(settings, SET_scorer, "distmult");
}

/* ---- values ------------------------------------------------------------------------------ */

static void every_default_is_canonical(void **state)
{
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        const enum setting setting = (enum setting)i;
        char *before = strdup(settings_text(*state, setting));
        assert_false(settings_given(*state, setting));
        assert_string_equal(settings_origin(*state, setting), "default");
        if (*before) {
            expect(OK, settings_set(*state, setting, before, NULL, "test"));
            assert_string_equal(before, settings_text(*state, setting));
            assert_false(settings_given(*state, setting));
        }
        free(before);
    }
}

static void choices_take_the_order_of_the_row(void **state)
{
    set(*state, SET_sides, "tail, head");
    assert_string_equal(settings_text(*state, SET_sides), "head,tail");
    assert_int_equal(settings_choices(*state, SET_sides), 3);
    set(*state, SET_sides, "tail,tail");
    assert_string_equal(settings_text(*state, SET_sides), "tail");
    assert_int_equal(settings_choices(*state, SET_sides), 2);
}

static void counts_are_kept_ascending_and_once(void **state)
{
    uint64_t hits[2];
    set(*state, SET_hits, "10, 1,3,3");
    assert_string_equal(settings_text(*state, SET_hits), "1,3,10");
    assert_int_equal(settings_counts(*state, SET_hits, hits, 2), 3);
    assert_int_equal(hits[0], 1);
    assert_int_equal(hits[1], 3);
}

static void count_loses_leading_zeros(void **state)
{
    set(*state, SET_workers, "007");
    assert_string_equal(settings_text(*state, SET_workers), "7");
    assert_int_equal(settings_count(*state, SET_workers), 7);
    set(*state, SET_seed, "18446744073709551615");
    assert_true(settings_count(*state, SET_seed) == UINT64_MAX);
}

static void counts_out_of_bounds_are_refused(void **state)
{
    static const char *const bad[] = {
        "0", "1025", "-1", "+1", " 1", "1e3", "", "0x4", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(ERR_USAGE, refused(*state, SET_workers, bad[i]));
    assert_noted("allowed: a whole number from 1 to 1024");
    expect(ERR_USAGE, refused(*state, SET_hits, "1,,3"));
    expect(ERR_USAGE, refused(*state, SET_hits, "0"));
    assert_string_equal(settings_text(*state, SET_workers), "1");
}

static void refusal_names_place_value_and_choices(void **state)
{
    expect(ERR_USAGE, refused(*state, SET_scorer, "complx"));
    assert_noted("scorer: test.yaml:7: found 'complx', allowed: transe_l1, transe_l2, distmult, "
                 "complex, rotate; did you mean 'complex'?");
    expect(ERR_USAGE, refused(*state, SET_sides, "head,"));
    assert_noted("found ''");
    expect(ERR_USAGE, refused(*state, SET_sides, ""));
}

static void empty_list_is_the_default_where_that_is_empty(void **state)
{
    set(*state, SET_by, "side");
    set(*state, SET_by, "");
    assert_int_equal(settings_choices(*state, SET_by), 0);
    assert_false(settings_given(*state, SET_by));
}

static void paths_are_absolute_from_their_folder(void **state)
{
    char working[4096], wanted[5000];
    assert_non_null(getcwd(working, sizeof working));
    expect(OK, settings_set(*state, SET_train, "./a//./b.txt", "/runs/", "test"));
    assert_string_equal(settings_text(*state, SET_train), "/runs/a/b.txt");
    expect(OK, settings_set(*state, SET_train, "../b.txt", "/runs", "test"));
    assert_string_equal(settings_text(*state, SET_train), "/runs/../b.txt");
    expect(OK, settings_set(*state, SET_train, "/a/./b", "/runs", "test"));
    assert_string_equal(settings_text(*state, SET_train), "/a/b");
    expect(OK, settings_set(*state, SET_db, "x.db", ".", "test"));
    snprintf(wanted, sizeof wanted, "%s/x.db", working);
    assert_string_equal(settings_text(*state, SET_db), wanted);
}

static void long_paths_are_refused(void **state)
{
    char name[4096];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    expect(ERR_USAGE, settings_set(*state, SET_train, name, "/runs", "test"));
    expect(ERR_USAGE, settings_set(*state, SET_train, "a\nb", "/runs", "test"));
    expect(ERR_USAGE, settings_set(*state, SET_train, "", "/runs", "test"));
}

static void queries_is_a_choice_or_a_path(void **state)
{
    set(*state, SET_queries, "valid");
    assert_int_equal(settings_choice(*state, SET_queries), 1);
    set(*state, SET_queries, "./valid");
    assert_int_equal(settings_choice(*state, SET_queries), -1);
}

static void find_takes_dashes_and_names_the_nearest(void **state)
{
    enum setting setting;
    (void)state;
    expect(OK, settings_find("unit-candidates", "test", &setting));
    assert_int_equal(setting, SET_unit_candidates);
    expect(OK, settings_find("unit_candidates", "test", &setting));
    expect(ERR_USAGE, settings_find("scoerr", "a.yaml:3", &setting));
    assert_noted("a.yaml:3: unknown key 'scoerr'; did you mean 'scorer'?");
    expect(ERR_USAGE, settings_find("qqqqqqqq", "a.yaml:3", &setting));
    assert_noted("--help");
}

static void nearest_word_is_none_when_nothing_is_near(void **state)
{
    static const char *const words[] = {"train", "test", "valid"};
    (void)state;
    assert_string_equal(settings_nearest("tset", words, 3), "test");
    assert_string_equal(settings_nearest("trian", words, 3), "train");
    assert_null(settings_nearest("checkpoint", words, 3));
    assert_null(settings_nearest("", words, 3));
}

static void copy_is_a_copy(void **state)
{
    struct settings *copy = NULL;
    set(*state, SET_scorer, "rotate");
    expect(OK, settings_copy(*state, &copy));
    set(*state, SET_scorer, "complex");
    assert_string_equal(settings_text(copy, SET_scorer), "rotate");
    assert_string_equal(settings_origin(copy, SET_scorer), "test.yaml:1");
    settings_close(&copy);
}

/* ---- all together ------------------------------------------------------------------------ */

static void filter_defaults_to_all_that_is_given(void **state)
{
    fill(*state);
    expect(OK, settings_finish(*state));
    assert_string_equal(settings_text(*state, SET_filter), "train,test");
    set(*state, SET_valid, "valid.txt");
    set(*state, SET_queries, "queries.txt");
    expect(OK, settings_finish(*state));
    assert_string_equal(settings_text(*state, SET_filter), "train,valid,test,queries");
}

static void filter_on_a_file_not_given_is_refused(void **state)
{
    fill(*state);
    set(*state, SET_filter, "train,valid");
    expect(ERR_USAGE, settings_finish(*state));
    assert_noted("filter: test.yaml:1: names valid");
    set(*state, SET_filter, "queries");
    expect(ERR_USAGE, settings_finish(*state));
    set(*state, SET_filter, "none,train");
    expect(ERR_USAGE, settings_finish(*state));
    set(*state, SET_filter, "none");
    expect(OK, settings_finish(*state));
}

static void required_settings_are_named(void **state)
{
    expect(ERR_USAGE, settings_finish(*state));
    assert_noted("entities is missing");
    fill(*state);
    set(*state, SET_queries, "valid");
    expect(ERR_USAGE, settings_finish(*state));
    assert_noted("valid is missing: it is the file to rank");
}

static void variants_of_other_scorers_are_refused(void **state)
{
    fill(*state);
    set(*state, SET_norm, "l2");
    expect(ERR_USAGE, settings_finish(*state));
    assert_noted("norm: test.yaml:1: found 'l2' with scorer distmult, but it is for rotate");
    set(*state, SET_scorer, "rotate");
    expect(OK, settings_finish(*state));
}

static void npy_model_needs_its_relations(void **state)
{
    fill(*state);
    set(*state, SET_model, "model.npy");
    expect(ERR_USAGE, settings_finish(*state));
    assert_noted("relation_model is missing");
    set(*state, SET_relation_model, "model.npy");
    expect(OK, settings_finish(*state));
    set(*state, SET_model, "model.safetensors");
    expect(ERR_USAGE, settings_finish(*state));
}

static void files_that_cannot_be_read_are_named(void **state)
{
    fill(*state);
    set(*state, SET_valid, "missing.txt");
    expect(ERR_INPUT, settings_finish(*state));
    assert_noted("missing.txt: No such file or directory; given by test.yaml:1");
    set(*state, SET_valid, "/tmp");
    expect(ERR_INPUT, settings_finish(*state));
    assert_noted("valid: /tmp: is a folder");
}

/* ---- by program -------------------------------------------------------------------------- */

/* A proof search whose files are there. */
static void fill_prove(struct settings *settings)
{
    set(settings, SET_program, "prove");
    set(settings, SET_train, "train.txt");
    set(settings, SET_test, "test.txt");
    set(settings, SET_rules, "rules.txt");
    set(settings, SET_policy, "hash");
}

static void refuses(struct settings *settings, const char *part)
{
    expect(ERR_USAGE, settings_finish(settings));
    assert_noted(part);
}

static void settings_of_other_programs_are_refused(void **state)
{
    fill(*state);
    set(*state, SET_depth, "20");
    refuses(*state, "depth: test.yaml:1: is a setting of program prove, but this run's program is "
                    "rank; leave it out, or set program to prove");
    struct settings *prove = NULL;
    expect(OK, settings_open(&prove));
    fill_prove(prove);
    expect(OK, settings_finish(prove));
    set(prove, SET_scorer, "distmult");
    refuses(prove, "scorer: test.yaml:1: is a setting of program rank, but this run's program is "
                   "prove");
    settings_close(&prove);
}

static void rank_compares_with_all(void **state)
{
    fill(*state);
    set(*state, SET_candidates, "sample");
    refuses(*state, "candidates: test.yaml:1: found 'sample', but rank compares with all entities");
    set(*state, SET_candidates, "all");
    set(*state, SET_by, "side,depth");
    refuses(*state, "by: test.yaml:1: found 'side,depth', but depth is a group of program prove");
}

static void prove_needs_facts_queries_and_rules(void **state)
{
    set(*state, SET_program, "prove");
    refuses(*state, "facts and train are missing");
    set(*state, SET_facts, "train.txt");
    refuses(*state, "test is missing: it is the file to prove");
    set(*state, SET_test, "test.txt");
    refuses(*state, "rules is missing: it holds the clauses");
    set(*state, SET_rules, "rules.txt");
    refuses(*state, "model is missing: it holds the network of the policy");
    set(*state, SET_model, "model.safetensors");
    expect(OK, settings_finish(*state));
    assert_string_equal(settings_text(*state, SET_filter), "test");
}

static void model_without_a_network_is_refused(void **state)
{
    fill_prove(*state);
    set(*state, SET_model, "model.safetensors");
    refuses(*state, "model: test.yaml:1: given, but policy hash reads none");
    set(*state, SET_policy, "network");
    expect(OK, settings_finish(*state));
}

/* Also the number that is the default: who says it does not expect all candidates. */
static void what_a_flag_makes_idle_gives_way(void **state)
{
    fill_prove(*state);
    set(*state, SET_model, "model.safetensors");
    set(*state, SET_samples, "5");
    set(*state, SET_sides, "head");
    expect(OK, settings_set(*state, SET_policy, "hash", NULL, "--policy"));
    expect(OK, settings_set(*state, SET_candidates, "all", NULL, "--candidates"));
    expect(OK, settings_set(*state, SET_mode, "both", NULL, "--mode"));
    expect(OK, settings_finish(*state));
    assert_false(settings_given(*state, SET_model));
    assert_false(settings_given(*state, SET_samples));
    assert_false(settings_given(*state, SET_sides));
}

static void samples_are_for_candidates_that_are_drawn(void **state)
{
    fill_prove(*state);
    set(*state, SET_samples, "100");
    refuses(*state, "samples: test.yaml:1: found '100', but all candidates are taken");
    set(*state, SET_candidates, "sample");
    expect(OK, settings_finish(*state));
}

static void mode_and_sides_exclude_each_other(void **state)
{
    fill_prove(*state);
    set(*state, SET_mode, "both");
    expect(OK, settings_finish(*state));
    set(*state, SET_sides, "head,tail");
    refuses(*state, "mode: test.yaml:1: found 'both', but sides are given, too");
}

static void prove_keeps_no_unknown_words(void **state)
{
    fill_prove(*state);
    set(*state, SET_unknown, "keep");
    refuses(*state, "unknown: test.yaml:1: found 'keep', but nothing is known of such a word; "
                    "allowed with prove: error, drop");
}

static void groups_by_depth_need_labels(void **state)
{
    fill_prove(*state);
    set(*state, SET_by, "depth");
    refuses(*state, "depths is missing");
    set(*state, SET_depths, "depths.txt");
    expect(OK, settings_finish(*state));
}

static void missing_files_of_prove_are_named(void **state)
{
    fill_prove(*state);
    set(*state, SET_domains, "missing.txt");
    expect(ERR_INPUT, settings_finish(*state));
    assert_noted("domains: ");
    assert_noted("missing.txt: No such file or directory; given by test.yaml:1");
}

/* ---- the run digest ---------------------------------------------------------------------- */

static void digest_covers_meaning_and_content_alone(void **state)
{
    struct input input = {.role = "train", .path = "/a"};
    struct digest first, again, other;
    fill(*state);
    set(*state, SET_queries, "valid");
    expect(OK, settings_digest(*state, &input, 1, &first));
    set(*state, SET_workers, "3");
    set(*state, SET_unit_questions, "5");
    set(*state, SET_train, "elsewhere.txt");
    set(*state, SET_seed, "0");
    input.path = "/b";
    expect(OK, settings_digest(*state, &input, 1, &again));
    assert_true(digest_equal(&first, &again));

    input.digest.byte[0] = 1;
    expect(OK, settings_digest(*state, &input, 1, &other));
    assert_false(digest_equal(&first, &other));
    set(*state, SET_queries, "test");
    expect(OK, settings_digest(*state, &input, 1, &again));
    assert_false(digest_equal(&other, &again));
}

static void digest_is_of_the_documented_lines(void **state)
{
    static const char lines[] =
        "seed=7\nscorer=distmult\n"
        "test=0100000000000000000000000000000000000000000000000000000000000000\n";
    const struct input input = {.role = "test", .path = "/a", .digest = {{1}}};
    struct digest wanted, found;
    set(*state, SET_scorer, "distmult");
    set(*state, SET_seed, "7");
    set(*state, SET_test, "a");
    digest_bytes(lines, strlen(lines), &wanted);
    expect(OK, settings_digest(*state, &input, 1, &found));
    assert_true(digest_equal(&wanted, &found));
}

static int make_files(void **state)
{
    static const char *const names[] = {"train.txt",   "valid.txt",         "test.txt",
                                        "queries.txt", "model.safetensors", "model.npy",
                                        "rules.txt",   "depths.txt"};
    (void)state;
    if (!mkdtemp(folder)) return 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) make_file(names[i]);
    return 0;
}

static int remove_files(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(every_default_is_canonical),
        test_case(choices_take_the_order_of_the_row),
        test_case(counts_are_kept_ascending_and_once),
        test_case(count_loses_leading_zeros),
        test_case(counts_out_of_bounds_are_refused),
        test_case(refusal_names_place_value_and_choices),
        test_case(empty_list_is_the_default_where_that_is_empty),
        test_case(paths_are_absolute_from_their_folder),
        test_case(long_paths_are_refused),
        test_case(queries_is_a_choice_or_a_path),
        test_case(find_takes_dashes_and_names_the_nearest),
        test_case(nearest_word_is_none_when_nothing_is_near),
        test_case(copy_is_a_copy),
        test_case(filter_defaults_to_all_that_is_given),
        test_case(filter_on_a_file_not_given_is_refused),
        test_case(required_settings_are_named),
        test_case(variants_of_other_scorers_are_refused),
        test_case(npy_model_needs_its_relations),
        test_case(files_that_cannot_be_read_are_named),
        test_case(settings_of_other_programs_are_refused),
        test_case(rank_compares_with_all),
        test_case(prove_needs_facts_queries_and_rules),
        test_case(model_without_a_network_is_refused),
        test_case(what_a_flag_makes_idle_gives_way),
        test_case(samples_are_for_candidates_that_are_drawn),
        test_case(mode_and_sides_exclude_each_other),
        test_case(prove_keeps_no_unknown_words),
        test_case(groups_by_depth_need_labels),
        test_case(missing_files_of_prove_are_named),
        test_case(digest_covers_meaning_and_content_alone),
        test_case(digest_is_of_the_documented_lines),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
