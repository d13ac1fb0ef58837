/* worker_main - arguments, one row each, and the exit code. */
#include "worker/worker_main.h"

#include "worker/link.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 600, EXIT_SIGTERM = 143 };

static enum err take_count(const char *flag, const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || *out > most)
        return err_note(ERR_USAGE, "--%s: %s: a whole number from 0 to %llu is needed", flag, text,
                        (unsigned long long)most);
    return OK;
}

static enum err take_connect(const char *text, struct link_config *config)
{
    config->endpoint = text;
    return OK;
}

static enum err take_device(const char *text, struct link_config *config)
{
    config->runner.device = text;
    return OK;
}

static enum err take_threads(const char *text, struct link_config *config)
{
    uint64_t count;
    const enum err err = take_count("threads", text, 1024, &count);
    config->runner.threads = (uint32_t)count;
    return err;
}

static enum err take_lanes(const char *text, struct link_config *config)
{
    return take_count("lanes", text, 1 << 20, &config->lanes);
}

static enum err take_fast_pass(const char *text, struct link_config *config)
{
    config->fast_pass = text; /* checked with the other settings */
    return OK;
}

static enum err take_name(const char *text, struct link_config *config)
{
    config->name = text;
    return OK;
}

static enum err take_patience(const char *text, struct link_config *config)
{
    uint64_t seconds;
    const enum err err = take_count("patience", text, UINT32_MAX, &seconds);
    config->patience_s = (uint32_t)seconds;
    return err;
}

static const struct {
    const char *name, *value, *help;
    enum err (*take)(const char *text, struct link_config *config); /* NULL: handled by the loop */
} flags[] = {
    {"connect", "ENDPOINT", "the coordinator's address: ipc://PATH, as in DB.endpoint",
     take_connect},
    {"device", "DEVICE", "where to compute (cpu)", take_device},
    {"threads", "N", "threads of the cpu; 0: one per processor (0)", take_threads},
    {"lanes", "N", "questions in flight in a step; 0: as the run says (0)", take_lanes},
    {"fast-pass", "PASS", "the pass before the exact score: auto, none, fp32 (as the run says)",
     take_fast_pass},
    {"name", "NAME", "what this worker is called in status and database (host and pid)", take_name},
    {"patience", "S", "end when the coordinator is silent for S seconds; 0: never (600)",
     take_patience},
    {"help", NULL, "show this", NULL},
    {"version", NULL, "show the version", NULL},
};
enum { FLAGS = sizeof flags / sizeof flags[0], HELP = FLAGS - 2, VERSION = FLAGS - 1 };

static void print_help(void)
{
    printf("Usage: millrace-worker --connect ENDPOINT [flags]\n\n"
           "Works on the units of a coordinator (millrace run, millrace serve) until it says\n"
           "stop. It needs the run's input files under the coordinator's paths.\n\n");
    for (int i = 0; i < FLAGS; i++) {
        char head[32];
        snprintf(head, sizeof head, "--%s %s", flags[i].name, flags[i].value ? flags[i].value : "");
        printf("  %-20s %s\n", head, flags[i].help);
    }
    printf("\nExample:\n  millrace-worker --connect \"$(cat run.db.endpoint)\" --threads 8\n");
}

/* `*shown` is set when --help or --version was all that was asked. */
static enum err parse(int argc, char **argv, struct link_config *config, bool *shown)
{
    struct option options[FLAGS + 1] = {{0}};
    for (int i = 0; i < FLAGS; i++)
        options[i] = (struct option){flags[i].name, flags[i].value != NULL, NULL, i};
    enum err err = OK;
    int found;
    opterr = 0;
    *shown = false;
    while (!err && !*shown && (found = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
        if (found == ':') {
            err = err_note(ERR_USAGE, "%s: a value is needed; see --help", argv[optind - 1]);
        } else if (found == '?') {
            err = err_note(ERR_USAGE, "%s: no such flag; see --help", argv[optind - 1]);
        } else if (flags[found].take) {
            err = flags[found].take(optarg, config);
        } else {
            *shown = true;
            if (found == HELP) print_help();
            if (found == VERSION) puts("millrace-worker " MILLRACE_VERSION);
        }
    }
    if (!err && !*shown && optind < argc)
        err = err_note(ERR_USAGE, "%s: only flags are known; see --help", argv[optind]);
    if (!err && !*shown && !config->endpoint)
        err = err_note(ERR_USAGE, "--connect: the coordinator's endpoint is needed; see --help");
    return err;
}

int worker_main(int argc, char **argv)
{
    struct link_config config = {.patience_s = PATIENCE_S, .runner = {.device = "cpu"}};
    int signal = 0;
    bool shown;
    enum err err = parse(argc, argv, &config, &shown);
    if (!err && !shown) err = link_run(&config, &signal);
    if (err) fprintf(stderr, "millrace-worker: %s\n", err_text());
    return err == ERR_INTERRUPTED && signal == SIGTERM ? EXIT_SIGTERM : err_exit_code(err);
}
