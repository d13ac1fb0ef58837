/* options - see options.h. */
#include "coordinator/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

enum {
    NAME_SIZE = 64,
    /* Settings stand twice, with dashes and with underscores; and there is --help, and the end. */
    FLAGS_MAX = OPTIONS_OWN_MAX + 2 * SETTING_TOTAL + 2,
    HELP_COLUMN = 28,
    LINE_COLUMNS = 80,
    TEXT_SIZE = 512,
    CODE_OWN = 1000, /* what getopt_long gives: CODE_OWN + row, CODE_SETTING + setting, 'h' */
    CODE_SETTING = 2000,
};

/* The flags as getopt_long wants them. */
struct flags {
    struct option at[FLAGS_MAX];
    const char *name[FLAGS_MAX]; /* for the nearest valid one */
    size_t count;
    char dashed[SETTING_TOTAL][NAME_SIZE];
};

static void add_flag(struct flags *flags, const char *name, bool value, int code)
{
    check(flags->count + 1 < FLAGS_MAX);
    flags->at[flags->count] =
        (struct option){name, value ? required_argument : no_argument, NULL, code};
    flags->name[flags->count++] = name;
}

static void dash(const char *name, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s", name);
    for (char *at = out; *at; at++)
        if (*at == '_') *at = '-';
}

static void make_flags(const struct options_table *table, struct flags *flags)
{
    *flags = (struct flags){.count = 0};
    for (int i = 0; table->rows && table->rows[i].name; i++) {
        check(i < OPTIONS_OWN_MAX);
        add_flag(flags, table->rows[i].name, table->rows[i].value != NULL, CODE_OWN + i);
    }
    for (int i = 0; table->settings && i < SETTING_TOTAL; i++) {
        dash(setting_rows[i].name, flags->dashed[i]);
        add_flag(flags, flags->dashed[i], true, CODE_SETTING + i);
        if (strchr(setting_rows[i].name, '_'))
            add_flag(flags, setting_rows[i].name, true, CODE_SETTING + i);
    }
    add_flag(flags, "help", false, 'h');
}

/* Why getopt_long refused the argument `word`. */
static enum err refuse(const char *command, const struct flags *flags, const char *word, int why)
{
    char name[NAME_SIZE];
    const size_t dashes = strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + dashes, "="), word + dashes);
    if (why == ':')
        return err_note(ERR_USAGE, "%s: --%s: needs a value; `millrace %s --help` tells more",
                        command, name, command);
    for (size_t i = 0; i < flags->count; i++)
        if (strcmp(flags->name[i], name) == 0)
            return err_note(ERR_USAGE, "%s: --%s: takes no value; leave it out", command, name);
    const char *meant = settings_nearest(name, flags->name, flags->count);
    return err_note(ERR_USAGE, "%s: unknown flag %.*s%s; %s%s%s", command, (int)dashes, word, name,
                    meant ? "did you mean --" : "`millrace ", meant ? meant : command,
                    meant ? "?" : " --help` lists all");
}

/* The argument that getopt_long just refused: a single letter, or a whole word. */
static const char *wrong_word(char **argv, char letter[3])
{
    const bool single = optopt > 0 && optopt < CODE_OWN;
    if (single) snprintf(letter, 3, "-%c", optopt);
    return single ? letter : argv[optind - 1];
}

enum err options_read(int argc, char **argv, const struct options_table *table, struct options *out)
{
    struct flags flags;
    make_flags(table, &flags);
    *out = (struct options){.rest = argv + argc};

    int code;
    char letter[3];
    optind = 0; /* makes getopt_long start afresh */
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":h", flags.at, NULL)) != -1) {
        if (code == 'h')
            out->help = true;
        else if (code >= CODE_SETTING)
            out->setting[code - CODE_SETTING] = optarg;
        else if (code >= CODE_OWN)
            out->own[code - CODE_OWN] = optarg ? optarg : "";
        else if (!out->help)
            return refuse(argv[0], &flags, wrong_word(argv, letter), code);
    }
    out->rest = argv + optind;
    out->rest_count = (size_t)(argc - optind);
    return OK;
}

enum err options_apply(const struct options *options, struct settings *settings)
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        char origin[NAME_SIZE + 2] = "--";
        if (!options->setting[i]) continue;
        dash(setting_rows[i].name, origin + 2);
        err = settings_set(settings, (enum setting)i, options->setting[i], ".", origin);
    }
    return err;
}

const char *options_value(const struct options *options, const struct options_table *table,
                          const char *name)
{
    for (size_t i = 0; table->rows && table->rows[i].name; i++)
        if (strcmp(table->rows[i].name, name) == 0) return options->own[i];
    check_failed("the flag is a row of the command's table", __FILE__, __LINE__);
}

bool options_given(const struct options *options, const struct options_table *table,
                   const char *name)
{
    return options_value(options, table, name) != NULL;
}

/* Prints the words of `text` from `column` on, and goes on in the next line where they do not fit.
 * Returns the column behind them. */
static int print_words(FILE *out, const char *text, int column)
{
    while (*(text += strspn(text, " "))) {
        const int size = (int)strcspn(text, " ");
        const bool fits = column + 1 + size <= LINE_COLUMNS;
        if (column > HELP_COLUMN && !fits) column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
        const bool first = column <= HELP_COLUMN;
        column += fprintf(out, "%s%.*s", first ? "" : " ", size, text);
        text += size;
    }
    return column;
}

/* A flag's name with what stands for its value, and its help behind them, or below. */
static int print_flag(FILE *out, const char *name, const char *value, const char *help)
{
    int used = fprintf(out, "  --%s%s%s", name, *value ? " " : "", value);
    if (used >= HELP_COLUMN) used = fprintf(out, "\n") - 1;
    fprintf(out, "%*s", HELP_COLUMN - used, "");
    return print_words(out, help, HELP_COLUMN);
}

/* What stands for a setting's value: a word for its type. */
static const char *value_word(const struct setting_row *row)
{
    static const char *const words[] = {
        [SETTING_TEXT] = "TEXT",    [SETTING_PATH] = "PATH",   [SETTING_INPUT] = "FILE",
        [SETTING_COUNT] = "N",      [SETTING_CHOICE] = "WORD", [SETTING_CHOICES] = "WORD,...",
        [SETTING_COUNTS] = "N,...",
    };
    return words[row->type];
}

/* Choices stand in a line of their own. */
static int print_choices(FILE *out, const struct setting_row *row)
{
    char text[TEXT_SIZE];
    size_t used = 0;
    for (const char *at = row->choices + (*row->choices == '|'); *at; at++) {
        check(used + 3 < sizeof text);
        if (*at == '|') text[used++] = ',';
        text[used++] = *at == '|' ? ' ' : *at;
    }
    text[used] = 0;
    fprintf(out, "\n%*s", HELP_COLUMN, "");
    return print_words(out, text, HELP_COLUMN);
}

/* "(prove; default: 20)": the program that a setting is for, and its default, where there are. */
static void describe_row(const struct setting_row *row, char *text, size_t size)
{
    const char *program = row->program ? row->program : "";
    const char *standard = row->standard ? row->standard : "";
    const char *between = *program && *standard ? "; " : "";
    *text = 0;
    if (*program || *standard)
        snprintf(text, size, "(%s%s%s%s)", program, between, *standard ? "default: " : "",
                 standard);
}

static void print_setting(FILE *out, const struct setting_row *row)
{
    char name[NAME_SIZE], note[TEXT_SIZE];
    dash(row->name, name);
    int column = print_flag(out, name, value_word(row), row->help);
    if (row->choices) column = print_choices(out, row);
    describe_row(row, note, sizeof note);
    const bool fits = column + 1 + (int)strlen(note) <= LINE_COLUMNS;
    if (*note && !fits) column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
    if (*note) print_words(out, note, column);
    fputc('\n', out);
}

static void print_settings(FILE *out)
{
    static const char *const titles[] = {
        [MEANING] = "Settings that can change a result:",
        [PLAN] = "Settings fixed when the database is made, without effect on results:",
        [OPERATION] = "Settings of how it is run, which may differ each time:",
    };
    for (size_t kind = 0; kind < sizeof titles / sizeof *titles; kind++) {
        fprintf(out, "\n%s\n", titles[kind]);
        for (size_t i = 0; i < SETTING_TOTAL; i++)
            if (setting_rows[i].kind == kind) print_setting(out, &setting_rows[i]);
    }
}

void options_print(FILE *out, const struct options_table *table)
{
    fputs("\nFlags:\n", out);
    for (size_t i = 0; table->rows && table->rows[i].name; i++) {
        const struct option_row *row = &table->rows[i];
        print_flag(out, row->name, row->value ? row->value : "", row->help);
        fputc('\n', out);
    }
    print_flag(out, "help", "", "this text");
    fputc('\n', out);
    if (table->settings) print_settings(out);
}
