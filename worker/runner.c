/* One thread and two queues. Leases are fetched and results handed over in batches, since waking
 * a thread costs more than a small unit. */
#include "worker/runner.h"

#include "common/processors.h"
#include "common/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Results wait so long for company, at most one step longer. */
enum { BATCH_US = 200 };

struct lease {
    uint64_t unit, attempt;
};

struct leases {
    struct lease *at; /* [room], those from `first` on are waiting */
    size_t first, count, room;
};

struct outcome {
    struct lease lease;
    enum err err;
    char *reason; /* when err; may be NULL */
    uint8_t *bytes;
    size_t size;
    struct program_work work;
    uint64_t busy_us;
};

struct outcomes {
    struct outcome *at;
    size_t first, count, room;
};

struct runner {
    const struct settings *settings;
    char device_name[32];
    uint32_t threads;
    pthread_t thread;
    int event;
    atomic_bool stop;
    _Atomic uint64_t progress, column, in_work;

    pthread_mutex_t lock; /* of what follows, up to the next blank line */
    pthread_cond_t work;
    bool opened;
    enum err open_err;
    char open_note[1024];
    struct leases in;
    struct outcomes out;

    /* The thread's own. */
    struct pool *pool;
    const struct backend *backend;
    struct device *device;
    const struct program *program;
    void *state, *memory;
    struct leases batch;  /* fetched, not loaded */
    struct leases loaded; /* by the program, oldest first */
    struct outcomes done; /* not handed over */
    uint64_t mark_us, handed_us;
};

static uint64_t clock_us(void)
{
    struct timespec now;
    check(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Room for one more element of `size` bytes; the waiting ones move to the front first. */
static bool make_room(void **at, size_t *first, size_t *count, size_t *room, size_t size)
{
    if (*first + *count < *room) return true;
    if (*first > *count) {
        memmove(*at, (uint8_t *)*at + *first * size, *count * size);
        *first = 0;
        return true;
    }
    const size_t wanted = *room ? 2 * *room : 64;
    void *grown = realloc(*at, wanted * size);
    if (!grown) return false;
    *at = grown;
    *room = wanted;
    return true;
}

static bool push_lease(struct leases *queue, struct lease lease)
{
    void *at = queue->at;
    const bool room = make_room(&at, &queue->first, &queue->count, &queue->room, sizeof(lease));
    queue->at = at;
    if (room) queue->at[queue->first + queue->count++] = lease;
    return room;
}

static struct lease pop_lease(struct leases *queue)
{
    check(queue->count > 0);
    queue->count--;
    return queue->at[queue->first++];
}

static bool push_outcome(struct outcomes *queue, const struct outcome *outcome)
{
    void *at = queue->at;
    const bool room = make_room(&at, &queue->first, &queue->count, &queue->room, sizeof(*outcome));
    queue->at = at;
    if (room) queue->at[queue->first + queue->count++] = *outcome;
    return room;
}

static void close_outcomes(struct outcomes *queue)
{
    for (size_t i = queue->first; i < queue->first + queue->count; i++) {
        free(queue->at[i].reason);
        free(queue->at[i].bytes);
    }
    free(queue->at);
}

/* Opening, in the runner's thread. */

/* A number of bytes in a file of lines "NAME: 123 kB", or the whole file; UINT64_MAX if absent. */
static uint64_t read_bytes(const char *path, const char *format, uint64_t unit)
{
    FILE *file = fopen(path, "r");
    if (!file) return UINT64_MAX;
    char line[128];
    unsigned long long value = 0;
    bool found = false;
    while (!found && fgets(line, sizeof(line), file)) found = sscanf(line, format, &value) == 1;
    (void)fclose(file);
    return found ? value * unit : UINT64_MAX;
}

static uint64_t available_bytes(void)
{
    const uint64_t machine = read_bytes("/proc/meminfo", "MemAvailable: %llu", 1024);
    const uint64_t group = read_bytes("/sys/fs/cgroup/memory.max", "%llu", 1);
    return machine < group ? machine : group;
}

static enum err allocate(struct runner *runner, uint64_t bytes)
{
    const uint64_t available = available_bytes();
    const uint64_t rounded = (bytes / PROGRAM_ALIGNMENT + 1) * PROGRAM_ALIGNMENT;
    if (rounded < available) runner->memory = aligned_alloc(PROGRAM_ALIGNMENT, rounded);
    if (runner->memory) return OK;
    return err_note(
        ERR_MEMORY,
        "worker: memory: a unit of this shape needs %.1f MB, %.1f MB are "
        "available; choose smaller units (--unit-candidates, --unit-items) or fewer --lanes",
        (double)bytes * 1e-6, (double)available * 1e-6);
}

static enum err open_all(struct runner *runner)
{
    const char *program = settings_text(runner->settings, SET_program);
    runner->backend = backend_find(runner->device_name);
    runner->program = program_find(program);
    if (!runner->backend)
        return err_note(ERR_USAGE, "worker: device %s: this worker was built without it; use cpu",
                        runner->device_name);
    const bool able =
        runner->program && (!runner->program->runs_on || runner->program->runs_on(runner->backend));
    if (!able)
        return err_note(ERR_USAGE, "worker: program %s: this worker does not have it on %s",
                        program, runner->device_name);
    uint64_t bytes = 0;
    enum err err = pool_open(runner->threads, &runner->pool);
    if (!err) pool_watch(runner->pool, &runner->progress);
    if (!err) err = runner->backend->open(runner->pool, &runner->device);
    if (!err) {
        const struct program_job job = {.settings = runner->settings,
                                        .backend = runner->backend,
                                        .device = runner->device,
                                        .pool = runner->pool};
        err = runner->program->measure(&job, &runner->state, &bytes);
    }
    if (!err) err = allocate(runner, bytes);
    if (!err) err = runner->program->open(runner->state, runner->memory, bytes);
    return err;
}

static void close_all(struct runner *runner)
{
    if (runner->state) runner->program->close(&runner->state);
    if (runner->device) runner->backend->close(&runner->device);
    pool_close(&runner->pool);
    free(runner->memory);
    free(runner->batch.at);
    free(runner->loaded.at);
    close_outcomes(&runner->done);
}

static void tell_opened(struct runner *runner, enum err err)
{
    pthread_mutex_lock(&runner->lock);
    runner->opened = true;
    runner->open_err = err;
    (void)snprintf(runner->open_note, sizeof(runner->open_note), "%s", err ? err_text() : "");
    check(eventfd_write(runner->event, 1) == 0);
    pthread_mutex_unlock(&runner->lock);
}

/* Working. */

/* Gives the finished units to the link; the event is raised once for all that wait. */
static void hand_over(struct runner *runner, uint64_t now_us)
{
    runner->handed_us = now_us;
    if (runner->done.count == 0) return;
    pthread_mutex_lock(&runner->lock);
    const bool silent = runner->out.count == 0;
    if (silent) {
        const struct outcomes empty = runner->out;
        runner->out = runner->done;
        runner->done = empty;
        runner->done.first = 0;
    } else {
        for (size_t i = 0; i < runner->done.count; i++)
            check(push_outcome(&runner->out, &runner->done.at[runner->done.first + i]));
        runner->done.first = runner->done.count = 0;
    }
    if (silent) check(eventfd_write(runner->event, 1) == 0);
    pthread_mutex_unlock(&runner->lock);
}

/* Fetches what was put; sleeps while there is nothing. False at the end. */
static bool fetch(struct runner *runner, bool sleep)
{
    pthread_mutex_lock(&runner->lock);
    while (sleep && runner->in.count == 0 && !atomic_load(&runner->stop))
        pthread_cond_wait(&runner->work, &runner->lock);
    const struct leases empty = runner->batch;
    runner->batch = runner->in;
    runner->in = empty;
    runner->in.first = runner->in.count = 0;
    pthread_mutex_unlock(&runner->lock);
    return !atomic_load(&runner->stop);
}

static void keep_outcome(struct runner *runner, struct outcome *outcome)
{
    const uint64_t now_us = clock_us();
    outcome->busy_us = now_us - runner->mark_us;
    runner->mark_us = now_us;
    check(push_outcome(&runner->done, outcome));
}

static void fail_unit(struct runner *runner, struct lease lease, enum err err)
{
    struct outcome outcome = {.lease = lease, .err = err};
    const char *text = err_text();
    outcome.reason = malloc(strlen(text) + 1);
    if (outcome.reason) memcpy(outcome.reason, text, strlen(text) + 1);
    keep_outcome(runner, &outcome);
}

static void load_units(struct runner *runner)
{
    const struct program *program = runner->program;
    while (runner->batch.count > 0 && program->hungry(runner->state)) {
        const struct lease lease = pop_lease(&runner->batch);
        err_clear();
        const enum err err = program->load(runner->state, lease.unit);
        atomic_fetch_add(&runner->progress, 1);
        atomic_store(&runner->column, program->column(runner->state));
        if (err)
            fail_unit(runner, lease, err);
        else
            check(push_lease(&runner->loaded, lease));
    }
}

/* The link gets more units as more are worked on at the same time; so it is woken when they are. */
static void tell_in_work(struct runner *runner)
{
    const uint64_t count = runner->loaded.count;
    const uint64_t before = atomic_exchange(&runner->in_work, count);
    if (count > before && count > 1) check(eventfd_write(runner->event, 1) == 0);
}

/* The oldest unit takes the blame; those loaded after it start anew. */
static void fail_oldest(struct runner *runner, enum err err)
{
    const struct lease blamed = pop_lease(&runner->loaded);
    runner->program->cancel(runner->state);
    fail_unit(runner, blamed, err);
    struct leases again = {0};
    while (runner->loaded.count > 0) check(push_lease(&again, pop_lease(&runner->loaded)));
    while (runner->batch.count > 0) check(push_lease(&again, pop_lease(&runner->batch)));
    free(runner->batch.at);
    runner->batch = again;
}

static void finish_units(struct runner *runner)
{
    const struct program *program = runner->program;
    while (runner->loaded.count > 0 && program->finished(runner->state)) {
        struct outcome outcome = {.lease = pop_lease(&runner->loaded)};
        outcome.size = program->tally_bytes(runner->state);
        outcome.bytes = malloc(outcome.size + 1);
        if (outcome.bytes) {
            program->tally(runner->state, outcome.bytes, &outcome.work);
            keep_outcome(runner, &outcome);
            continue;
        }
        program->cancel(runner->state);
        fail_unit(runner, outcome.lease,
                  err_note(ERR_MEMORY, "worker: no memory for a tally of %zu bytes", outcome.size));
    }
}

static void work_on(struct runner *runner)
{
    runner->mark_us = clock_us();
    bool go = true;
    while (go && !atomic_load(&runner->stop)) {
        load_units(runner);
        tell_in_work(runner);
        finish_units(runner); /* a unit may be empty */
        if (runner->loaded.count > 0) {
            const enum err err = runner->program->advance(runner->state);
            atomic_fetch_add(&runner->progress, 1);
            if (err) fail_oldest(runner, err);
            if (!err) finish_units(runner);
        }
        const uint64_t now_us = clock_us();
        const bool idle = runner->batch.count == 0 && runner->loaded.count == 0;
        if (idle || now_us - runner->handed_us >= BATCH_US) hand_over(runner, now_us);
        if (runner->batch.count == 0 && (idle || runner->program->hungry(runner->state))) {
            go = fetch(runner, idle);
            if (idle) runner->mark_us = clock_us();
        }
    }
    if (runner->loaded.count > 0) runner->program->cancel(runner->state);
}

static void *run(void *argument)
{
    struct runner *runner = argument;
    pool_set_arithmetic();
    const enum err err = open_all(runner);
    tell_opened(runner, err);
    if (!err) work_on(runner);
    close_all(runner);
    return NULL;
}

/* The link's side. */

enum err runner_open(const struct settings *settings, const struct runner_config *config,
                     struct runner **out)
{
    *out = NULL;
    struct runner *runner = calloc(1, sizeof(*runner));
    if (!runner) return err_note(ERR_MEMORY, "worker: no memory for the runner");
    runner->settings = settings;
    runner->threads = config->threads ? config->threads : processors_count();
    (void)snprintf(runner->device_name, sizeof(runner->device_name), "%s", config->device);
    atomic_store(&runner->column, WIRE_NO_COLUMN);
    check(pthread_mutex_init(&runner->lock, NULL) == 0);
    check(pthread_cond_init(&runner->work, NULL) == 0);
    runner->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    enum err err = runner->event >= 0 ? OK : err_note(ERR_IO, "worker: eventfd: none is left");
    const int failure = err ? 0 : pthread_create(&runner->thread, NULL, run, runner);
    if (failure) err = err_note(ERR_MEMORY, "worker: thread: %s", strerror(failure));
    if (err) {
        if (runner->event >= 0) close(runner->event);
        pthread_cond_destroy(&runner->work);
        pthread_mutex_destroy(&runner->lock);
        free(runner);
        runner = NULL;
    }
    *out = runner;
    return err;
}

void runner_close(struct runner **self)
{
    struct runner *runner = *self;
    *self = NULL;
    if (!runner) return;
    pthread_mutex_lock(&runner->lock);
    atomic_store(&runner->stop, true);
    pthread_cond_signal(&runner->work);
    pthread_mutex_unlock(&runner->lock);
    check(pthread_join(runner->thread, NULL) == 0);
    free(runner->in.at);
    close_outcomes(&runner->out);
    close(runner->event);
    pthread_cond_destroy(&runner->work);
    pthread_mutex_destroy(&runner->lock);
    free(runner);
}

enum err runner_ready(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    const bool opened = runner->opened;
    const enum err err = runner->open_err;
    eventfd_t ignored;
    if (runner->out.count == 0) (void)!eventfd_read(runner->event, &ignored); /* may be 0 already */
    pthread_mutex_unlock(&runner->lock);
    if (!opened) return ERR_NONE;
    return err ? err_note(err, "%s", runner->open_note) : OK; /* unchanged once opened */
}

enum err runner_put(struct runner *runner, uint64_t unit, uint64_t attempt)
{
    pthread_mutex_lock(&runner->lock);
    const bool put = push_lease(&runner->in, (struct lease){unit, attempt});
    if (runner->in.count == 1) pthread_cond_signal(&runner->work);
    pthread_mutex_unlock(&runner->lock);
    return put ? OK : err_note(ERR_MEMORY, "worker: no memory for another lease");
}

enum err runner_take(struct runner *runner, struct runner_result *out)
{
    struct outcome outcome = {0};
    pthread_mutex_lock(&runner->lock);
    const bool took = runner->out.count > 0;
    if (took) {
        outcome = runner->out.at[runner->out.first++];
        runner->out.count--;
    }
    if (runner->out.count == 0) {
        eventfd_t ignored;
        (void)!eventfd_read(runner->event, &ignored); /* may be 0 already */
        runner->out.first = 0;
    }
    pthread_mutex_unlock(&runner->lock);
    out->bytes = NULL;
    if (!took) return ERR_NONE;

    out->unit = outcome.lease.unit;
    out->attempt = outcome.lease.attempt;
    out->err = outcome.err;
    (void)snprintf(out->reason, sizeof(out->reason), "%s", outcome.reason ? outcome.reason : "");
    out->bytes = outcome.bytes;
    out->size = outcome.size;
    out->work = outcome.work;
    out->busy_us = outcome.busy_us;
    free(outcome.reason);
    return OK;
}

int runner_event(const struct runner *runner)
{
    return runner->event;
}

uint64_t runner_progress(const struct runner *runner)
{
    return atomic_load(&runner->progress);
}

uint64_t runner_column(const struct runner *runner)
{
    return atomic_load(&runner->column);
}

uint64_t runner_in_work(const struct runner *runner)
{
    return atomic_load(&runner->in_work);
}
