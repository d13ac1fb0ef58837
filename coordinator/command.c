/* command - see command.h. */
#include "coordinator/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

bool command_given(const struct command_call *call, const char *flag)
{
    return options_given(call->options, call->table, flag);
}

const char *command_value(const struct command_call *call, const char *flag)
{
    return options_value(call->options, call->table, flag);
}

const char *command_argument(const struct command_call *call, size_t place)
{
    if (call->db && place == 0) return call->db;
    const size_t at = call->db ? place - 1 : place;
    return at < call->options->rest_count ? call->options->rest[at] : NULL;
}

size_t command_argument_count(const struct command_call *call)
{
    return call->options->rest_count + (call->db ? 1 : 0);
}

bool command_is_database(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char bytes[sizeof magic];
    struct stat status;
    /* A pipe is not to be read from, or waited for. */
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "rbe") : NULL;
    const bool found = file && fread(bytes, 1, sizeof bytes, file) == sizeof bytes &&
                       memcmp(bytes, magic, sizeof magic) == 0;
    if (file) (void)!fclose(file);
    return found;
}

static bool is_called_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

/* Opening for writing would create it. */
static enum err check_there(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_note(ERR_IO,
                        "database: %s: there is no such file; `millrace run` or `millrace plan`"
                        " makes one",
                        path);
    if (is_called_yaml(path) && !command_is_database(path))
        return err_note(ERR_USAGE,
                        "database: %s: is a run file, not a database; give its db (by default"
                        " %.*s.db)",
                        path, (int)(strrchr(path, '.') - path), path);
    return OK;
}

static enum err refuse_empty(const char *path)
{
    return err_note(ERR_USAGE,
                    "database: %s: nothing is planned in it; give a run file to"
                    " `millrace run` or `millrace plan`",
                    path);
}

enum err command_open_reader(const struct command_call *call, struct ledger **out)
{
    const char *path = command_argument(call, 0);
    char program[64];
    *out = NULL;
    enum err err = check_there(path);
    if (!err) err = ledger_open_reader(path, out);
    if (!err) err = ledger_get(*out, "program", program, sizeof program);
    if (err == ERR_NONE) err = refuse_empty(path);
    if (err) ledger_close(out);
    return err;
}

enum err command_open_ledger(const struct command_call *call, struct ledger **out)
{
    const char *path = command_argument(call, 0);
    *out = NULL;
    enum err err = check_there(path);
    if (!err) err = ledger_open(path, out);
    if (!err && !ledger_planned(*out)) err = refuse_empty(path);
    if (err) ledger_close(out);
    return err;
}

int64_t command_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum err command_number(struct ledger *ledger, const char *key, uint64_t standard, uint64_t *out)
{
    char text[32];
    *out = standard;
    const enum err err = ledger_get(ledger, key, text, sizeof text);
    if (!err) *out = strtoull(text, NULL, 10);
    return err == ERR_NONE ? OK : err;
}

enum err command_parse(const char *text, const char *what, uint64_t *out)
{
    uint64_t number = 0;
    bool good = *text != 0;
    for (const char *at = text; *at && good; at++) {
        good = *at >= '0' && *at <= '9' && number <= (UINT64_MAX - 9) / 10;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *out = number;
    return good ? OK : err_note(ERR_USAGE, "%s: found '%s', allowed: a whole number", what, text);
}
