/* Tests of run files: what they may hold, and how they are refused. */
#include "common/runfile.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_runfile.XXXXXX";
static char path[64];

static int setup(void **state)
{
    return settings_open((struct settings **)state) != OK;
}

static int teardown(void **state)
{
    settings_close((struct settings **)state);
    return 0;
}

static enum err read_text(struct settings *settings, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    return runfile_read(path, settings);
}

/* The note names file and line, and holds `part`. */
static void assert_noted(const char *line, const char *part)
{
    char place[80];
    snprintf(place, sizeof place, "%s:%s: ", path, line);
    if (!strstr(err_text(), place)) fail_msg("'%s' is not in: %s", place, err_text());
    if (!strstr(err_text(), part)) fail_msg("'%s' is not in: %s", part, err_text());
}

static void keys_become_settings(void **state)
{
    char wanted[128];
    expect(OK, read_text(*state, "# a run\nprogram: rank\ntrain: ../kg/train.txt\n"
                                 "scorer: complex\nunit-candidates: 64\n"));
    snprintf(wanted, sizeof wanted, "%s/../kg/train.txt", folder);
    assert_string_equal(settings_text(*state, SET_train), wanted);
    assert_string_equal(settings_text(*state, SET_scorer), "complex");
    assert_int_equal(settings_count(*state, SET_unit_candidates), 64);
    snprintf(wanted, sizeof wanted, "%s:4", path);
    assert_string_equal(settings_origin(*state, SET_scorer), wanted);
}

static void lists_are_written_either_way(void **state)
{
    expect(OK, read_text(*state, "hits: [10, 1]\nsides:\n  - tail\n  - head\n"));
    assert_string_equal(settings_text(*state, SET_hits), "1,10");
    assert_string_equal(settings_text(*state, SET_sides), "head,tail");
    expect(OK, read_text(*state, "hits: 5, 2\n"));
    assert_string_equal(settings_text(*state, SET_hits), "2,5");
}

static void empty_file_sets_nothing(void **state)
{
    expect(OK, read_text(*state, ""));
    expect(OK, read_text(*state, "# nothing\n"));
    expect(OK, read_text(*state, "---\n{}\n"));
    for (size_t i = 0; i < SETTING_TOTAL; i++)
        assert_false(settings_given(*state, (enum setting)i));
}

static void unknown_key_names_the_nearest(void **state)
{
    expect(ERR_USAGE, read_text(*state, "program: rank\nscorr: complex\n"));
    assert_noted("2", "unknown key 'scorr'; did you mean 'scorer'?");
}

static void bad_value_names_file_line_and_key(void **state)
{
    expect(ERR_USAGE, read_text(*state, "program: rank\n\nworkers: many\n"));
    assert_noted("3", "workers: ");
    assert_noted("3", "found 'many', allowed: a whole number from 1 to 1024");
}

static void key_given_twice_is_refused(void **state)
{
    expect(ERR_USAGE, read_text(*state, "seed: 1\nworkers: 2\nseed: 1\n"));
    assert_noted("3", "given before, in line 1");
}

static void whatever_is_not_flat_is_refused(void **state)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"rank: {a: b}\n", "1"},            /* unknown key first */
        {"train: {a: b}\n", "1"},           /* nested keys */
        {"train: [a, b]\n", "1"},           /* a list where one value is wanted */
        {"seed: 1\nhits: [1, [2]]\n", "2"}, /* a list in a list */
        {"- a\n- b\n", "1"},                /* no keys at all */
        {"rank\n", "1"},                    /* a word */
        {"seed: &a 1\n", "1"},              /* an anchor */
        {"seed: 1\nworkers: *a\n", "2"},    /* an alias */
        {"seed: !!int 1\n", "1"},           /* a tag */
        {"hits: !x [1]\n", "1"},
        {"? [a]\n: 1\n", "1"},            /* a key that is a list */
        {"seed: 1\n---\nseed: 2\n", "2"}, /* two documents */
        {"seed: 1\n\tworkers: 2\n", "2"}, /* not YAML */
        {"seed: \"1\n", "2"},
        {"train: \"a\\0b\"\n", "1"}, /* a 0 byte */
        {"train:\n", "1"},           /* nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(ERR_USAGE, read_text(*state, cases[i].text));
        assert_noted(cases[i].line, "");
    }
}

static void file_that_cannot_be_read_is_named(void **state)
{
    expect(ERR_IO, runfile_read("/nowhere/umls.yaml", *state));
    assert_non_null(strstr(err_text(), "run file: /nowhere/umls.yaml: No such file"));
    expect(ERR_IO, runfile_read(folder, *state));
    assert_non_null(strstr(err_text(), "directory"));
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/run.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink(path) != 0 || rmdir(folder) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(keys_become_settings),
        test_case(lists_are_written_either_way),
        test_case(empty_file_sets_nothing),
        test_case(unknown_key_names_the_nearest),
        test_case(bad_value_names_file_line_and_key),
        test_case(key_given_twice_is_refused),
        test_case(whatever_is_not_flat_is_refused),
        test_case(file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
