/* command_run - the commands that make and work on a run: run, plan, serve. */
#include "common/processors.h"
#include "common/runfile.h"
#include "coordinator/command.h"
#include "coordinator/report.h"
#include "coordinator/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, BEAT_MS_MAX = 2000, FAILED_NAMED = 3 };

/* A run that is planned and open for writing. */
struct job {
    struct settings *settings;
    struct plan *plan;
    struct ledger *ledger;
    bool resumed;
};

static void job_close(struct job *job)
{
    plan_close(&job->plan);
    ledger_close(&job->ledger);
    settings_close(&job->settings);
}

/* ---- settings ---------------------------------------------------------------------------- */

static bool names_inputs(const struct settings *settings)
{
    for (size_t i = 0; i < SETTING_TOTAL; i++)
        if (setting_rows[i].type == SETTING_INPUT && settings_given(settings, (enum setting)i))
            return true;
    return false;
}

/* The database beside the run file, with .db for its extension. */
static enum err default_database(struct settings *settings, const char *runfile)
{
    if (!runfile && !names_inputs(settings))
        return err_note(ERR_USAGE, "settings: give a run file, or --db of a planned run");
    if (!runfile)
        return err_note(ERR_USAGE, "settings: db is missing: without a run file, --db must name"
                                   " the database");
    const char *slash = strrchr(runfile, '/'), *dot = strrchr(runfile, '.');
    const char *name = slash ? slash + 1 : runfile;
    const size_t stem = dot && dot > name ? (size_t)(dot - runfile) : strlen(runfile);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s.db", (int)stem, runfile);
    return settings_set(settings, SET_db, path, ".", SETTINGS_DEFAULT);
}

static enum err read_settings(const struct command_call *call, struct settings *settings)
{
    const char *runfile = command_argument(call, 0);
    if (runfile && command_is_database(runfile))
        return err_note(ERR_USAGE, "run file: %s: is a database; go on with it by --db %s", runfile,
                        runfile);
    enum err err = runfile ? runfile_read(runfile, settings) : OK;
    if (!err) err = options_apply(call->options, settings);
    if (!err && !settings_given(settings, SET_db)) err = default_database(settings, runfile);
    return err;
}

/* Nothing but a planned database was named: its settings count, and the flags over them. */
static enum err stored_settings(const struct command_call *call, struct job *job)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", settings_text(job->settings, SET_db));
    settings_close(&job->settings);
    enum err err = settings_open(&job->settings);
    if (!err) err = plan_settings_load(job->ledger, path, job->settings);
    if (!err) err = options_apply(call->options, job->settings);
    if (!err) err = settings_set(job->settings, SET_db, path, NULL, "--db");
    return err;
}

static enum err refuse_unplanned(const struct settings *settings)
{
    return err_note(ERR_USAGE,
                    "database: %s: nothing is planned in it; give a run file, or flags that say"
                    " what to rank",
                    settings_text(settings, SET_db));
}

/* ---- opening ----------------------------------------------------------------------------- */

static bool holds_something(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size > 0;
}

/* All input is read and checked before an empty database is made or filled. */
static enum err open_plan(struct job *job)
{
    const char *path = settings_text(job->settings, SET_db);
    enum err err = settings_finish(job->settings);
    if (!err) err = plan_open_again(job->settings, job->resumed ? job->ledger : NULL, &job->plan);
    if (!err && !job->ledger) err = ledger_open(path, &job->ledger);
    if (!err && ledger_planned(job->ledger))
        err = plan_resume(job->plan, job->ledger);
    else if (!err)
        err = plan_store(job->plan, job->ledger, command_now_ms());
    return err;
}

static enum err job_open(const struct command_call *call, struct job *job)
{
    enum err err = settings_open(&job->settings);
    if (!err) err = read_settings(call, job->settings);
    if (!err && holds_something(settings_text(job->settings, SET_db)))
        err = ledger_open(settings_text(job->settings, SET_db), &job->ledger);
    job->resumed = !err && job->ledger && ledger_planned(job->ledger);
    if (!err && !command_argument(call, 0) && !names_inputs(job->settings))
        err = job->resumed ? stored_settings(call, job) : refuse_unplanned(job->settings);
    if (!err) err = open_plan(job);
    if (!err) ledger_limit(job->ledger, (uint32_t)settings_count(job->settings, SET_attempts_max));
    return err;
}

/* A database that is named as such, with its own settings. */
static enum err job_open_stored(const struct command_call *call, struct job *job)
{
    const char *path = command_argument(call, 0);
    enum err err = command_open_ledger(call, &job->ledger);
    job->resumed = true;
    if (!err) err = settings_open(&job->settings);
    if (!err) err = plan_settings_load(job->ledger, path, job->settings);
    if (!err) err = settings_set(job->settings, SET_db, path, ".", "the command line");
    if (!err) err = open_plan(job);
    if (!err) ledger_limit(job->ledger, (uint32_t)settings_count(job->settings, SET_attempts_max));
    return err;
}

/* ---- working ----------------------------------------------------------------------------- */

static struct hub_config hub_config_of(const struct settings *settings)
{
    const uint32_t lease_ms = (uint32_t)settings_count(settings, SET_lease_s) * 1000;
    const uint32_t beat_ms = lease_ms / 4 < BEAT_MS_MAX ? lease_ms / 4 : BEAT_MS_MAX;
    return (struct hub_config){.lease_ms = lease_ms, .beat_ms = beat_ms};
}

/* The worker's program stands beside ours. */
static enum err find_worker(char path[PATH_SIZE])
{
    static const char name[] = "millrace-worker";
    const ssize_t size = readlink("/proc/self/exe", path, PATH_SIZE - sizeof name - 1);
    if (size <= 0)
        return err_note(ERR_IO, "workers: /proc/self/exe: %s; is /proc mounted?", strerror(errno));
    path[size] = 0;
    char *slash = strrchr(path, '/');
    snprintf(slash ? slash + 1 : path, sizeof name, "%s", name);
    if (access(path, X_OK) != 0)
        return err_note(ERR_IO, "workers: %s: %s; it belongs beside millrace", path,
                        strerror(errno));
    return OK;
}

/* Rows that a crash left unfolded are folded, so that a complete run needs no worker. */
static enum err fold_rest(struct job *job, bool *complete)
{
    struct ledger_counts counts;
    enum err err = ledger_begin(job->ledger);
    if (!err) err = plan_fold(job->plan, job->ledger);
    if (!err) err = ledger_commit(job->ledger);
    if (err) ledger_rollback(job->ledger);
    ledger_counts(job->ledger, &counts);
    *complete = !err && counts.unit[UNIT_DONE] == counts.total;
    return err;
}

struct failed_list {
    char text[1024];
    char first[24];
};

static enum err visit_failed(void *context, size_t columns, const char *const *names,
                             const char *const *values)
{
    struct failed_list *list = context;
    const size_t used = strlen(list->text);
    (void)columns;
    (void)names;
    if (!used) snprintf(list->first, sizeof list->first, "%s", values[0]);
    snprintf(list->text + used, sizeof list->text - used, "%s%s (%.200s)", used ? ", " : "",
             values[0], values[1] ? values[1] : "no reason given");
    return OK;
}

/* Says which units failed, and how to look into it. */
static enum err name_failed(struct job *job, uint64_t failed)
{
    struct failed_list list = {"", ""};
    const char *db = settings_text(job->settings, SET_db);
    enum err err =
        ledger_query(job->ledger, "select unit, error from failed order by unit limit ?1",
                     FAILED_NAMED, visit_failed, &list);
    if (err) return err;
    return err_note(ERR_FAILED,
                    "run: %s: %" PRIu64 " unit%s failed: %s%s; `millrace explain %s %s`"
                    " tells more, `millrace retry %s` makes them ready again",
                    db, failed, failed == 1 ? "" : "s", list.text,
                    failed > FAILED_NAMED ? ", ..." : "", db, list.first, db);
}

/* Completes the sentence of a run that did not end well. */
static enum err tell_end(struct command_call *call, struct job *job, enum err err, int stopped_by)
{
    struct ledger_counts counts;
    ledger_counts(job->ledger, &counts);
    call->signal = stopped_by;
    if (err == ERR_INTERRUPTED)
        return err_note(err,
                        "run: %s: stopped by %s with %" PRIu64 " of %" PRIu64 " units done;"
                        " go on with `millrace run --db %s`",
                        settings_text(job->settings, SET_db),
                        stopped_by == SIGTERM ? "SIGTERM" : "SIGINT", counts.unit[UNIT_DONE],
                        counts.total, settings_text(job->settings, SET_db));
    if (err == ERR_FAILED && counts.unit[UNIT_FAILED] > 0)
        return name_failed(job, counts.unit[UNIT_FAILED]);
    return err;
}

/* Adds what this serving took to what the run has taken so far: `wall_s` and `peak_bytes`. */
static enum err note_cost(struct job *job, const struct serve_report *report)
{
    char wall[32] = "0", peak[32] = "0";
    enum err err = ledger_begin(job->ledger);
    if (!err) err = ledger_get(job->ledger, "wall_s", wall, sizeof wall);
    if (!err || err == ERR_NONE) err = ledger_get(job->ledger, "peak_bytes", peak, sizeof peak);
    if (err == ERR_NONE) err = OK;
    const uint64_t peak_before = strtoull(peak, NULL, 10);
    snprintf(wall, sizeof wall, "%.3f", strtod(wall, NULL) + report->wall_s);
    snprintf(peak, sizeof peak, "%" PRIu64,
             peak_before > report->peak_pss_bytes ? peak_before : report->peak_pss_bytes);
    if (!err) err = ledger_set(job->ledger, "wall_s", wall);
    if (!err && report->peak_pss_bytes) err = ledger_set(job->ledger, "peak_bytes", peak);
    if (!err) err = ledger_commit(job->ledger);
    if (err) ledger_rollback(job->ledger);
    return err;
}

static enum err serve(struct command_call *call, struct job *job, struct serve_config *config)
{
    struct serve_report report = {0};
    bool complete = false;
    config->hub = hub_config_of(job->settings);
    config->quiet = command_given(call, "quiet");
    enum err err = fold_rest(job, &complete);
    if (err || complete) return err;
    err = serve_run(job->plan, job->ledger, config, &report);
    const bool database_failed = err == ERR_IO || err == ERR_FULL;
    const enum err noted = database_failed ? OK : note_cost(job, &report);
    return err ? tell_end(call, job, err, report.signal) : noted;
}

/* From the writer's own connection: a reader would leave its files beside the database. */
static enum err report(const struct command_call *call, const struct job *job)
{
    const struct settings *settings = job->settings;
    uint64_t hits[SETTINGS_COUNTS_MAX];
    const struct report_config config = {
        .format = command_given(call, "json") ? REPORT_JSON : REPORT_TABLE,
        .by = settings_choices(settings, SET_by),
        .hits = hits,
        .hits_count = settings_counts(settings, SET_hits, hits, SETTINGS_COUNTS_MAX),
        .out = stdout,
    };
    ledger_trim(job->ledger);
    return report_write(job->ledger, &config);
}

/* ---- commands ---------------------------------------------------------------------------- */

enum err command_run(struct command_call *call)
{
    struct job job = {0};
    char worker[PATH_SIZE];
    enum err err = find_worker(worker);
    if (!err) err = job_open(call, &job);
    if (!err) {
        struct serve_config config = {
            .worker_path = worker,
            .workers = (uint32_t)settings_count(job.settings, SET_workers),
            .threads = processors_share(settings_count(job.settings, SET_threads),
                                        settings_count(job.settings, SET_workers)),
            .lanes = (uint32_t)settings_count(job.settings, SET_lanes),
            .fast_pass = settings_text(job.settings, SET_fast_pass),
        };
        err = serve(call, &job, &config);
    }
    if (!err) err = report(call, &job);
    job_close(&job);
    return err;
}

enum err command_plan(struct command_call *call)
{
    struct job job = {0};
    enum err err = job_open(call, &job);
    if (!err) {
        printf("database    %s%s\n", settings_text(job.settings, SET_db),
               job.resumed ? " (planned before)" : "");
        plan_print(job.plan);
    }
    job_close(&job);
    return err;
}

/* Without keys, only a socket of this machine is safe to listen on. */
static enum err check_bind(const char *bind)
{
    if (!bind) return err_note(ERR_USAGE, "serve: --bind is missing; give ipc:///PATH");
    if (strncmp(bind, "tcp://", 6) == 0)
        return err_note(ERR_USAGE,
                        "serve: %s: tcp:// needs encryption with keys, which this version"
                        " does not have; use ipc:///PATH",
                        bind);
    if (strncmp(bind, "ipc:///", 7) != 0 || !bind[7])
        return err_note(ERR_USAGE, "serve: %s: is no endpoint; use ipc:///PATH", bind);
    return OK;
}

enum err command_serve(struct command_call *call)
{
    struct job job = {0};
    char endpoint_file[PATH_SIZE + 16];
    struct serve_config config = {.bind = command_value(call, "bind")};
    enum err err = check_bind(config.bind);
    if (!err) err = job_open_stored(call, &job);
    if (!err) {
        snprintf(endpoint_file, sizeof endpoint_file, "%s.endpoint",
                 settings_text(job.settings, SET_db));
        config.endpoint_file = endpoint_file;
        err = serve(call, &job, &config);
    }
    job_close(&job);
    return err;
}
