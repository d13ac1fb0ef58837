/* Tests of serve: whole runs of a fake plan with real workers, which are this program started
 * again with a worker's arguments. */
#include "coordinator/serve.h"

#include "tests/fake_plan.h"
#include "tests/test.h"
#include "tests/toy_program.h"
#include "worker/worker_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { UNITS = 300, SHOWN_BYTES = 16384 };

/* In the environment: what makes a worker of ours odd. */
#define SILENT_ONCE "SILENT_ONCE" /* a file that is not there yet: who makes it falls silent */
#define INSISTING "INSISTING" /* sends its parent SIGINT again and again from its first unit on */

struct run {
    struct settings *settings;
    struct plan *plan;
    struct ledger *ledger;
    struct serve_config config;
    struct serve_report report;
};

static char folder[64]; /* where sockets are made */

static const char *const ends[] = {TOY_FAILING, TOY_SPOILT,  TOY_ENDLESS, TOY_DEADLY,
                                   TOY_CALLING, SILENT_ONCE, INSISTING};

static int setup(void **state)
{
    struct run *run = *state = calloc(1, sizeof *run);
    snprintf(folder, sizeof folder, "/tmp/test_serve-XXXXXX");
    if (!run || !mkdtemp(folder)) return -1;
    unsetenv("XDG_RUNTIME_DIR");
    setenv("TMPDIR", folder, 1);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) unsetenv(ends[i]);
    run->config = (struct serve_config){.worker_path = "/proc/self/exe",
                                        .workers = 2,
                                        .threads = 1,
                                        .fast_pass = "none",
                                        .hub = {.lease_ms = 20000, .beat_ms = 2000},
                                        .quiet = true};
    enum err err = settings_open(&run->settings);
    if (!err) err = ledger_open(":memory:", &run->ledger);
    if (!err) err = fake_plan_open(run->settings, run->ledger, UNITS, 1, &run->plan);
    return err != OK;
}

static int teardown(void **state)
{
    struct run *run = *state;
    plan_close(&run->plan);
    ledger_close(&run->ledger);
    settings_close(&run->settings);
    free(run);
    return rmdir(folder); /* fails, and so the test, if a socket was left */
}

static enum err serve(struct run *run)
{
    return serve_run(run->plan, run->ledger, &run->config, &run->report);
}

static uint64_t units(const struct run *run, enum unit_state state)
{
    struct ledger_counts counts;
    ledger_counts(run->ledger, &counts);
    return counts.unit[state];
}

static void note_has(const char *words)
{
    if (!strstr(err_text(), words)) print_error("note: %s\n", err_text());
    assert_non_null(strstr(err_text(), words));
}

/* As if the signal came while the run starts. */
static void send_oneself(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(signal);
}

static void a_run_is_completed_by_its_workers(void **state)
{
    struct run *run = *state;
    expect(OK, serve(run));
    assert_int_equal(units(run, UNIT_DONE), UNITS);
    assert_int_equal(run->report.signal, 0);
    assert_true(run->report.peak_pss_bytes > 0);
    assert_true(run->report.wall_s > 0);
}

static void a_failing_unit_is_set_aside_and_the_rest_is_done(void **state)
{
    struct run *run = *state;
    setenv(TOY_FAILING, "7", 1);
    expect(ERR_FAILED, serve(run));
    note_has("1 of 300 units failed");
    assert_int_equal(ledger_state(run->ledger, 7), UNIT_FAILED);
    assert_int_equal(units(run, UNIT_DONE), UNITS - 1);
}

static void a_unit_that_kills_workers_is_set_aside_and_the_rest_is_done(void **state)
{
    struct run *run = *state;
    setenv(TOY_DEADLY, "7", 1);
    run->config.workers = 1;
    run->config.hub.beat_ms = 15000; /* its silence would tell only after minutes */
    expect(ERR_FAILED, serve(run));
    assert_int_equal(ledger_state(run->ledger, 7), UNIT_FAILED);
    assert_int_equal(units(run, UNIT_DONE), UNITS - 1);
}

static void a_spoilt_input_ends_the_run(void **state)
{
    struct run *run = *state;
    setenv(TOY_SPOILT, "7", 1);
    expect(ERR_FAILED, serve(run));
    note_has("toy: the input is spoilt");
}

static void without_a_worker_left_the_run_ends(void **state)
{
    struct run *run = *state;
    run->config.worker_path = "/bin/false";
    run->config.workers = 1;
    expect(ERR_FAILED, serve(run));
    note_has("no worker is left: the last one ended with exit code 1; ");
}

static void a_missing_worker_program_is_named(void **state)
{
    struct run *run = *state;
    run->config.worker_path = "/nowhere/millrace-worker";
    expect(ERR_IO, serve(run));
    note_has("/nowhere/millrace-worker");
}

static void a_signal_drains_and_the_run_can_be_resumed(void **state)
{
    struct run *run = *state;
    send_oneself(SIGTERM);
    expect(ERR_INTERRUPTED, serve(run));
    assert_int_equal(run->report.signal, SIGTERM);
    assert_int_equal(units(run, UNIT_LEASED), 0);
    assert_true(units(run, UNIT_DONE) < UNITS);
    expect(OK, serve(run));
    assert_int_equal(units(run, UNIT_DONE), UNITS);
}

static void a_second_signal_stops_at_once(void **state)
{
    struct run *run = *state;
    setenv(TOY_ENDLESS, "0", 1);
    setenv(TOY_CALLING, "0", 1);
    expect(ERR_INTERRUPTED, serve(run));
}

static void the_same_signal_within_half_a_second_is_no_second_one(void **state)
{
    struct run *run = *state;
    setenv(TOY_ENDLESS, "0", 1);
    setenv(INSISTING, "1", 1);
    expect(ERR_INTERRUPTED, serve(run));
    assert_int_equal(run->report.signal, SIGINT);
    assert_true(run->report.wall_s >= 0.5);
}

/* serve, with what it says on stderr. */
static enum err serve_aloud(struct run *run, char text[SHOWN_BYTES])
{
    FILE *shown = tmpfile();
    const int before = dup(STDERR_FILENO);
    assert_true(shown && before >= 0 && dup2(fileno(shown), STDERR_FILENO) >= 0);
    const enum err err = serve(run);
    fflush(stderr);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    rewind(shown);
    text[fread(text, 1, SHOWN_BYTES - 1, shown)] = 0;
    fclose(shown);
    return err;
}

static void deaths_are_told_to_who_wants_progress(void **state)
{
    struct run *run = *state;
    char text[SHOWN_BYTES];
    run->config.worker_path = "/bin/false";
    run->config.workers = 1;
    run->config.quiet = false;
    expect(ERR_FAILED, serve_aloud(run, text));
    assert_non_null(strstr(text, "millrace: worker 1 (pid "));
    assert_non_null(strstr(text, ") ended with exit code 1; starting another\n"));
    assert_non_null(strstr(text, "; giving it up after 5 deaths before it asked for work\n"));
    run->config.quiet = true;
    expect(ERR_FAILED, serve_aloud(run, text));
    assert_string_equal(text, "");
}

static void silence_is_told_to_who_wants_progress(void **state)
{
    struct run *run = *state;
    char text[SHOWN_BYTES], file[128];
    snprintf(file, sizeof file, "%s/silent", folder);
    setenv(SILENT_ONCE, file, 1);
    run->config.hub.beat_ms = 200;
    run->config.quiet = false;
    expect(OK, serve_aloud(run, text));
    assert_int_equal(unlink(file), 0);
    assert_non_null(strstr(text, ") has fallen silent and is taken for gone\n"));
    assert_null(strstr(strstr(text, "fallen silent") + 1, "fallen silent"));
}

static void a_served_run_says_that_it_is_done(void **state)
{
    struct run *run = *state;
    char text[SHOWN_BYTES], file[128];
    snprintf(file, sizeof file, "%s/endpoint", folder);
    run->config.endpoint_file = file;
    expect(OK, serve_aloud(run, text));
    assert_null(strstr(text, "done: every unit"));
    run->config.quiet = false;
    expect(OK, serve_aloud(run, text));
    assert_non_null(strstr(text, "millrace: done: every unit; `millrace report DB`"));
}

static void the_bound_address_is_told_in_a_file(void **state)
{
    struct run *run = *state;
    char bind[128], file[128];
    struct stat status;
    snprintf(bind, sizeof bind, "ipc://%s/socket", folder);
    snprintf(file, sizeof file, "%s/endpoint", folder);
    run->config.bind = bind;
    run->config.endpoint_file = file;
    expect(OK, serve(run));
    assert_int_equal(stat(file, &status), -1); /* removed at the end, and so is the socket */
}

static void an_address_that_cannot_be_bound_is_an_error(void **state)
{
    struct run *run = *state;
    run->config.bind = "ipc:///nowhere/socket";
    expect(ERR_IO, serve(run));
    note_has("ipc:///nowhere/socket");
    run->config.bind = "tcp://127.0.0.1:*";
    expect(ERR_USAGE, serve(run));
}

static void the_folder_of_a_killed_predecessor_is_swept(void **state)
{
    struct run *run = *state;
    char left[128];
    struct stat status;
    snprintf(left, sizeof left, "%s/millrace-killed", folder);
    assert_int_equal(mkdir(left, 0700), 0);
    expect(OK, ledger_begin(run->ledger));
    expect(OK, ledger_set(run->ledger, "socket_folder", left));
    expect(OK, ledger_commit(run->ledger));
    expect(OK, serve(run));
    assert_int_equal(stat(left, &status), -1);
}

/* The worker that first loads a unit ends without a word, as if all were well. */
static enum err load_or_leave(void *state, uint64_t unit)
{
    const char *file = getenv(SILENT_ONCE);
    if (file && open(file, O_CREAT | O_EXCL, 0600) >= 0) _exit(0);
    return toy_load(state, unit);
}

static enum err advance_or_insist(void *state)
{
    static int64_t due_ms;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (getenv(INSISTING) && now_ms >= due_ms) {
        due_ms = now_ms + 20; /* so that each is one of its own */
        kill(getppid(), SIGINT);
    }
    return toy_advance(state);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        static struct program program;
        program = toy_program;
        program.load = load_or_leave;
        program.advance = advance_or_insist;
        program_register(&program, 1);
        return worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        test_case(a_run_is_completed_by_its_workers),
        test_case(a_failing_unit_is_set_aside_and_the_rest_is_done),
        test_case(a_unit_that_kills_workers_is_set_aside_and_the_rest_is_done),
        test_case(a_spoilt_input_ends_the_run),
        test_case(without_a_worker_left_the_run_ends),
        test_case(a_missing_worker_program_is_named),
        test_case(a_signal_drains_and_the_run_can_be_resumed),
        test_case(a_second_signal_stops_at_once),
        test_case(the_same_signal_within_half_a_second_is_no_second_one),
        test_case(deaths_are_told_to_who_wants_progress),
        test_case(silence_is_told_to_who_wants_progress),
        test_case(a_served_run_says_that_it_is_done),
        test_case(the_bound_address_is_told_in_a_file),
        test_case(an_address_that_cannot_be_bound_is_an_error),
        test_case(the_folder_of_a_killed_predecessor_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
