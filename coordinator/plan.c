/* plan - see plan.h. */
#include "coordinator/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUTS_MAX = SETTING_TOTAL, VALUE_MAX = 4096, DIFFERENCES_MAX = 2048 };

static const struct plan_program *const plans[] = {&plan_rank, &plan_prove};

static const struct plan_program *registered;
static size_t registered_count;

struct plan {
    struct settings *settings; /* our own copy */
    const struct plan_program *program;
    void *state;
    uint64_t rows, columns;
    struct digest run_digest;
    size_t input_count;
    struct ledger_input input[INPUTS_MAX];
};

void plan_register(const struct plan_program *programs, size_t count)
{
    registered = programs;
    registered_count = count;
}

/* Registered programs go before the built-in ones of the same name. */
static const struct plan_program *find_program(const char *name)
{
    for (size_t i = 0; i < registered_count; i++)
        if (strcmp(registered[i].name, name) == 0) return &registered[i];
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (strcmp(plans[i]->name, name) == 0) return plans[i];
    return NULL;
}

/* ---- for the programs -------------------------------------------------------------------- */

static enum err set_number(struct ledger *ledger, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return ledger_set(ledger, key, text);
}

enum err plan_describe(struct ledger *ledger, const struct plan_fact *facts, size_t count)
{
    enum err err = OK;
    for (size_t i = 0; i < count && !err; i++)
        err = set_number(ledger, facts[i].key, facts[i].value);
    return err;
}

enum err plan_check_cut(const struct settings *asked, enum setting setting, uint64_t here,
                        uint64_t there)
{
    if (here == there || !settings_given(asked, setting)) return OK;
    return err_note(ERR_USAGE,
                    "%s: %" PRIu64 ": this database was planned with %" PRIu64
                    "; leave it out, or use another --db",
                    setting_rows[setting].name, here, there);
}

/* ---- inputs ------------------------------------------------------------------------------ */

/* The settings that name a file, in the order of schema/run.def. */
static bool is_input(const struct settings *settings, enum setting setting)
{
    return setting_rows[setting].type == SETTING_INPUT && settings_given(settings, setting) &&
           settings_choice(settings, setting) < 0;
}

/* Notes what tells a file from another, and from what it was before a change. */
static enum err identify(const char *role, const char *path, struct ledger_input *out)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_note(ERR_INPUT, "%s: %s: cannot be read; is it still there?", role, path);
    snprintf(out->role, sizeof out->role, "%s", role);
    snprintf(out->path, sizeof out->path, "%s", path);
    out->size_bytes = (uint64_t)status.st_size;
    out->device = (uint64_t)status.st_dev;
    out->inode = (uint64_t)status.st_ino;
    out->mtime_ns =
        (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec;
    out->ctime_ns =
        (uint64_t)status.st_ctim.tv_sec * 1000000000u + (uint64_t)status.st_ctim.tv_nsec;
    return OK;
}

static bool same_file(const struct ledger_input *a, const struct ledger_input *b)
{
    return a->size_bytes == b->size_bytes && a->device == b->device && a->inode == b->inode &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static enum err identify_inputs(struct plan *plan)
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        const enum setting setting = (enum setting)i;
        if (!is_input(plan->settings, setting)) continue;
        err = identify(setting_rows[i].name, settings_text(plan->settings, setting),
                       &plan->input[plan->input_count++]);
    }
    return err;
}

/* The digests of all inputs; those of files that `stored` knows unchanged are taken from there. */
static enum err digest_inputs(struct plan *plan, const struct ledger_input *stored, size_t count)
{
    enum err err = OK;
    for (size_t i = 0; i < plan->input_count && !err; i++) {
        struct ledger_input *input = &plan->input[i];
        const struct ledger_input *known = NULL;
        for (size_t j = 0; j < count && !known; j++)
            if (same_file(input, &stored[j])) known = &stored[j];
        if (known)
            input->digest = known->digest;
        else
            err = digest_file(input->path, &input->digest);
    }
    return err;
}

/* What was read and what was digested must be the same bytes. */
static enum err check_unchanged(const struct plan *plan)
{
    enum err err = OK;
    for (size_t i = 0; i < plan->input_count && !err; i++) {
        struct ledger_input now = {0};
        err = identify(plan->input[i].role, plan->input[i].path, &now);
        if (!err && !same_file(&now, &plan->input[i]))
            err = err_note(ERR_INPUT,
                           "%s: %s: changed while it was used; give the same command again: it "
                           "goes on if the content is the same, and says so if it is not",
                           now.role, now.path);
    }
    return err;
}

static enum err digest_run(struct plan *plan)
{
    struct input inputs[INPUTS_MAX];
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct ledger_input *input = &plan->input[i];
        inputs[i] = (struct input){input->role, input->path, input->size_bytes, input->digest};
    }
    return settings_digest(plan->settings, inputs, plan->input_count, &plan->run_digest);
}

/* The inputs that a planned ledger knows; none of an empty one. Free the array. */
static enum err stored_inputs(struct ledger *ledger, struct ledger_input **out, size_t *count)
{
    *count = 0;
    *out = calloc(INPUTS_MAX, sizeof **out);
    if (!*out) return err_note(ERR_MEMORY, "plan: no memory");
    if (!ledger) return OK;
    return ledger_inputs(ledger, *out, INPUTS_MAX, count);
}

/* ---- opening ----------------------------------------------------------------------------- */

static enum err open_program(struct plan *plan)
{
    const char *name = settings_text(plan->settings, SET_program);
    plan->program = find_program(name);
    if (!plan->program) return err_note(ERR_USAGE, "program: %s: there is none of that name", name);
    enum err err = plan->program->open(plan->settings, &plan->state);
    if (!err) plan->program->grid(plan->state, &plan->rows, &plan->columns);
    return err;
}

enum err plan_open(const struct settings *settings, struct plan **out)
{
    return plan_open_again(settings, NULL, out);
}

enum err plan_open_again(const struct settings *settings, struct ledger *ledger, struct plan **out)
{
    struct ledger_input *stored = NULL;
    size_t stored_count = 0;
    struct plan *plan = calloc(1, sizeof *plan);

    enum err err = plan ? OK : err_note(ERR_MEMORY, "plan: no memory");
    if (!err) err = settings_copy(settings, &plan->settings);
    if (!err) err = identify_inputs(plan);
    if (!err) err = open_program(plan);
    if (!err) err = stored_inputs(ledger, &stored, &stored_count);
    if (!err) err = digest_inputs(plan, stored, stored_count);
    if (!err) err = check_unchanged(plan);
    if (!err) err = digest_run(plan);

    free(stored);
    if (err) plan_close(&plan);
    *out = plan;
    return err;
}

void plan_close(struct plan **plan)
{
    if (!*plan) return;
    if ((*plan)->state) (*plan)->program->close(&(*plan)->state);
    settings_close(&(*plan)->settings);
    free(*plan);
    *plan = NULL;
}

/* ---- storing ----------------------------------------------------------------------------- */

static enum err store_settings(const struct plan *plan, struct ledger *ledger)
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++)
        if (settings_given(plan->settings, (enum setting)i))
            err = ledger_set(ledger, setting_rows[i].name,
                             settings_text(plan->settings, (enum setting)i));
    for (size_t i = 0; i < plan->input_count && !err; i++)
        err = ledger_set_input(ledger, &plan->input[i]);
    return err;
}

static enum err store_engine(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    (void)columns;
    (void)names;
    return ledger_set(context, "sqlite_version", values[0]);
}

static enum err store_facts(const struct plan *plan, struct ledger *ledger, int64_t now_ms)
{
    char hex[DIGEST_HEX];
    digest_hex(&plan->run_digest, hex);
    enum err err = ledger_set(ledger, "millrace_version", MILLRACE_VERSION);
    if (!err) err = ledger_query(ledger, "select sqlite_version()", 0, store_engine, ledger);
    if (!err) err = ledger_set(ledger, "run_digest", hex);
    if (!err) err = ledger_set(ledger, "program", plan->program->name);
    if (!err) err = set_number(ledger, "planned_ms", (uint64_t)now_ms);
    return err;
}

/* Sets the PLAN settings to what the ledger has. */
static enum err keep_plan_settings(struct plan *plan, struct ledger *ledger)
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        char value[VALUE_MAX];
        if (setting_rows[i].kind != PLAN) continue;
        err = ledger_get(ledger, setting_rows[i].name, value, sizeof value);
        if (!err) err = settings_set(plan->settings, (enum setting)i, value, NULL, "the database");
        if (err == ERR_NONE) err = OK;
    }
    return err;
}

enum err plan_store(struct plan *plan, struct ledger *ledger, int64_t now_ms)
{
    enum err err = ledger_begin(ledger);
    if (!err) err = store_settings(plan, ledger);
    if (!err) err = store_facts(plan, ledger, now_ms);
    if (!err) err = plan->program->describe(plan->state, plan->settings, ledger);
    if (!err) err = ledger_plan(ledger, plan->rows, plan->columns);
    if (!err) err = keep_plan_settings(plan, ledger);
    if (!err) err = ledger_commit(ledger);
    if (err) ledger_rollback(ledger);
    return err;
}

/* ---- resuming ---------------------------------------------------------------------------- */

static void add_difference(char text[DIFFERENCES_MAX], const char *key, const char *there,
                           const char *here)
{
    const size_t used = strlen(text);
    snprintf(text + used, DIFFERENCES_MAX - used, "%s%s (%s%s%s%s)", used ? ", " : "", key, there,
             here ? " there, " : "", here ? here : "", here ? " here" : "");
}

static enum err compare_settings(const struct plan *plan, struct ledger *ledger,
                                 char text[DIFFERENCES_MAX])
{
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        const struct setting_row *row = &setting_rows[i];
        const enum setting setting = (enum setting)i;
        if (row->kind != MEANING || is_input(plan->settings, setting)) continue;
        char there[VALUE_MAX] = "";
        err = ledger_get(ledger, row->name, there, sizeof there);
        if (err == ERR_NONE) {
            snprintf(there, sizeof there, "%s", row->standard ? row->standard : "");
            err = OK;
        }
        /* Files are compared by their content. */
        const bool path = row->type == SETTING_INPUT && *there == '/';
        const char *here = settings_text(plan->settings, setting);
        if (!err && !path && strcmp(there, here) != 0)
            add_difference(text, row->name, *there ? there : "nothing", *here ? here : "nothing");
    }
    return err;
}

static const struct ledger_input *find_role(const struct ledger_input *inputs, size_t count,
                                            const char *role)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(inputs[i].role, role) == 0) return &inputs[i];
    return NULL;
}

static void compare_inputs(const struct plan *plan, const struct ledger_input *stored, size_t count,
                           char text[DIFFERENCES_MAX])
{
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct ledger_input *here = &plan->input[i];
        const struct ledger_input *there = find_role(stored, count, here->role);
        if (!there)
            add_difference(text, here->role, "only here", NULL);
        else if (!digest_equal(&there->digest, &here->digest))
            add_difference(text, here->role, "content differs", NULL);
    }
    for (size_t i = 0; i < count; i++)
        if (!find_role(plan->input, plan->input_count, stored[i].role))
            add_difference(text, stored[i].role, "only there", NULL);
}

static enum err compare(const struct plan *plan, struct ledger *ledger,
                        const struct ledger_input *stored, size_t count)
{
    char text[DIFFERENCES_MAX] = "", here[DIGEST_HEX], there[DIGEST_HEX] = "";
    enum err err = compare_settings(plan, ledger, text);
    if (!err) compare_inputs(plan, stored, count, text);
    if (!err) err = ledger_get(ledger, "run_digest", there, sizeof there);
    digest_hex(&plan->run_digest, here);
    if (!err && !*text && strcmp(here, there) != 0) add_difference(text, "run_digest", there, here);
    if (!err && *text)
        err = err_note(ERR_USAGE, "database: %s: is of another run: %s; use another --db",
                       settings_text(plan->settings, SET_db), text);
    return err;
}

/* Files may have moved since; the ledger then learns where they are, and how they look. */
static enum err store_moved(const struct plan *plan, struct ledger *ledger,
                            const struct ledger_input *stored, size_t count)
{
    enum err err = ledger_begin(ledger);
    for (size_t i = 0; i < plan->input_count && !err; i++) {
        const struct ledger_input *here = &plan->input[i];
        const struct ledger_input *there = find_role(stored, count, here->role);
        if (there && (!same_file(here, there) || strcmp(here->path, there->path) != 0))
            err = ledger_set_input(ledger, here);
    }
    if (!err) err = ledger_commit(ledger);
    if (err) ledger_rollback(ledger);
    return err;
}

/* Takes over the PLAN settings of the ledger, or refuses those that were asked for. */
static enum err adopt(struct plan *plan, struct ledger *ledger)
{
    struct settings *asked = NULL;
    enum err err = settings_copy(plan->settings, &asked);
    if (!err) err = keep_plan_settings(plan, ledger);
    if (!err && plan->program->adopt)
        err = plan->program->adopt(plan->state, asked, plan->settings);
    if (!err) plan->program->grid(plan->state, &plan->rows, &plan->columns);
    settings_close(&asked);
    return err;
}

enum err plan_resume(struct plan *plan, struct ledger *ledger)
{
    struct ledger_input *stored = NULL;
    size_t count = 0;
    enum err err = stored_inputs(ledger, &stored, &count);
    if (!err) err = compare(plan, ledger, stored, count);
    if (!err) err = adopt(plan, ledger);
    if (!err) err = store_moved(plan, ledger, stored, count);
    free(stored);
    return err;
}

enum err plan_settings_load(struct ledger *ledger, const char *origin, struct settings *settings)
{
    struct ledger_input *stored = NULL;
    size_t count = 0;
    enum err err = OK;
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        char value[VALUE_MAX];
        err = ledger_get(ledger, setting_rows[i].name, value, sizeof value);
        if (!err) err = settings_set(settings, (enum setting)i, value, NULL, origin);
        if (err == ERR_NONE) err = OK;
    }
    if (!err) err = stored_inputs(ledger, &stored, &count);
    for (size_t i = 0; i < count && !err; i++) {
        enum setting setting;
        err = settings_find(stored[i].role, origin, &setting);
        if (!err) err = settings_set(settings, setting, stored[i].path, NULL, origin);
    }
    free(stored);
    return err;
}

/* ---- results and answers ----------------------------------------------------------------- */

/* The results digest, once every unit is done and its rows are folded. */
static enum err finish(struct plan *plan, struct ledger *ledger)
{
    char hex[DIGEST_HEX];
    struct digest digest;
    struct ledger_counts counts;
    ledger_counts(ledger, &counts);
    if (counts.unit[UNIT_DONE] != counts.total) return OK;
    enum err err = ledger_get(ledger, "results_digest", hex, sizeof hex);
    if (err != ERR_NONE) return err;
    err = check_unchanged(plan); /* workers read mapped files to the last unit */
    if (!err) err = plan->program->digest(plan->state, ledger, &digest);
    if (!err) {
        digest_hex(&digest, hex);
        err = ledger_set(ledger, "results_digest", hex);
    }
    return err;
}

enum err plan_believe(const struct plan *plan, uint64_t unit, const uint8_t *bytes, size_t size)
{
    if (!plan->program->believe) return OK;
    return plan->program->believe(plan->state, unit, bytes, size);
}

enum err plan_fold(struct plan *plan, struct ledger *ledger)
{
    uint64_t row;
    enum err err = ledger_next_row(ledger, &row);
    while (!err) {
        err = plan->program->fold(plan->state, ledger, row);
        if (!err) err = ledger_next_row(ledger, &row);
    }
    return err == ERR_NONE ? finish(plan, ledger) : err;
}

void plan_print(const struct plan *plan)
{
    plan->program->print(plan->state, plan->settings);
}

const struct settings *plan_settings(const struct plan *plan)
{
    return plan->settings;
}

const struct ledger_input *plan_inputs(const struct plan *plan, size_t *count)
{
    *count = plan->input_count;
    return plan->input;
}

const struct digest *plan_run_digest(const struct plan *plan)
{
    return &plan->run_digest;
}

uint64_t plan_columns(const struct plan *plan)
{
    return plan->columns;
}
