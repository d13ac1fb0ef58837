/* Tests of options: flags from both tables, and how mistakes in them are told. */
#include "coordinator/options.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    {"json", NULL, "as JSON"},
    {"out", "FILE", "where to"},
    {NULL, NULL, NULL},
};
static const struct options_table table = {rows, true};
static const struct options_table own_only = {rows, false};

enum { WORDS_MAX = 16 };

/* Reads a command line given as words with single spaces between them. */
static enum err read_line(const struct options_table *with, const char *line, struct options *out)
{
    static char text[512];
    static char *argv[WORDS_MAX + 1];
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *at = strtok(text, " "); at && argc < WORDS_MAX; at = strtok(NULL, " "))
        argv[argc++] = at;
    argv[argc] = NULL;
    return options_read(argc, argv, with, out);
}

static void assert_noted(const char *part)
{
    if (!strstr(err_text(), part)) fail_msg("'%s' is not in: %s", part, err_text());
}

static void flags_and_arguments_mix(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run --json a.yaml --out=x --unit-candidates 64 b", &options));
    assert_true(options_given(&options, &table, "json"));
    assert_string_equal(options_value(&options, &table, "out"), "x");
    assert_string_equal(options.setting[SET_unit_candidates], "64");
    assert_int_equal(options.rest_count, 2);
    assert_string_equal(options.rest[0], "a.yaml");
    assert_string_equal(options.rest[1], "b");
    assert_false(options.help);
}

static void underscores_are_as_good_as_dashes(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run --unit_candidates=3", &options));
    assert_string_equal(options.setting[SET_unit_candidates], "3");
}

static void every_setting_is_a_flag(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        struct options options;
        char line[128];
        snprintf(line, sizeof line, "run --%s=x", setting_rows[i].name);
        expect(OK, read_line(&table, line, &options));
        assert_string_equal(options.setting[i], "x");
    }
}

static void last_of_two_counts(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run --seed 1 --seed 2", &options));
    assert_string_equal(options.setting[SET_seed], "2");
}

static void nothing_is_left_from_the_call_before(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run --json --seed 1 a", &options));
    expect(OK, read_line(&table, "run b", &options));
    assert_false(options_given(&options, &table, "json"));
    assert_null(options.setting[SET_seed]);
    assert_int_equal(options.rest_count, 1);
    assert_string_equal(options.rest[0], "b");
}

static void what_follows_two_dashes_is_no_flag(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run -- --json", &options));
    assert_false(options_given(&options, &table, "json"));
    assert_string_equal(options.rest[0], "--json");
}

static void wrong_flags_are_told_with_the_nearest(void **state)
{
    struct options options;
    (void)state;
    expect(ERR_USAGE, read_line(&table, "run --scorerr=complex a", &options));
    assert_noted("run: unknown flag --scorerr; did you mean --scorer?");
    expect(ERR_USAGE, read_line(&table, "run a --qqqqqq", &options));
    assert_noted("unknown flag --qqqqqq; `millrace run --help` lists all");
    expect(ERR_USAGE, read_line(&table, "run -xy a", &options));
    assert_noted("unknown flag -x");
    expect(ERR_USAGE, read_line(&table, "run --out", &options));
    assert_noted("--out: needs a value");
    expect(ERR_USAGE, read_line(&table, "run --json=1", &options));
    assert_noted("--json: takes no value");
    expect(ERR_USAGE, read_line(&own_only, "report --seed 1", &options));
    assert_noted("unknown flag --seed");
}

static void help_goes_before_mistakes(void **state)
{
    struct options options;
    (void)state;
    expect(OK, read_line(&table, "run --help --nonsense", &options));
    assert_true(options.help);
    expect(OK, read_line(&table, "run -h", &options));
    assert_true(options.help);
}

static void apply_sets_what_was_given(void **state)
{
    struct settings *settings = NULL;
    struct options options;
    (void)state;
    expect(OK, settings_open(&settings));
    expect(OK, read_line(&table, "run --scorer rotate --db x.db", &options));
    expect(OK, options_apply(&options, settings));
    assert_string_equal(settings_text(settings, SET_scorer), "rotate");
    assert_string_equal(settings_origin(settings, SET_scorer), "--scorer");
    assert_int_equal(settings_text(settings, SET_db)[0], '/');
    assert_false(settings_given(settings, SET_seed));

    expect(OK, read_line(&table, "run --unit-questions x", &options));
    expect(ERR_USAGE, options_apply(&options, settings));
    assert_int_equal(strncmp(err_text(), "--unit-questions: found 'x'", 27), 0);
    settings_close(&settings);
}

/* Runs of spaces and line ends become one space each. */
static void fold_lines(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        const char c = *at == '\n' ? ' ' : *at;
        if (c != ' ' || to == text || to[-1] != ' ') *to++ = c;
    }
    *to = 0;
}

static void help_fits_the_width_of_a_terminal(void **state)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print(out, &table);
    assert_int_equal(fclose(out), 0);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        const size_t columns = strcspn(line, "\n");
        if (columns > 80) fail_msg("%zu columns: %.*s", columns, (int)columns, line);
        if (columns > 0) assert_int_not_equal(line[columns - 1], ' ');
    }
    free(text);
}

static void help_shows_every_row(void **state)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print(out, &table);
    assert_int_equal(fclose(out), 0);
    fold_lines(text);
    assert_non_null(strstr(text, "--out FILE"));
    for (size_t i = 0; i < SETTING_TOTAL; i++)
        if (!strstr(text, setting_rows[i].help)) fail_msg("no help for %s", setting_rows[i].name);
    assert_non_null(strstr(text, "(default: rank)"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(flags_and_arguments_mix),
        test_plain(underscores_are_as_good_as_dashes),
        test_plain(every_setting_is_a_flag),
        test_plain(last_of_two_counts),
        test_plain(nothing_is_left_from_the_call_before),
        test_plain(what_follows_two_dashes_is_no_flag),
        test_plain(wrong_flags_are_told_with_the_nearest),
        test_plain(help_goes_before_mistakes),
        test_plain(apply_sets_what_was_given),
        test_plain(help_shows_every_row),
        test_plain(help_fits_the_width_of_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
