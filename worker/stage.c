/* stage - a WELCOME becomes settings whose inputs are proved. */
#include "worker/stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_BYTES = 64, NUMBER_BYTES = 24 };

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

static bool same_file(const struct stat *stat, const struct wire_input *input)
{
    return (uint64_t)stat->st_dev == input->device && (uint64_t)stat->st_ino == input->inode &&
           (uint64_t)stat->st_size == input->size_bytes &&
           nanoseconds(&stat->st_mtim) == input->mtime_ns &&
           nanoseconds(&stat->st_ctim) == input->ctime_ns;
}

static enum err prove(const char *role, const char *path, const struct wire_input *input)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_note(ERR_INPUT,
                        "input: %s: %s: %s; the worker needs the run's files under the "
                        "coordinator's paths",
                        role, path, strerror(errno));
    if (same_file(&status, input)) return OK;

    struct digest digest;
    const enum err err = digest_file(path, &digest);
    if (err) return err_prefix(ERR_INPUT, "input: %s", role);
    if (!digest_equal(&digest, &input->digest))
        return err_note(ERR_INPUT,
                        "input: %s: %s: its SHA-256 is not that of the run; the file "
                        "has changed, or is another on this machine",
                        role, path);
    return OK;
}

static enum err set(struct settings *settings, const struct wire_text *name,
                    const struct wire_text *value)
{
    char name_text[NAME_BYTES], value_text[WIRE_TEXT_MAX + 1];
    enum setting setting;
    wire_text_copy(name, name_text, sizeof name_text);
    wire_text_copy(value, value_text, sizeof value_text);
    if (settings_find(name_text, "coordinator", &setting))
        return err_prefix(ERR_FORMAT, "the coordinator's settings are not known here");
    return settings_set(settings, setting, value_text, NULL, "coordinator");
}

static enum err set_input(struct settings *settings, const struct wire_input *input)
{
    char role[NAME_BYTES], path[WIRE_TEXT_MAX + 1];
    wire_text_copy(&input->role, role, sizeof role);
    wire_text_copy(&input->path, path, sizeof path);
    enum err err = prove(role, path, input);
    if (!err) err = set(settings, &input->role, &input->path);
    return err;
}

static enum err set_overrides(struct settings *settings, uint64_t lanes, const char *fast_pass)
{
    enum err err = OK;
    char number[NUMBER_BYTES];
    snprintf(number, sizeof number, "%llu", (unsigned long long)lanes);
    if (lanes) err = settings_set(settings, SET_lanes, number, NULL, "--lanes");
    if (!err && fast_pass)
        err = settings_set(settings, SET_fast_pass, fast_pass, NULL, "--fast-pass");
    return err;
}

enum err stage_settings(const struct wire_welcome *welcome, uint64_t lanes, const char *fast_pass,
                        struct settings **out)
{
    struct settings *settings = NULL;
    enum err err = settings_open(&settings);
    for (uint32_t i = 0; !err && i < welcome->settings.count; i++)
        err = set(settings, &welcome->settings.at[i].name, &welcome->settings.at[i].value);
    for (uint32_t i = 0; !err && i < welcome->inputs.count; i++)
        err = set_input(settings, &welcome->inputs.at[i]);
    if (!err) err = set_overrides(settings, lanes, fast_pass);

    if (err) settings_close(&settings);
    *out = settings;
    return err;
}
