/* settings_finish and settings_digest - what only all values together show; see settings.h. */
#include "common/settings.h"

#include "common/splits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* The choices of settings, by their place in schema/run.def. */
enum { FILTER_NONE = SPLITS, PROGRAM_PROVE = 1, CANDIDATES_SAMPLE = 1, BY_DEPTH = 2 };

/* Whether a setting has a file of its own; `queries` has one only when it is a path. */
static bool has_file(const struct settings *settings, enum setting setting)
{
    return settings_given(settings, setting) && settings_choice(settings, setting) < 0;
}

/* Whether somebody gave a value, be it the default. */
static bool said(const struct settings *settings, enum setting setting)
{
    return strcmp(settings_origin(settings, setting), SETTINGS_DEFAULT) != 0;
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
    for (size_t i = 0; i < SPLITS; i++) {
        if (!has_file(settings, split_setting[i])) continue;
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "",
                 setting_rows[split_setting[i]].name);
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
    for (size_t i = 0; i < SPLITS; i++)
        if (bits >> i & 1 && !has_file(settings, split_setting[i]))
            return err_note(ERR_USAGE, "filter: %s: names %s, which is not given; add %s: FILE",
                            origin, setting_rows[split_setting[i]].name,
                            setting_rows[split_setting[i]].name);
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

/* Refuses a value that was given; `why` says beside what, and what to do. */
static enum err refuse(const struct settings *settings, enum setting setting, const char *why)
{
    return err_note(ERR_USAGE, "%s: %s: found '%s', %s", setting_rows[setting].name,
                    settings_origin(settings, setting), settings_text(settings, setting), why);
}

/* ---- by program -------------------------------------------------------------------------- */

/* A setting of another program would be without effect. */
static enum err check_owners(const struct settings *settings)
{
    const char *program = settings_text(settings, SET_program);
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        const struct setting_row *row = &setting_rows[i];
        const bool ours = !row->program || strcmp(row->program, program) == 0;
        if (!ours && said(settings, (enum setting)i))
            return err_note(ERR_USAGE,
                            "%s: %s: is a setting of program %s, but this run's program is %s; "
                            "leave it out, or set program to %s",
                            row->name, settings_origin(settings, (enum setting)i), row->program,
                            program, row->program);
    }
    return OK;
}

static enum err check_rank(const struct settings *settings)
{
    const enum setting evaluated = split_setting[split_evaluated(settings)];
    enum err err = check_labels(settings);
    if (!err) err = require(settings, evaluated, "it is the file to rank");
    if (!err) err = require(settings, SET_model, "it holds the embeddings");
    if (!err) err = require(settings, SET_scorer, "it is the formula that scores a triple");
    if (!err) err = check_variants(settings);
    if (!err) err = check_tables(settings);
    if (!err && settings_choice(settings, SET_candidates) == CANDIDATES_SAMPLE)
        err = refuse(settings, SET_candidates,
                     "but rank compares with all entities so far; leave it out");
    if (!err && settings_choices(settings, SET_by) >> BY_DEPTH & 1)
        err = refuse(settings, SET_by, "but depth is a group of program prove; leave it out");
    return err;
}

bool settings_read_network(const struct settings *settings)
{
#define ROW(name, network) network,
    static const bool reads[] = {POLICIES(ROW)};
#undef ROW
    return reads[settings_choice(settings, SET_policy)];
}

static enum err check_policy(const struct settings *settings)
{
    if (settings_read_network(settings))
        return require(settings, SET_model, "it holds the network of the policy");
    if (!said(settings, SET_model)) return OK;
    return err_note(ERR_USAGE,
                    "model: %s: given, but policy %s reads none: it would be without effect; leave "
                    "it out, or set policy to network",
                    settings_origin(settings, SET_model), settings_text(settings, SET_policy));
}

static enum err check_facts(const struct settings *settings)
{
    if (settings_given(settings, SET_facts) || settings_given(settings, SET_train)) return OK;
    return err_note(ERR_USAGE, "settings: facts and train are missing: one of them holds what "
                               "proofs may use; give it as a key or a flag");
}

static enum err check_prove(const struct settings *settings)
{
    const enum setting evaluated = split_setting[split_evaluated(settings)];
    enum err err = check_facts(settings);
    if (!err) err = require(settings, evaluated, "it is the file to prove");
    if (!err) err = require(settings, SET_rules, "it holds the clauses");
    if (!err) err = check_policy(settings);
    if (!err && said(settings, SET_mode) && said(settings, SET_sides))
        err = refuse(settings, SET_mode, "but sides are given, too; leave one out");
    if (!err && settings_choice(settings, SET_unknown) == UNKNOWN_KEEP)
        err = refuse(settings, SET_unknown,
                     "but nothing is known of such a word; allowed with prove: error, drop");
    if (!err && settings_choices(settings, SET_by) >> BY_DEPTH & 1)
        err = require(settings, SET_depths, "by names depth, and it holds the labels");
    return err;
}

static enum err check_samples(const struct settings *settings)
{
    const bool drawn = settings_choice(settings, SET_candidates) == CANDIDATES_SAMPLE;
    if (drawn || !said(settings, SET_samples)) return OK;
    return refuse(settings, SET_samples,
                  "but all candidates are taken; leave it out, or set candidates to sample");
}

static enum err check_program(const struct settings *settings)
{
    static enum err (*const checks[])(const struct settings *) = {check_rank, check_prove};
    enum err err = check_owners(settings);
    if (!err) err = checks[settings_choice(settings, SET_program)](settings);
    return err ? err : check_samples(settings);
}

/* ---- all together ------------------------------------------------------------------------ */

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

static bool from_flag(const struct settings *settings, enum setting setting)
{
    return strncmp(settings_origin(settings, setting), "--", 2) == 0;
}

/* Flags win: what a run file says beside a flag that makes it idle is forgotten, not refused. */
static void give_way(struct settings *settings, enum setting idle, enum setting flag)
{
    if (from_flag(settings, flag) && !from_flag(settings, idle)) settings_unset(settings, idle);
}

static void give_way_to_flags(struct settings *settings)
{
    const bool drawn = settings_choice(settings, SET_candidates) == CANDIDATES_SAMPLE;
    const bool prove = settings_choice(settings, SET_program) == PROGRAM_PROVE;
    if (prove && !settings_read_network(settings)) give_way(settings, SET_model, SET_policy);
    if (!drawn) give_way(settings, SET_samples, SET_candidates);
    give_way(settings, SET_sides, SET_mode);
    give_way(settings, SET_mode, SET_sides);
}

enum err settings_finish(struct settings *settings)
{
    give_way_to_flags(settings);
    const bool filter_said = *settings_text(settings, SET_filter) && said(settings, SET_filter);
    enum err err = check_program(settings);
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
