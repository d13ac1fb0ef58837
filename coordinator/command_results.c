/* command_results - the commands that show what came out of a run: report, export. */
#include "coordinator/command.h"
#include "coordinator/export.h"
#include "coordinator/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A setting as the flag of the same name gives it, else as the run has it. */
static enum err choose_setting(const struct command_call *call, struct ledger *ledger,
                               enum setting setting, struct settings *settings)
{
    char value[1024], origin[64];
    const char *name = setting_rows[setting].name, *flag = command_value(call, name);
    snprintf(origin, sizeof origin, "--%s", name);
    if (flag) return settings_set(settings, setting, flag, NULL, origin);
    enum err err = ledger_get(ledger, name, value, sizeof value);
    if (!err) err = settings_set(settings, setting, value, NULL, "the database");
    return err == ERR_NONE ? OK : err;
}

static enum err choose_format(const char *word, enum report_format *out)
{
    for (size_t i = 0; i < REPORT_FORMATS; i++) {
        *out = (enum report_format)i;
        if (!word || strcmp(word, report_format_name[i]) == 0) return OK;
    }
    return err_note(ERR_USAGE, "report: --format: found '%s', allowed: table, json, csv", word);
}

enum err command_report(struct command_call *call)
{
    uint64_t hits[SETTINGS_COUNTS_MAX];
    struct settings *settings = NULL;
    struct ledger *reader = NULL;
    struct report_config config = {.hits = hits, .out = stdout};

    enum err err = choose_format(command_value(call, "format"), &config.format);
    if (!err) err = command_open_reader(call, &reader);
    if (!err) err = settings_open(&settings);
    if (!err) err = choose_setting(call, reader, SET_by, settings);
    if (!err) err = choose_setting(call, reader, SET_hits, settings);
    if (!err) {
        config.by = settings_choices(settings, SET_by);
        config.hits_count = settings_counts(settings, SET_hits, hits, SETTINGS_COUNTS_MAX);
        err = report_write(reader, &config);
    }
    settings_close(&settings);
    ledger_close(&reader);
    return err;
}

/* What --what asks for, else what the run's program is about. */
static enum err choose_what(const struct command_call *call, struct ledger *reader,
                            enum export_what *out)
{
    const char *word = command_value(call, "what");
    char program[64];
    *out = EXPORT_RANKS;
    enum err err = ledger_get(reader, "program", program, sizeof program);
    if (err) return err;
    const bool searches = strcmp(program, "prove") == 0;
    if (!word) word = export_what_name[searches ? EXPORT_OUTCOMES : EXPORT_RANKS];
    while (*out < EXPORT_WHATS && strcmp(word, export_what_name[*out]) != 0) (*out)++;
    if (*out == EXPORT_WHATS)
        return err_note(ERR_USAGE, "export: --what: found '%s', allowed: ranks, outcomes", word);
    if (*out == EXPORT_OUTCOMES && !searches)
        return err_note(ERR_USAGE,
                        "export: --what outcomes: %s: is a run of %s, which has none; those of"
                        " prove have, use --what ranks",
                        command_argument(call, 0), program);
    return OK;
}

/* Results of a part of the queries are written only for those who know it. A complete run has a
 * results digest; one that was killed just before its last results were stored has not. */
static enum err check_complete(struct ledger *reader, const char *db, bool partial)
{
    char digest[128];
    struct ledger_counts counts;
    const enum err err = ledger_get(reader, "results_digest", digest, sizeof digest);
    if (err != ERR_NONE) return err;
    ledger_counts(reader, &counts);
    if (!partial)
        return err_note(ERR_FAILED,
                        "export: %s: the run is incomplete, %" PRIu64 " of %" PRIu64
                        " units are done; nothing was written; go on with `millrace run --db %s`,"
                        " or give --partial for the queries that are done",
                        db, counts.unit[UNIT_DONE], counts.total, db);
    fprintf(stderr,
            "millrace: export: %s: partial, queries are missing: %" PRIu64 " of %" PRIu64
            " units are done\n",
            db, counts.unit[UNIT_DONE], counts.total);
    return OK;
}

static enum err check_target(const char *path, const char *db)
{
    struct stat target, source;
    if (stat(path, &target) != 0 || stat(db, &source) != 0) return OK;
    if (target.st_dev != source.st_dev || target.st_ino != source.st_ino) return OK;
    return err_note(ERR_USAGE, "export: %s: is the database itself; name another file", path);
}

enum err command_export(struct command_call *call)
{
    const char *path = command_value(call, "out");
    struct ledger *reader = NULL;
    enum export_format format = EXPORT_TSV;
    enum export_what what = EXPORT_RANKS;
    enum err err = OK;
    if (!path)
        err =
            err_note(ERR_USAGE, "export: --out is missing; name a file, or - for standard output");
    if (!err) err = export_format_of(path, &format);
    if (!err) err = command_open_reader(call, &reader);
    if (!err) err = choose_what(call, reader, &what);
    if (!err) err = check_target(path, command_argument(call, 0));
    if (!err)
        err = check_complete(reader, command_argument(call, 0), command_given(call, "partial"));
    if (!err) err = export_file(reader, what, format, path);
    ledger_close(&reader);
    return err;
}
