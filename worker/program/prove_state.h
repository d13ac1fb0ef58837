/*
 * prove_state - what the files of the program `prove` share. Nobody else includes this.
 *
 *     prove.c         reads the inputs, lays out the memory; the program's row
 *     prove_units.c   the ring of loaded units: the next item, and the records of those that ended
 *     prove_lanes.c   refill: an item into a lane; commit: what was chosen becomes the state
 *     prove_step.c    one step: refill, derive, encode, choose, commit
 *
 * What becomes of a search depends on nothing but its atom (and, where the policy is random, its
 * target and place): not on its lane, nor on who its neighbours are.
 *
 * Threads: the runner's; the steps share lanes out over the pool.
 */
#ifndef WORKER_PROGRAM_PROVE_STATE_H
#define WORKER_PROGRAM_PROVE_STATE_H

#include "common/outcome.h"
#include "common/prove_shape.h"
#include "schema/policies.h"
#include "worker/program.h"
#include "worker/program/codes.h"
#include "worker/program/prove.h"
#include "worker/step/choose.h"
#include "worker/step/derive.h"
#include "worker/step/encode.h"

#define PROVE_EMPTY UINT32_MAX /* no unit */
enum { PROVE_NAME_BYTES = 768 };

/* A loaded unit. Its places are started in their order, and end in any. */
struct prove_unit {
    struct item_span span;
    uint64_t places, started, ended;
    uint8_t *record; /* [unit_records][OUTCOME_BYTES] */
};

/* A place that is worth a search. */
struct prove_item {
    uint32_t unit;   /* its slot in the ring */
    uint64_t record; /* its place in the unit */
    uint32_t target; /* its place in the grid */
    uint64_t place;
    enum item_kind kind;
    struct triple triple;
};

/* What the steps do not need to know of a lane. */
struct prove_lane {
    struct prove_item item; /* unit PROVE_EMPTY: the lane is free */
    uint64_t hash;          /* of its state */
    uint64_t digest;        /* of the actions taken */
    float logprob;
};

struct prove_state {
    struct program_job job;
    struct theory *theory;
    struct items items;
    struct network network; /* where the policy reads one */
    struct prove_shape shape;
    enum policy policy;
    bool reads_network;
    enum prove_refill refill;
    uint32_t batch_steps; /* PROVE_FIXED_STEPS: that the lanes have had */

    /* The ring: `loaded` units from slot `first` on, the first `started` of which have no place
     * left to start. */
    struct prove_unit *unit; /* [unit_slots] */
    uint32_t first, loaded, started;
    uint64_t waiting; /* places of loaded units that are not started */
    struct program_work work;

    /* The lanes; see the steps' arguments. */
    uint32_t live;
    uint32_t *lane_list; /* [live] */
    struct prove_lane *lane;
    struct derive_lane *derived;
    struct atom *state, *successor;
    uint64_t *successor_hash;
    struct atom *visited;
    uint64_t *visited_hash;
    void *derive_scratch;
    uint32_t *count, *action, *place, *step;
    uint64_t *stream;
    float *action_logprob;

    /* Where the policy reads a network. */
    struct encode_weights weights;
    void *codes_memory;
    struct codes codes;
    float *encode_scratch;
    uint32_t *state_slot, *successor_slot;
    float *logit;
};

/* Forgets all encodings. */
void prove_forget_codes(struct prove_state *state);

/* The ring; the first three are the program's functions of that name. */
bool prove_hungry(const void *state);
MUST enum err prove_load(void *state, uint64_t unit);
bool prove_finished(const void *state);
/* The next item of the loaded units; false if there is none left. Places before it that need no
 * search are recorded. */
bool prove_next_item(struct prove_state *state, struct prove_item *out);
void prove_record(struct prove_state *state, uint32_t unit, uint64_t record,
                  const struct outcome *outcome);
void prove_let_oldest_go(struct prove_state *state);
void prove_let_all_go(struct prove_state *state);

/* Puts items into free lanes, and lists the live ones. */
void prove_refill_lanes(struct prove_state *state);
/* Takes what was chosen in every live lane. ERR_INPUT where nothing could be. */
MUST enum err prove_commit_lanes(struct prove_state *state);
/* How a note names a lane's item: "PATH: query 3, head: aunt(a,b)". */
const char *prove_item_name(const struct prove_state *state, const struct prove_item *item,
                            char *text, size_t size);

/* The program's function of that name. */
MUST enum err prove_advance(void *state);

#endif
