/* Tests of local: children that end in every way, with a clock that the tests set. A shell script
 * takes the worker's place. */
#include "coordinator/local.h"
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HOW_BYTES = 128 };

static char folder[64], script[128];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_local-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(script, sizeof script, "%s/worker", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(script);
    return rmdir(folder);
}

static struct local *open_program(uint32_t workers, const char *path)
{
    const struct local_config config = {.worker_path = path,
                                        .endpoint = "ipc:///nowhere",
                                        .workers = workers,
                                        .threads = 3,
                                        .lanes = 7,
                                        .fast_pass = "none"};
    struct local *local;
    expect(OK, local_open(&config, &local));
    return local;
}

static struct local *open_workers(uint32_t workers, const char *what)
{
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\n%s\n", what) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(script, 0700), 0);
    return open_program(workers, script);
}

/* Waits until a child ended, without reaping it; then local_reap. */
static enum err reap(struct local *local, int64_t now_ms, uint64_t *pid, char how[HOW_BYTES])
{
    siginfo_t info;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    return local_reap(local, now_ms, pid, how, HOW_BYTES);
}

static int64_t start(struct local *local, int64_t now_ms)
{
    int64_t deadline_ms;
    expect(OK, local_start(local, now_ms, &deadline_ms));
    return deadline_ms;
}

static void every_worker_is_started_with_its_arguments(void **state)
{
    (void)state;
    struct local *local = open_workers(
        2, "test \"$*\" = '--connect ipc:///nowhere --threads 3 --lanes 7 --fast-pass none'");
    char how[HOW_BYTES];
    uint64_t pid;
    assert_int_equal(start(local, 0), INT64_MAX);
    assert_int_equal(local_running(local), 2);
    assert_true(local_pid(local, 0) && local_pid(local, 1));
    for (int i = 0; i < 2; i++) {
        expect(OK, reap(local, 0, &pid, how));
        assert_string_equal(how, "");
    }
    expect(ERR_NONE, local_reap(local, 0, &pid, how, sizeof how));
    assert_int_equal(pid, 0);
    local_close(&local);
}

static void a_planned_end_is_not_undone(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 0");
    char how[HOW_BYTES];
    uint64_t pid;
    (void)start(local, 0);
    expect(OK, reap(local, 0, &pid, how));
    assert_int_equal(start(local, 1000000), INT64_MAX);
    assert_int_equal(local_alive(local), 0);
    assert_string_equal(local_last_death(local), "");
    local_close(&local);
}

static void a_worker_that_dies_is_started_again_after_longer_and_longer_pauses(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "kill -9 $$");
    const int64_t pauses_ms[LOCAL_EARLY_DEATHS_MAX - 1] = {0, 100, 200, 400};
    char how[HOW_BYTES];
    uint64_t pid;
    int64_t now_ms = 50;
    (void)start(local, now_ms);
    for (int i = 0; i < LOCAL_EARLY_DEATHS_MAX - 1; i++) {
        expect(OK, reap(local, now_ms, &pid, how));
        assert_string_equal(how, "killed by signal 9");
        assert_int_equal(local_alive(local), 1);
        if (pauses_ms[i]) assert_int_equal(start(local, now_ms), now_ms + pauses_ms[i]);
        assert_int_equal(local_running(local), 0);
        now_ms += pauses_ms[i];
        assert_int_equal(start(local, now_ms), INT64_MAX);
        assert_int_equal(local_running(local), 1);
    }
    expect(OK, reap(local, now_ms, &pid, how));
    assert_int_equal(local_alive(local), 0);
    assert_int_equal(start(local, now_ms + 1000000), INT64_MAX);
    assert_string_equal(local_last_death(local), "was killed by signal 9");
    local_close(&local);
}

static void a_result_makes_deaths_forgotten(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 1");
    char how[HOW_BYTES];
    uint64_t pid;
    for (int i = 0; i < 3 * LOCAL_DEATHS_MAX; i++) {
        (void)start(local, i * 1000000);
        assert_int_equal(local_running(local), 1);
        local_greets(local, local_pid(local, 0), 77);
        local_asks(local, 77);
        local_thrives(local, 77);
        expect(OK, reap(local, i * 1000000, &pid, how));
        assert_string_equal(how, "exit code 1");
    }
    assert_int_equal(local_alive(local), 1);
    local_close(&local);
}

static void a_worker_that_dies_at_work_may_do_so_more_often(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 1");
    char how[HOW_BYTES];
    uint64_t pid;
    for (int i = 0; i < LOCAL_DEATHS_MAX; i++) {
        assert_int_equal(local_alive(local), 1);
        (void)start(local, i * 1000000);
        local_greets(local, local_pid(local, 0), 77);
        local_asks(local, 77);
        expect(OK, reap(local, i * 1000000, &pid, how));
    }
    assert_int_equal(local_alive(local), 0);
    local_close(&local);
}

static void a_worker_that_asked_once_is_given_up_when_it_cannot_start_any_more(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 1");
    char how[HOW_BYTES];
    uint64_t pid;
    for (int i = 0; i <= LOCAL_EARLY_DEATHS_MAX; i++) {
        assert_int_equal(local_alive(local), 1);
        (void)start(local, i * 1000000);
        local_greets(local, local_pid(local, 0), 77);
        if (i == 0) local_asks(local, 77);
        expect(OK, reap(local, i * 1000000, &pid, how));
    }
    assert_int_equal(local_alive(local), 0);
    local_close(&local);
}

static void another_peers_result_makes_nothing_forgotten(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 1");
    char how[HOW_BYTES];
    uint64_t pid;
    for (int i = 0; i < LOCAL_EARLY_DEATHS_MAX; i++) {
        (void)start(local, i * 1000000);
        local_greets(local, local_pid(local, 0) + 1, 77);
        local_asks(local, 77);
        local_thrives(local, 77);
        expect(OK, reap(local, i * 1000000, &pid, how));
    }
    assert_int_equal(local_alive(local), 0);
    local_close(&local);
}

static void an_error_of_its_own_is_not_tried_again(void **state)
{
    (void)state;
    const char *const ends[] = {"exit 2", "exit 3", "exit 4"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct local *local = open_workers(1, ends[i]);
        char how[HOW_BYTES];
        uint64_t pid;
        (void)start(local, 0);
        expect(OK, reap(local, 0, &pid, how));
        assert_int_equal(local_alive(local), 0);
        local_close(&local);
    }
}

/* The news of `deaths` deaths in a row; the last one's is left in `news`. */
static void die(struct local *local, int deaths, bool at_work, char news[256])
{
    char how[HOW_BYTES], start_of_news[64];
    uint64_t pid;
    for (int i = 0; i < deaths; i++) {
        (void)start(local, i * 1000000);
        local_greets(local, local_pid(local, 0), 77);
        if (at_work) local_asks(local, 77);
        expect(OK, reap(local, i * 1000000, &pid, how));
        snprintf(start_of_news, sizeof start_of_news, "worker 1 (pid %llu) ",
                 (unsigned long long)pid);
        assert_memory_equal(local_news(local), start_of_news, strlen(start_of_news));
        snprintf(news, 256, "%s", local_news(local) + strlen(start_of_news));
    }
}

static void each_death_is_news_with_what_follows(void **state)
{
    (void)state;
    const struct {
        const char *script;
        int deaths;
        bool at_work;
        const char *news;
    } cases[] = {
        {"kill -9 $$", 1, false, "was killed by signal 9; starting another"},
        {"exit 1", 2, false, "ended with exit code 1; starting another in 0.1 s"},
        {"exit 1", LOCAL_DEATHS_MAX - 1, true, "ended with exit code 1; starting another in 5.0 s"},
        {"exit 1", LOCAL_EARLY_DEATHS_MAX, false,
         "ended with exit code 1; giving it up after 5 deaths before it asked for work"},
        {"kill -9 $$", LOCAL_DEATHS_MAX, true,
         "was killed by signal 9; giving it up after 20 deaths without a result"},
        {"exit 2", 1, false, "ended with exit code 2; giving it up, for another would end like it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct local *local = open_workers(1, cases[i].script);
        char news[256];
        die(local, cases[i].deaths, cases[i].at_work, news);
        assert_string_equal(news, cases[i].news);
        local_close(&local);
    }
}

static void after_retirement_none_is_started_again(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 1");
    char how[HOW_BYTES];
    uint64_t pid;
    (void)start(local, 0);
    local_retire(local);
    assert_int_equal(local_alive(local), 1);
    expect(OK, reap(local, 0, &pid, how));
    assert_int_equal(local_alive(local), 0);
    assert_int_equal(start(local, 1000000), INT64_MAX);
    assert_null(strstr(local_news(local), "starting"));
    assert_non_null(strstr(local_news(local), "ended with exit code 1"));
    local_close(&local);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exit 0");
    int64_t deadline_ms;
    unlink(script);
    expect(ERR_IO, local_start(local, 0, &deadline_ms));
    local_close(&local);
}

static void children_are_stopped_at_the_end(void **state)
{
    (void)state;
    struct local *local = open_workers(2, "exec sleep 1000");
    (void)start(local, 0);
    const uint64_t first = local_pid(local, 0);
    local_close(&local);
    assert_int_equal(kill((pid_t)first, 0), -1);
    assert_null(local);
}

static void a_killed_lot_is_not_started_again(void **state)
{
    (void)state;
    struct local *local = open_workers(1, "exec sleep 1000");
    char how[HOW_BYTES];
    uint64_t pid;
    (void)start(local, 0);
    local_kill(local);
    expect(OK, reap(local, 0, &pid, how));
    assert_string_equal(how, "killed by signal 9");
    assert_int_equal(local_alive(local), 0);
    local_close(&local);
}

/* What this program does as a worker: a shell would clear the mask by itself. */
static int look_at_oneself(void)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) || getpgrp() != getpid();
}

static void children_have_no_signals_blocked_and_a_group_of_their_own(void **state)
{
    (void)state;
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    struct local *local = open_program(1, "/proc/self/exe");
    char how[HOW_BYTES];
    uint64_t pid;
    sigprocmask(SIG_BLOCK, &ours, &before);
    (void)start(local, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    expect(OK, reap(local, 0, &pid, how));
    assert_string_equal(how, "");
    local_close(&local);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) return look_at_oneself();
    const struct CMUnitTest tests[] = {
        test_case(every_worker_is_started_with_its_arguments),
        test_case(a_planned_end_is_not_undone),
        test_case(a_worker_that_dies_is_started_again_after_longer_and_longer_pauses),
        test_case(a_result_makes_deaths_forgotten),
        test_case(a_worker_that_dies_at_work_may_do_so_more_often),
        test_case(a_worker_that_asked_once_is_given_up_when_it_cannot_start_any_more),
        test_case(another_peers_result_makes_nothing_forgotten),
        test_case(an_error_of_its_own_is_not_tried_again),
        test_case(each_death_is_news_with_what_follows),
        test_case(after_retirement_none_is_started_again),
        test_case(a_program_that_is_not_there_is_an_error),
        test_case(children_are_stopped_at_the_end),
        test_case(a_killed_lot_is_not_started_again),
        test_case(children_have_no_signals_blocked_and_a_group_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
