/* commands - see commands.h. */
#include "coordinator/commands.h"

#include "coordinator/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *arguments; /* what follows the name, for the help */
    size_t least, most;    /* arguments that are no flags */
    const char *help;      /* one line */
    const char *examples;
    struct options_table table;
    enum err (*function)(struct command_call *call);
};

static enum err command_help(struct command_call *call);
static enum err command_version(struct command_call *call);

/* clang-format off */
static const struct option_row run_rows[] = {
    {"json", NULL, "report as JSON"},
    {"quiet", NULL, "print results only, no progress"},
    {NULL, NULL, NULL},
};

static const struct option_row serve_rows[] = {
    {"bind", "ENDPOINT", "where to listen: ipc:///PATH (required)"},
    {"db", "FILE", "another way to give DB"},
    {"quiet", NULL, "no progress"},
    {NULL, NULL, NULL},
};

static const struct option_row status_rows[] = {
    {"watch", NULL, "go on showing it until the run ends"},
    {"json", NULL, "as JSON, one line each time; *_ms are milliseconds since the epoch"},
    {"db", "FILE", "another way to give DB"},
    {NULL, NULL, NULL},
};

static const struct option_row report_rows[] = {
    {"format", "WORD", "table (default), json or csv"},
    {"by", "WORD,...", "groups shown apart: side, relation, depth (default: the run's)"},
    {"hits", "N,...", "the k of hits@k (default: the run's)"},
    {"db", "FILE", "another way to give DB"},
    {NULL, NULL, NULL},
};

static const struct option_row export_rows[] = {
    {"what", "WORD", "ranks: a line for each query (default of rank); outcomes: one for each item"
                     " (default of prove)"},
    {"out", "FILE", "where to: a name ending in .tsv, .csv or .npy; - for standard output"
                    " (required)"},
    {"partial", NULL, "of an incomplete run, write the queries that are done"},
    {"db", "FILE", "another way to give DB"},
    {NULL, NULL, NULL},
};

static const struct option_row db_rows[] = {
    {"db", "FILE", "another way to give DB"},
    {NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"run", "[RUNFILE]", 0, 1, "plan or resume a run, work on it, and report",
     "  millrace run umls.yaml\n"
     "  millrace run umls.yaml --workers 4 --threads 2\n"
     "  millrace run family.yaml --program prove --candidates sample --samples 100\n"
     "  millrace run --db umls.db                  # go on with what is planned there\n",
     {run_rows, true}, command_run},
    {"plan", "[RUNFILE]", 0, 1, "write the database of a run, and show its units",
     "  millrace plan umls.yaml\n"
     "  millrace plan umls.yaml --db /scratch/umls.db --unit-candidates 65536\n",
     {NULL, true}, command_plan},
    {"serve", "DB --bind ENDPOINT", 1, 1, "coordinate workers that are started elsewhere",
     "  millrace serve umls.db --bind ipc:///tmp/umls.socket &\n"
     "  millrace-worker --connect ipc:///tmp/umls.socket\n",
     {serve_rows, false}, command_serve},
    {"status", "DB", 1, 1, "show how far a run is, and what holds it up",
     "  millrace status umls.db\n"
     "  millrace status umls.db --watch --json\n",
     {status_rows, false}, command_status},
    {"report", "DB", 1, 1, "show the metrics",
     "  millrace report umls.db --by side,relation\n"
     "  millrace report umls.db --format json --hits 1,3,10\n"
     "  millrace report family.db --by depth          # of program prove, with depths\n",
     {report_rows, false}, command_report},
    {"export", "DB --out FILE", 1, 1, "write the rank of each query, or each outcome",
     "  millrace export umls.db --what ranks --out ranks.tsv\n"
     "  millrace export family.db --what outcomes --out outcomes.npy    # of program prove\n"
     "  millrace export umls.db --out - | sha256sum    # the results digest\n",
     {export_rows, false}, command_export},
    {"explain", "DB [UNIT]", 1, 2, "tell what became of a unit, or what went wrong",
     "  millrace explain umls.db\n"
     "  millrace explain umls.db 17\n",
     {db_rows, false}, command_explain},
    {"retry", "DB", 1, 1, "make failed units ready again",
     "  millrace retry umls.db && millrace run --db umls.db\n",
     {db_rows, false}, command_retry},
    {"help", "[COMMAND]", 0, 1, "show this, or the flags of a command",
     "  millrace help run\n",
     {NULL, false}, command_help},
    {"version", "", 0, 0, "show the version; so do --version and -v",
     "  millrace version\n",
     {NULL, false}, command_version},
};
/* clang-format on */

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_commands(void)
{
    printf("millrace %s: exact, resumable evaluation of queries x candidates\n\n"
           "usage: millrace COMMAND [ARGUMENT]... [--FLAG [VALUE]]...\n\n",
           MILLRACE_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-8s %-18s  %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    printf("\n`millrace COMMAND --help` shows a command's flags and examples.\n"
           "Exit codes: 0 done; 1 failed or incomplete; 2 usage or settings; 3 input data;\n"
           "4 a resource cannot be used; 130, 143 interrupted (go on with `millrace run`).\n");
}

static void print_command(const struct command *command)
{
    printf("millrace %s%s%s - %s\n", command->name, *command->arguments ? " " : "",
           command->arguments, command->help);
    options_print(stdout, &command->table);
    printf("\nExamples:\n%s", command->examples);
}

/* The command of that name; NULL after an error was noted. */
static const struct command *find_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) == 0) return &commands[i];
    }
    const char *meant = settings_nearest(name, names, COMMAND_COUNT);
    (void)!err_note(ERR_USAGE, "usage: unknown command '%s'; %s%s%s", name,
                    meant ? "did you mean " : "`millrace help` lists all", meant ? meant : "",
                    meant ? "?" : "");
    return NULL;
}

static enum err command_help(struct command_call *call)
{
    const char *name = command_argument(call, 0);
    const struct command *command = name ? find_command(name) : NULL;
    if (name && !command) return ERR_USAGE;
    if (command)
        print_command(command);
    else
        print_commands();
    return OK;
}

static enum err command_version(struct command_call *call)
{
    (void)call;
    printf("millrace %s\n", MILLRACE_VERSION);
    return OK;
}

static enum err check_arguments(const struct command *command, const struct command_call *call)
{
    const size_t count = command_argument_count(call);
    if (count >= command->least && count <= command->most) return OK;
    const char *word =
        count > command->most ? command_argument(call, command->most) : command->arguments;
    return err_note(ERR_USAGE, "%s: %s argument %.*s; usage: millrace %s %s [--FLAG]...",
                    command->name, count > command->most ? "unexpected" : "missing",
                    (int)(count > command->most ? strlen(word) : strcspn(word, " ")), word,
                    command->name, command->arguments);
}

/* --db of a command that is given a database as its first argument: a row of its own table. */
static const char *database_flag(const struct command *command, const struct options *options)
{
    const struct option_row *row = command->table.rows;
    while (row && row->name && strcmp(row->name, "db") != 0) row++;
    return row && row->name ? options_value(options, &command->table, "db") : NULL;
}

static enum err call_command(const struct command *command, int argc, char **argv, int *signal)
{
    struct options options;
    enum err err = options_read(argc, argv, &command->table, &options);
    if (!err && options.help) {
        print_command(command);
        return OK;
    }
    struct command_call call = {.table = &command->table, .options = &options};
    if (!err) call.db = database_flag(command, &options);
    if (!err) err = check_arguments(command, &call);
    if (!err) err = command->function(&call);
    *signal = call.signal;
    return err;
}

/* Results that could not be written are no results. */
static enum err finish_output(enum err err)
{
    const bool written = fflush(stdout) == 0 && !ferror(stdout);
    return err || written ? err : err_note(ERR_IO, "output: standard output cannot be written to");
}

int commands_main(int argc, char **argv)
{
    int stopped_by = 0;
    enum err err = OK;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_commands();
    } else {
        const bool version = strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0;
        const struct command *command = find_command(version ? "version" : argv[1]);
        err = command ? call_command(command, argc - 1, argv + 1, &stopped_by) : ERR_USAGE;
    }
    err = finish_output(err);
    if (err) fprintf(stderr, "millrace: %s\n", *err_text() ? err_text() : err_name(err));
    return err == ERR_INTERRUPTED && stopped_by == SIGTERM ? 143 : err_exit_code(err);
}
