/* talk - reactions, one for each message, and what is said unasked. */
#include "worker/talk.h"

#include "worker/held.h"
#include "worker/stage.h"

#include "common/processors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BEAT_BEFORE_WELCOME_MS = 1000,
    CREDIT_FIRST = 2,
    WORK_AHEAD_US = 300000, /* of work in hand, so that no round trip is ever waited for */
    PEAK_EVERY_MS = 1000,
    NAME_BYTES = 256,
    PROGRAMS_BYTES = 256,
    STATUS_LINE_BYTES = 256,
};

struct talk {
    const struct link_config *config;
    talk_send *send;
    void *context;
    bool greeted; /* WELCOME came on this connection */
    bool over;    /* told to stop */

    struct settings *settings; /* kept by the runner */
    struct runner *runner;     /* from the first WELCOME on */
    bool ready;                /* the runner has opened */
    struct digest run;         /* of the first WELCOME */
    struct held held;
    uint64_t asked; /* credit that was not granted yet */
    double unit_us; /* time per unit, smoothed */
    int64_t beat_ms, now_ms;
    uint64_t peak_bytes;
    int64_t peak_due_ms;
};

/* The largest memory this program has had. getrusage would tell that of the parent before exec. */
static uint64_t peak_bytes(void)
{
    char line[STATUS_LINE_BYTES];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && !kib && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %llu", &kib) != 1) kib = 0;
    if (file) fclose(file);
    return kib * 1024;
}

static enum err send_message(struct talk *talk, const struct wire *message)
{
    uint8_t *bytes;
    size_t size;
    const enum err err = wire_encode(message, &bytes, &size);
    if (!err) talk->send(talk->context, bytes, size, NULL, 0);
    free(bytes);
    return err;
}

enum err talk_hello(struct talk *talk)
{
    char host[NAME_BYTES] = "", name[2 * NAME_BYTES], programs[PROGRAMS_BYTES];
    const struct runner_config *runner = &talk->config->runner;
    if (gethostname(host, sizeof host - 1) != 0) host[0] = 0;
    snprintf(name, sizeof name, "%s-%ld", host, (long)getpid());
    program_names(backend_find(runner->device), programs, sizeof programs);

    struct wire message;
    message.type = WIRE_HELLO_MESSAGE;
    message.hello = (struct wire_hello){
        .version = wire_text(MILLRACE_VERSION),
        .name = wire_text(talk->config->name ? talk->config->name : name),
        .host = wire_text(host),
        .device = wire_text(runner->device),
        .programs = wire_text(programs),
        .pid = (uint64_t)getpid(),
        .threads = runner->threads ? runner->threads : processors_count(),
    };
    held_list(&talk->held, false, &message.hello.held);
    return send_message(talk, &message);
}

enum err talk_bye(struct talk *talk, const char *reason)
{
    struct wire message;
    message.type = WIRE_BYE_MESSAGE;
    message.bye.reason = wire_text(reason);
    held_list(&talk->held, true, &message.bye.held);
    return send_message(talk, &message);
}

static enum err say_failed(struct talk *talk, const struct wire_lease *lease, enum err why,
                           const char *reason)
{
    const enum wire_blame blame = why == ERR_INPUT                     ? BLAME_INPUT
                                  : why == ERR_MEMORY || why == ERR_IO ? BLAME_WORKER
                                                                       : BLAME_UNIT;
    struct wire message;
    message.type = WIRE_FAIL_MESSAGE;
    message.fail = (struct wire_fail){.unit = lease->unit,
                                      .attempt = lease->attempt,
                                      .blame = blame,
                                      .reason = wire_text(reason)};
    return send_message(talk, &message);
}

enum err talk_beat(struct talk *talk)
{
    struct wire message;
    message.type = WIRE_BEAT_MESSAGE;
    message.beat.progress = talk->runner ? runner_progress(talk->runner) : 0;
    held_list(&talk->held, false, &message.beat.held);
    return send_message(talk, &message);
}

/* Tells the coordinator why this worker cannot work at all, and gives `why` back. */
static enum err give_up(struct talk *talk, enum err why, enum err told_as)
{
    const struct wire_lease none = {0, 0};
    char reason[WIRE_TEXT_MAX + 1];
    snprintf(reason, sizeof reason, "%s", err_text());
    enum err err = say_failed(talk, &none, told_as, reason);
    if (!err) err = talk_bye(talk, reason);
    return err_note(why, "%s", reason);
}

/* ---- what the coordinator says --------------------------------------------------------------- */

static void resend_results(struct talk *talk)
{
    for (uint32_t i = 0; i < talk->held.count; i++) {
        struct held_unit *unit = &talk->held.at[i];
        if (!unit->header) continue;
        talk->send(talk->context, unit->header, unit->header_size, unit->body, unit->body_size);
        unit->sent_ms = talk->now_ms;
    }
}

static enum err on_welcome(struct talk *talk, const struct wire *message)
{
    const struct wire_welcome *welcome = &message->welcome;
    talk->greeted = true;
    talk->beat_ms = welcome->beat_ms ? (int64_t)(welcome->beat_ms & INT32_MAX) : 1;
    if (talk->runner) {
        if (!digest_equal(&talk->run, &welcome->run))
            return err_note(ERR_FAILED, "coordinator: %s: it serves another run now",
                            talk->config->endpoint);
        resend_results(talk);
        return OK;
    }
    talk->run = welcome->run;
    enum err err =
        stage_settings(welcome, talk->config->lanes, talk->config->fast_pass, &talk->settings);
    if (!err) err = runner_open(talk->settings, &talk->config->runner, &talk->runner);
    /* Files that differ here are no fault of the run's inputs. */
    return err ? give_up(talk, err, ERR_IO) : OK;
}

static enum err on_grant(struct talk *talk, const struct wire *message)
{
    const struct wire_leases *leases = &message->grant.leases;
    enum err err = OK;
    for (uint32_t i = 0; !err && i < leases->count; i++) {
        if (held_find(&talk->held, &leases->at[i])) continue;
        err = held_add(&talk->held, &leases->at[i]);
        if (!err) err = runner_put(talk->runner, leases->at[i].unit, leases->at[i].attempt);
    }
    talk->asked -= talk->asked < leases->count ? talk->asked : leases->count;
    return err;
}

static enum err on_ack(struct talk *talk, const struct wire *message)
{
    for (uint32_t i = 0; i < message->ack.leases.count; i++) {
        struct held_unit *unit = held_find(&talk->held, &message->ack.leases.at[i]);
        if (unit && unit->header) held_drop(&talk->held, unit);
    }
    return OK;
}

static enum err on_beat(struct talk *talk, const struct wire *message)
{
    (void)talk, (void)message; /* that it came is all it says */
    return OK;
}

static enum err stop_done(struct talk *talk, const struct wire_stop *stop)
{
    (void)stop;
    talk->over = true;
    return talk_bye(talk, "done");
}

static enum err stop_drain(struct talk *talk, const struct wire_stop *stop)
{
    (void)stop;
    talk->over = true;
    return talk_bye(talk, "drained");
}

static enum err stop_refused(struct talk *talk, const struct wire_stop *stop)
{
    char detail[WIRE_TEXT_MAX + 1];
    wire_text_copy(&stop->detail, detail, sizeof detail);
    return err_note(ERR_FAILED, "coordinator: %s: it refuses this worker: %s",
                    talk->config->endpoint, detail);
}

static enum err stop_unknown(struct talk *talk, const struct wire_stop *stop)
{
    (void)stop;
    /* Several of our messages may have been answered so before the first HELLO arrived. */
    if (!talk->greeted) return OK;
    talk_lost(talk);
    return talk_hello(talk);
}

static enum err on_stop(struct talk *talk, const struct wire *message)
{
    static enum err (*const stops[STOPS])(struct talk *, const struct wire_stop *) = {
        [STOP_DONE] = stop_done,
        [STOP_DRAIN] = stop_drain,
        [STOP_REFUSED] = stop_refused,
        [STOP_UNKNOWN] = stop_unknown,
    };
    return stops[message->stop.reason](talk, &message->stop);
}

typedef enum err on_message(struct talk *talk, const struct wire *message);

enum err talk_hear(struct talk *talk, int64_t now_ms, const uint8_t *bytes, size_t size)
{
    static on_message *const reactions[WIRE_TYPES] = {
        [WIRE_WELCOME_MESSAGE] = on_welcome, [WIRE_GRANT_MESSAGE] = on_grant,
        [WIRE_ACK_MESSAGE] = on_ack,         [WIRE_BEAT_MESSAGE] = on_beat,
        [WIRE_STOP_MESSAGE] = on_stop,
    };
    struct wire message;
    talk->now_ms = now_ms;
    if (wire_decode(bytes, size, &message))
        return err_prefix(ERR_FAILED, "coordinator: %s", talk->config->endpoint);
    const bool early = message.type == WIRE_GRANT_MESSAGE && !talk->runner;
    if (!reactions[message.type] || early)
        return err_note(ERR_FAILED, "coordinator: %s: it said %s, out of turn",
                        talk->config->endpoint, wire_name[message.type]);
    return reactions[message.type](talk, &message);
}

/* ---- what the runner has --------------------------------------------------------------------- */

static enum err send_result(struct talk *talk, struct held_unit *unit, struct runner_result *result)
{
    struct wire message;
    message.type = WIRE_RESULT_MESSAGE;
    message.result = (struct wire_result){
        .unit = result->unit,
        .attempt = result->attempt,
        .class = wire_text(settings_text(talk->settings, SET_numeric)),
        .busy_us = result->busy_us,
        .peak_bytes = talk->peak_bytes,
    };
#define COUNTER(name) message.result.name = result->work.name;
    WORK_COUNTERS(COUNTER)
#undef COUNTER
    uint8_t *header;
    size_t size;
    const enum err err = wire_encode(&message, &header, &size);
    if (err) return err;
    held_finish(&talk->held, unit, header, size, result->bytes, result->size);
    result->bytes = NULL;
    unit->sent_ms = talk->now_ms;
    /* Without a session it waits until the next WELCOME. */
    if (talk->greeted)
        talk->send(talk->context, unit->header, unit->header_size, unit->body, unit->body_size);
    const double took_us = (double)result->busy_us;
    talk->unit_us = talk->unit_us > 0 ? 0.75 * talk->unit_us + 0.25 * took_us : took_us + 1;
    return OK;
}

static enum err take_results(struct talk *talk)
{
    struct runner_result result;
    enum err err = OK;
    if (talk->now_ms >= talk->peak_due_ms) {
        talk->peak_bytes = peak_bytes();
        talk->peak_due_ms = talk->now_ms + PEAK_EVERY_MS;
    }
    while (!err && (err = runner_take(talk->runner, &result)) == OK) {
        const struct wire_lease lease = {result.unit, result.attempt};
        struct held_unit *unit = held_find(&talk->held, &lease);
        check(unit && !unit->header);
        if (result.err) {
            err = say_failed(talk, &lease, result.err, result.reason);
            held_drop(&talk->held, unit);
        } else {
            err = send_result(talk, unit, &result);
        }
        free(result.bytes);
    }
    return err == ERR_NONE ? OK : err;
}

/* Units to have in hand or asked for: so many that one always waits behind those that are worked
 * on at the same time, however long they take. The third of these is because a quarter of all must
 * be missing before more are asked for. */
static uint64_t window(const struct talk *talk)
{
    if (talk->config->credit) return talk->config->credit;
    const uint64_t in_work = runner_in_work(talk->runner);
    const double behind = (double)(in_work + in_work / 3 + 1);
    const double least = behind < CREDIT_FIRST ? CREDIT_FIRST : behind;
    const double ahead = talk->unit_us > 0 ? WORK_AHEAD_US / talk->unit_us : 0;
    const double units = ahead < least ? least : ahead;
    return units < LINK_CREDIT_MAX ? (uint64_t)units : LINK_CREDIT_MAX;
}

static enum err ask(struct talk *talk)
{
    if (!talk->ready || !talk->greeted || talk->over) return OK;
    const uint64_t wanted = window(talk);
    const uint64_t have = talk->held.count - talk->held.finished + talk->asked;
    /* A quarter at a time saves messages. A GRANT on the way may use the old credit and an ASK
     * then renews it, so there must be room for both. */
    if (have >= wanted || (wanted - have) * 4 < wanted) return OK;
    if (talk->held.count + 2 * talk->asked + wanted - have > WIRE_LEASES_MAX) return OK;
    talk->asked += wanted - have;
    struct wire message;
    message.type = WIRE_ASK_MESSAGE;
    message.ask = (struct wire_ask){.credit = talk->asked, .column = runner_column(talk->runner)};
    return send_message(talk, &message);
}

enum err talk_work(struct talk *talk, int64_t now_ms)
{
    talk->now_ms = now_ms;
    if (!talk->runner) return OK;
    if (!talk->ready) {
        const enum err err = runner_ready(talk->runner);
        if (err == ERR_NONE) return OK;
        if (err) return give_up(talk, err, err == ERR_INPUT ? ERR_INPUT : ERR_IO);
        talk->ready = true;
    }
    const enum err err = take_results(talk);
    return err ? err : ask(talk);
}

/* ---- life ------------------------------------------------------------------------------------ */

enum err talk_open(const struct link_config *config, talk_send *send, void *context,
                   struct talk **out)
{
    struct talk *talk = *out = calloc(1, sizeof *talk);
    if (!talk) return err_note(ERR_MEMORY, "worker: no memory");
    talk->config = config;
    talk->send = send;
    talk->context = context;
    talk->beat_ms = BEAT_BEFORE_WELCOME_MS;
    return OK;
}

void talk_close(struct talk **talk)
{
    struct talk *old = *talk;
    if (!old) return;
    *talk = NULL;
    runner_close(&old->runner);
    settings_close(&old->settings);
    held_clear(&old->held);
    free(old);
}

void talk_lost(struct talk *talk)
{
    talk->greeted = false;
    talk->asked = 0;
}

bool talk_greeted(const struct talk *talk)
{
    return talk->greeted;
}

bool talk_over(const struct talk *talk)
{
    return talk->over;
}

int talk_event(const struct talk *talk)
{
    return talk->runner ? runner_event(talk->runner) : -1;
}

int64_t talk_beat_ms(const struct talk *talk)
{
    return talk->beat_ms;
}

int64_t talk_oldest_ms(const struct talk *talk)
{
    return talk->greeted ? held_oldest_ms(&talk->held) : INT64_MAX;
}
