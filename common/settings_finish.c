/* settings_finish and settings_digest - what only all values together show; see settings.h. */
#include "common/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* The settings that name the splits, in the order of the choices of `filter`; the fourth choice
 * is the file that `queries` names, the fifth is "none". */
static const enum setting splits[] = {SET_train, SET_valid, SET_test, SET_queries};
enum { FILTER_SPLITS = sizeof splits / sizeof *splits, FILTER_NONE = FILTER_SPLITS };

/* The setting whose file is evaluated, in the order of the choices of `queries`. */
static enum setting evaluated(const struct settings *settings)
{
    static const enum setting named[] = {SET_test, SET_valid, SET_train};
    const int choice = settings_choice(settings, SET_queries);
    return choice < 0 ? SET_queries : named[choice];
}

/* Whether a split has a file of its own; `queries` has one only when it is a path. */
static bool has_file(const struct settings *settings, enum setting split)
{
    return settings_given(settings, split) && settings_choice(settings, split) < 0;
}

static bool ends_in(const char *text, const char *ending)
{
    const size_t size = strlen(text), ending_size = strlen(ending);
    return size >= ending_size && strcasecmp(text + size - ending_size, ending) == 0;
}

/* Fills in the default filter: every split given. */
static enum err fill_filter(struct settings *settings)
{
    char text[64] = "";
    for (size_t i = 0; i < FILTER_SPLITS; i++) {
        if (!has_file(settings, splits[i])) continue;
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "",
                 setting_rows[splits[i]].name);
    }
    return settings_set(settings, SET_filter, text, NULL, SETTINGS_DEFAULT);
}

static enum err check_filter(const struct settings *settings)
{
    const uint64_t bits = settings_choices(settings, SET_filter);
    const char *origin = settings_origin(settings, SET_filter);
    if (bits >> FILTER_NONE & 1 && bits != UINT64_C(1) << FILTER_NONE)
        return err_note(ERR_USAGE, "filter: %s: found '%s': none stands alone; leave out the rest",
                        origin, settings_text(settings, SET_filter));
    for (size_t i = 0; i < FILTER_SPLITS; i++)
        if (bits >> i & 1 && !has_file(settings, splits[i]))
            return err_note(ERR_USAGE, "filter: %s: names %s, which is not given; add %s: FILE",
                            origin, setting_rows[splits[i]].name, setting_rows[splits[i]].name);
    return OK;
}

static enum err require(const struct settings *settings, enum setting setting, const char *why)
{
    if (settings_given(settings, setting)) return OK;
    return err_note(ERR_USAGE, "settings: %s is missing: %s; give it as a key or a flag",
                    setting_rows[setting].name, why);
}

/* Settings that only some scorers look at are refused for others: they would be without effect. */
static enum err check_variants(const struct settings *settings)
{
    static const struct {
        enum setting setting;
        uint64_t scorers;
        const char *names;
    } variants[] = {
        {SET_layout, UINT64_C(1) << SCORER_complex | UINT64_C(1) << SCORER_rotate,
         "complex and rotate"},
        {SET_norm, UINT64_C(1) << SCORER_rotate, "rotate"},
    };
    const int scorer = settings_choice(settings, SET_scorer);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const enum setting setting = variants[i].setting;
        if (settings_given(settings, setting) && !(variants[i].scorers >> scorer & 1))
            return err_note(ERR_USAGE,
                            "%s: %s: found '%s' with scorer %s, but it is for %s; leave it out",
                            setting_rows[setting].name, settings_origin(settings, setting),
                            settings_text(settings, setting), settings_text(settings, SET_scorer),
                            variants[i].names);
    }
    return OK;
}

static enum err check_tables(const struct settings *settings)
{
    const bool npy = ends_in(settings_text(settings, SET_model), ".npy");
    if (npy) return require(settings, SET_relation_model, "an .npy model holds entities only");
    if (!settings_given(settings, SET_relation_model)) return OK;
    return err_note(ERR_USAGE,
                    "relation_model: %s: given, but model is no .npy and holds both"
                    " tables; leave it out",
                    settings_origin(settings, SET_relation_model));
}

static enum err check_labels(const struct settings *settings)
{
    if (settings_given(settings, SET_train)) return OK;
    enum err err = require(settings, SET_entities, "without train, the labels come from it");
    if (!err) err = require(settings, SET_relations, "without train, the labels come from it");
    return err;
}

/* An input must be a file that can be read, and read again. */
static enum err check_file(const struct settings *settings, enum setting setting)
{
    const char *path = settings_text(settings, setting), *why = NULL;
    struct stat status;
    if (stat(path, &status) != 0 || access(path, R_OK) != 0)
        why = strerror(errno);
    else if (!S_ISREG(status.st_mode))
        why = S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is no regular file";
    if (!why) return OK;
    return err_note(ERR_INPUT, "%s: %s: %s; given by %s", setting_rows[setting].name, path, why,
                    settings_origin(settings, setting));
}

static enum err check_files(const struct settings *settings)
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++)
        if (setting_rows[i].type == SETTING_INPUT && has_file(settings, (enum setting)i))
            err = check_file(settings, (enum setting)i);
    return err;
}

enum err settings_finish(struct settings *settings)
{
    enum err err = check_labels(settings);
    if (!err) err = require(settings, evaluated(settings), "it is the file to rank");
    if (!err) err = require(settings, SET_model, "it holds the embeddings");
    if (!err) err = require(settings, SET_scorer, "it is the formula that scores a triple");
    if (!err) err = check_variants(settings);
    if (!err) err = check_tables(settings);
    const bool filter_said = *settings_text(settings, SET_filter) != 0 &&
                             strcmp(settings_origin(settings, SET_filter), SETTINGS_DEFAULT) != 0;
    if (!err && !filter_said) err = fill_filter(settings);
    if (!err) err = check_filter(settings);
    if (!err) err = check_files(settings);
    return err;
}

static void add_line(struct digest_state *state, const char *key, const char *value)
{
    digest_add(state, key, strlen(key));
    digest_add(state, "=", 1);
    digest_add(state, value, strlen(value));
    digest_add(state, "\n", 1);
}

enum err settings_digest(const struct settings *settings, const struct input *inputs,
                         size_t input_count, struct digest *out)
{
    struct digest_state *state = NULL;
    enum err err = digest_open(&state);
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        const enum setting setting = (enum setting)i;
        const bool path = setting_rows[i].type == SETTING_INPUT && has_file(settings, setting);
        if (setting_rows[i].kind == MEANING && !path && settings_given(settings, setting))
            add_line(state, setting_rows[i].name, settings_text(settings, setting));
    }
    for (size_t i = 0; i < input_count && !err; i++) {
        char hex[DIGEST_HEX];
        digest_hex(&inputs[i].digest, hex);
        add_line(state, inputs[i].role, hex);
    }
    digest_close(&state, out);
    return err;
}
