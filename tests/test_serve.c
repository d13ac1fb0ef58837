/* Tests of serve: whole runs of a fake plan with real workers, which are this program started
 * again with a worker's arguments. */
#include "coordinator/serve.h"

#include "tests/fake_plan.h"
#include "tests/test.h"
#include "tests/toy_program.h"
#include "worker/worker_main.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { UNITS = 300 };

struct run {
    struct settings *settings;
    struct plan *plan;
    struct ledger *ledger;
    struct serve_config config;
    struct serve_report report;
};

static char folder[64]; /* where sockets are made */

static const char *const ends[] = {TOY_FAILING, TOY_SPOILT, TOY_ENDLESS, TOY_DEADLY, TOY_CALLING};

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
    note_has("no worker is left: the last one ended with exit code 1");
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

int main(int argc, char **argv)
{
    if (argc > 1) {
        program_register(&toy_program, 1);
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
        test_case(the_bound_address_is_told_in_a_file),
        test_case(an_address_that_cannot_be_bound_is_an_error),
        test_case(the_folder_of_a_killed_predecessor_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
