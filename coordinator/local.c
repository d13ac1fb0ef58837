/* local - children, one slot each. */
#include "coordinator/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_MS = 100,
    ARGUMENTS_MAX = 16,
    NUMBER_BYTES = 24,
    DEATH_BYTES = 128,
    NEWS_BYTES = 384,
    CANNOT_RUN = 127, /* what a shell gives for a program that cannot be run */
};

/* A worker to keep running: given up for good, or due at due_ms, or running as pid. */
struct child {
    pid_t pid; /* 0: does not run */
    bool over;
    bool asked;            /* for work, since it was started */
    uint32_t deaths;       /* in a row, without a result between them */
    uint32_t early_deaths; /* in a row, before it asked */
    int64_t due_ms;
    uint64_t peer; /* of its connection; UINT64_MAX before its HELLO */
};

struct local {
    uint32_t workers, troubled; /* children; of them with deaths */
    char threads[NUMBER_BYTES], lanes[NUMBER_BYTES];
    char last_death[DEATH_BYTES], news[NEWS_BYTES];
    const char *arguments[ARGUMENTS_MAX]; /* ended by NULL; borrowed, or the texts above */
    char *texts[3];                       /* copies that are ours */
    struct child child[];
};

enum err local_open(const struct local_config *config, struct local **out)
{
    struct local *local = calloc(1, sizeof *local + config->workers * sizeof local->child[0]);
    *out = local;
    if (!local) return err_note(ERR_MEMORY, "workers: no memory");
    local->workers = config->workers;
    for (uint32_t i = 0; i < local->workers; i++) local->child[i].peer = UINT64_MAX;
    local->texts[0] = strdup(config->worker_path);
    local->texts[1] = strdup(config->endpoint);
    local->texts[2] = strdup(config->fast_pass ? config->fast_pass : "");
    snprintf(local->threads, sizeof local->threads, "%u", config->threads);
    snprintf(local->lanes, sizeof local->lanes, "%u", config->lanes);

    const char *const arguments[] = {
        local->texts[0], "--connect", local->texts[1], "--threads",
        local->threads,  "--lanes",   local->lanes,    config->fast_pass ? "--fast-pass" : NULL,
        local->texts[2], NULL};
    memcpy(local->arguments, arguments, sizeof arguments);
    if (local->texts[0] && local->texts[1] && local->texts[2]) return OK;
    local_close(out);
    return err_note(ERR_MEMORY, "workers: no memory");
}

/* ---- starting -------------------------------------------------------------------------------- */

/* In the child, between fork and exec. What the parent blocked must not be inherited. */
_Noreturn static void become_worker(const struct local *local, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0); /* it died before the line above */
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);                      /* stdout is for the run's results */
    char **arguments = (char **)(uintptr_t)local->arguments; /* execv promises not to write them */
    execv(local->arguments[0], arguments);
    _exit(CANNOT_RUN);
}

static enum err start(struct local *local, struct child *child)
{
    if (access(local->arguments[0], X_OK) != 0)
        return err_note(ERR_IO, "worker: %s: %s", local->arguments[0], strerror(errno));
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return err_note(ERR_IO, "worker: cannot be started: %s", strerror(errno));
    if (pid == 0) become_worker(local, parent);
    child->pid = pid;
    child->peer = UINT64_MAX;
    child->asked = false;
    return OK;
}

enum err local_start(struct local *local, int64_t now_ms, int64_t *deadline_ms)
{
    enum err err = OK;
    *deadline_ms = INT64_MAX;
    for (uint32_t i = 0; !err && i < local->workers; i++) {
        struct child *child = &local->child[i];
        if (child->pid || child->over) continue;
        if (child->due_ms <= now_ms)
            err = start(local, child);
        else if (child->due_ms < *deadline_ms)
            *deadline_ms = child->due_ms;
    }
    return err;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void describe(int status, char *how, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(how, size, "killed by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status))
        snprintf(how, size, "exit code %d", WEXITSTATUS(status));
    else
        snprintf(how, size, "%s", "");
}

/* Ended by itself, with an error that would come again: usage, input, or a resource. */
static bool own_error(int status)
{
    return WIFEXITED(status) && ((WEXITSTATUS(status) >= 2 && WEXITSTATUS(status) <= 4) ||
                                 WEXITSTATUS(status) == CANNOT_RUN);
}

/* What follows on a death, as the rest of a sentence. */
static void describe_next(const struct child *child, int status, int64_t pause_ms, char *text,
                          size_t size)
{
    if (own_error(status))
        snprintf(text, size, "giving it up, for another would end like it");
    else if (child->deaths >= LOCAL_DEATHS_MAX)
        snprintf(text, size, "giving it up after %u deaths without a result", child->deaths);
    else if (child->over)
        snprintf(text, size, "giving it up after %u deaths before it asked for work",
                 child->early_deaths);
    else if (pause_ms)
        snprintf(text, size, "starting another in %.1f s", (double)pause_ms / 1000);
    else
        snprintf(text, size, "starting another");
}

static void note_death(struct local *local, struct child *child, uint64_t pid, int status,
                       int64_t now_ms)
{
    const bool was_over = child->over; /* retired */
    char how[DEATH_BYTES / 2], next[DEATH_BYTES];
    describe(status, how, sizeof how);
    snprintf(local->last_death, sizeof local->last_death, "%s %s",
             WIFSIGNALED(status) ? "was" : "ended with", how);
    local->troubled += child->deaths == 0;
    child->deaths++;
    child->early_deaths = child->asked ? 0 : child->early_deaths + 1;
    if (own_error(status) || child->deaths >= LOCAL_DEATHS_MAX ||
        child->early_deaths >= LOCAL_EARLY_DEATHS_MAX)
        child->over = true;
    int64_t pause_ms = child->deaths > 1 ? PAUSE_FIRST_MS : 0;
    for (uint32_t i = 2; i < child->deaths && pause_ms < LOCAL_PAUSE_MAX_MS; i++) pause_ms *= 2;
    if (pause_ms > LOCAL_PAUSE_MAX_MS) pause_ms = LOCAL_PAUSE_MAX_MS;
    child->due_ms = now_ms + pause_ms;

    describe_next(child, status, pause_ms, next, sizeof next);
    snprintf(local->news, sizeof local->news, "worker %td (pid %" PRIu64 ") %s%s%s",
             child - local->child + 1, pid, local->last_death, was_over ? "" : "; ",
             was_over ? "" : next);
}

static struct child *find_pid(struct local *local, uint64_t pid)
{
    for (uint32_t i = 0; i < local->workers; i++)
        if (pid && (uint64_t)local->child[i].pid == pid) return &local->child[i];
    return NULL;
}

/* Children are asked for one by one: the process may have others, which are not ours to reap. */
enum err local_reap(struct local *local, int64_t now_ms, uint64_t *pid, char *how, size_t size)
{
    for (uint32_t i = 0; i < local->workers; i++) {
        struct child *child = &local->child[i];
        int status;
        if (!child->pid || waitpid(child->pid, &status, WNOHANG) != child->pid) continue;
        *pid = (uint64_t)child->pid;
        child->pid = 0;
        describe(status, how, size);
        if (*how)
            note_death(local, child, *pid, status, now_ms);
        else
            child->over = true;
        return OK;
    }
    *pid = 0;
    return ERR_NONE;
}

void local_greets(struct local *local, uint64_t pid, uint64_t peer)
{
    struct child *child = find_pid(local, pid);
    if (child) child->peer = peer;
}

void local_asks(struct local *local, uint64_t peer)
{
    for (uint32_t i = 0; i < local->workers; i++)
        if (local->child[i].peer == peer) local->child[i].asked = true;
}

void local_thrives(struct local *local, uint64_t peer)
{
    for (uint32_t i = 0; local->troubled && i < local->workers; i++) {
        struct child *child = &local->child[i];
        if (child->peer != peer || !child->pid || !child->deaths) continue;
        child->deaths = 0;
        local->troubled--;
    }
}

uint64_t local_alive(const struct local *local)
{
    uint64_t alive = 0;
    for (uint32_t i = 0; i < local->workers; i++)
        alive += local->child[i].pid || !local->child[i].over;
    return alive;
}

uint64_t local_running(const struct local *local)
{
    uint64_t running = 0;
    for (uint32_t i = 0; i < local->workers; i++) running += local->child[i].pid != 0;
    return running;
}

uint64_t local_pid(const struct local *local, uint32_t number)
{
    check(number < local->workers);
    return (uint64_t)local->child[number].pid;
}

const char *local_last_death(const struct local *local)
{
    return local->last_death;
}

const char *local_news(const struct local *local)
{
    return local->news;
}

void local_retire(struct local *local)
{
    for (uint32_t i = 0; i < local->workers; i++) local->child[i].over = true;
}

static void signal_all(struct local *local, int signal)
{
    local_retire(local);
    for (uint32_t i = 0; i < local->workers; i++)
        if (local->child[i].pid) kill(local->child[i].pid, signal);
}

void local_kill(struct local *local)
{
    signal_all(local, SIGKILL);
}

/* Reaps what ends within the grace, woken by SIGCHLD, which the caller may have blocked or not. */
static void wait_for_all(struct local *local, int64_t grace_ms)
{
    sigset_t child_ended, before;
    struct timespec start, now;
    char how[DEATH_BYTES];
    uint64_t pid;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t left_ms = grace_ms; left_ms > 0;) {
        while (local_reap(local, 0, &pid, how, sizeof how) == OK) continue;
        if (!local_running(local)) break;
        const struct timespec wait = {left_ms / 1000, left_ms % 1000 * 1000000};
        sigtimedwait(&child_ended, NULL, &wait);
        clock_gettime(CLOCK_MONOTONIC, &now);
        left_ms =
            grace_ms - (now.tv_sec - start.tv_sec) * 1000 - (now.tv_nsec - start.tv_nsec) / 1000000;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void local_close(struct local **local)
{
    struct local *old = *local;
    if (!old) return;
    *local = NULL;
    if (local_running(old)) {
        signal_all(old, SIGTERM);
        wait_for_all(old, LOCAL_GRACE_MS);
        signal_all(old, SIGKILL);
        wait_for_all(old, LOCAL_GRACE_MS); /* a killed process ends, unless the kernel is stuck */
    }
    for (size_t i = 0; i < sizeof old->texts / sizeof old->texts[0]; i++) free(old->texts[i]);
    free(old);
}
