/*
 * settings - what a run is asked to do: one value for each row of schema/run.def.
 *
 *     settings_open --> settings_set ... (run file, then flags: later wins) --> settings_finish
 *
 * A value is kept as canonical text, so that run file, flags, database and messages all carry the
 * same bytes ("head,tail", never "tail, head"). With it goes where it came from ("umls.yaml:4",
 * "--scorer", "default"), for messages.
 *
 * Owner:   settings_open gives; settings_close takes. Texts handed out are borrowed until the
 *          setting is set again.
 * Errors:  ERR_USAGE, with a note that says where, what was found and what is allowed. ERR_INPUT
 *          from settings_finish, for a file that is missing or cannot be read.
 * Threads: one at a time; reading from several is fine.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "common/digest.h"
#include "common/err.h"
#include "schema/policies.h"
#include "schema/scorers.h"

#include <stdint.h>

enum setting_type {
    SETTING_TEXT,    /* any one line */
    SETTING_PATH,    /* a file or folder; relative ones are relative to where they were said */
    SETTING_INPUT,   /* a path to a file that is read: its role is the setting's name, and the
                        run digest covers its content. With choices: one of them, or a path */
    SETTING_COUNT,   /* a whole number, low .. high */
    SETTING_CHOICE,  /* one of choices */
    SETTING_CHOICES, /* some of choices, separated by commas, kept in the order of choices */
    SETTING_COUNTS,  /* whole numbers low .. high, separated by commas, kept ascending */
};

enum setting_kind {
    MEANING,   /* can change a result; part of the run digest */
    PLAN,      /* fixed when a database is made; no effect on results */
    OPERATION, /* where and how it is run; may differ at every resume */
};

struct setting_row {
    const char *name; /* as in a run file; as a flag with dashes for underscores */
    enum setting_type type;
    enum setting_kind kind;
    const char *program;  /* the only one that reads it; NULL: all do */
    uint64_t low, high;   /* of counts */
    const char *choices;  /* "a|b|c"; a bar in front is passed over */
    const char *standard; /* the default; NULL or "": none */
    const char *help;     /* one line */
};

enum setting {
#define SETTING(name, ...) SET_##name,
#include "schema/run.def"
#undef SETTING
    SETTING_TOTAL
};

extern const struct setting_row setting_rows[SETTING_TOTAL];

struct settings;

#define SETTINGS_DEFAULT "default" /* the origin of a value that nobody gave */
enum { SETTINGS_COUNTS_MAX = 64 }; /* numbers in a COUNTS setting */

/* All at their defaults. */
MUST enum err settings_open(struct settings **out);
MUST enum err settings_copy(const struct settings *settings, struct settings **out);
void settings_close(struct settings **settings);

/* The setting of that name (underscores or dashes). ERR_USAGE notes the nearest valid name. */
MUST enum err settings_find(const char *name, const char *origin, enum setting *out);

/* Checks and stores `text`. Paths are stored absolute: a relative one is put behind `folder`,
 * itself relative to the working directory; NULL stores it as it is. An empty list sets the
 * default where that is empty. `origin` is copied. */
MUST enum err settings_set(struct settings *settings, enum setting setting, const char *text,
                           const char *folder, const char *origin);

/* Back to the default, as if nobody had said it. */
void settings_unset(struct settings *settings, enum setting setting);

/* What a run file says beside a flag that makes it idle (a model beside --policy hash) is unset.
 * Then checks what only all values together show (a setting of another program, a model without a
 * scorer, a filter on a file that was not given, ...) and fills in defaults that depend on others
 * (filter). Idempotent. */
MUST enum err settings_finish(struct settings *settings);

bool settings_given(const struct settings *settings, enum setting setting); /* not the default */
const char *settings_text(const struct settings *settings, enum setting setting); /* "" if none */
const char *settings_origin(const struct settings *settings, enum setting setting);
uint64_t settings_count(const struct settings *settings, enum setting setting);
/* A choice's place in the row's choices, from 0. For INPUT with choices: -1 means a path. */
int settings_choice(const struct settings *settings, enum setting setting);
/* Bit i is set if the row's choice i was chosen. */
uint64_t settings_choices(const struct settings *settings, enum setting setting);
/* The numbers of a COUNTS setting, ascending; returns how many there are, writes at most `most`. */
size_t settings_counts(const struct settings *settings, enum setting setting, uint64_t *out,
                       size_t most);

/* Whether the policy of a proof search reads a network from `model`. */
bool settings_read_network(const struct settings *settings);

/* One input of a run. A path is where this machine has it; only role and content are meaning. */
struct input {
    const char *role; /* name of the INPUT setting */
    const char *path;
    uint64_t size_bytes;
    struct digest digest;
};

/*
 * The run digest: SHA-256 of the lines "key=value\n" of all MEANING settings that are not paths
 * and not at their default, in the order of schema/run.def, then "role=SHA-256\n" of each input,
 * in the order given. A setting that is added later thus leaves the digests of old runs alone.
 */
MUST enum err settings_digest(const struct settings *settings, const struct input *inputs,
                              size_t input_count, struct digest *out);

/* The best match for a misspelt word among `count` words, NULL if nothing is near. */
const char *settings_nearest(const char *word, const char *const *words, size_t count);

#endif
