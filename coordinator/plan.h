/*
 * plan - what a program means to the coordinator: how many units there are, and what becomes of
 * a finished row of them. To add a program: write its functions and a row in PLANS (plan.c).
 *
 *     plan_open (settings) --> plan_store (an empty ledger), or plan_resume (a planned one)
 *                          --> plan_fold for each row that becomes complete
 *
 * plan_open reads and checks all inputs, so bad input is found before anything is stored.
 *
 * Table run of a planned ledger holds every setting that is not at its default, under its name,
 * and beside them millrace_version, sqlite_version, run_digest, program, planned_ms, what the
 * program describes and, at the end, results_digest.
 *
 * Owner:   plan_open gives, plan_close takes; it copies the settings.
 * Errors:  of the inputs: ERR_INPUT, ERR_IO. plan_resume: ERR_USAGE naming the settings and
 *          inputs that differ.
 */
#ifndef COORDINATOR_PLAN_H
#define COORDINATOR_PLAN_H

#include "common/settings.h"
#include "coordinator/ledger.h"

struct plan;

/* One program, for the coordinator. The core owns the state's life: open fills `*state`. */
struct plan_program {
    const char *name;
    enum err (*open)(const struct settings *settings, void **state);
    void (*close)(void **state);
    /* The grid of units: rows that are folded at once, of columns units each. */
    void (*grid)(const void *state, uint64_t *rows, uint64_t *columns);
    /* Stores what status and report want from table run: queries_total, and the PLAN settings
     * as they are used. */
    enum err (*describe)(const void *state, const struct settings *settings, struct ledger *ledger);
    /* ERR_FORMAT if `bytes` cannot be the tally of `unit`. NULL: anything can. */
    enum err (*believe)(const void *state, uint64_t unit, const uint8_t *bytes, size_t size);
    /* Row `row` is complete: stores its results. In the turn of its last unit. */
    enum err (*fold)(void *state, struct ledger *ledger, uint64_t row);
    /* The digest of all results, when every unit is done. */
    enum err (*digest)(void *state, struct ledger *ledger, struct digest *out);
    /* Tells the user the plan, in lines on stdout. */
    void (*print)(const void *state, const struct settings *settings);
    /* The ledger is planned: takes over its PLAN settings (`kept`); ERR_USAGE if those that were
     * asked for cut the grid otherwise. NULL: the program has none. */
    enum err (*adopt)(void *state, const struct settings *asked, const struct settings *kept);
};

/* The rows of "rank" (plan_rank.c) and of "prove" (plan_prove.c). */
extern const struct plan_program plan_rank;
extern const struct plan_program plan_prove;

/* ---- for the programs -------------------------------------------------------------------- */

struct plan_fact {
    const char *key;
    uint64_t value;
};

/* Stores numbers in table run. */
MUST enum err plan_describe(struct ledger *ledger, const struct plan_fact *facts, size_t count);

/* ERR_USAGE if a PLAN setting was asked for that cuts the grid otherwise than the ledger has it:
 * `here` and `there` are what it comes to. */
MUST enum err plan_check_cut(const struct settings *asked, enum setting setting, uint64_t here,
                             uint64_t there);

/* ---- for everybody else ------------------------------------------------------------------ */

/* Programs beside the built-in ones, for benchmarks; call before plan_open. The array is kept. */
void plan_register(const struct plan_program *programs, size_t count);

MUST enum err plan_open(const struct settings *settings, struct plan **out);
/* As plan_open, but takes the digests of inputs that have not changed since from `ledger`, which
 * may be NULL. */
MUST enum err plan_open_again(const struct settings *settings, struct ledger *ledger,
                              struct plan **out);
void plan_close(struct plan **plan);

/* Writes settings, inputs and units into an empty ledger: one transaction. */
MUST enum err plan_store(struct plan *plan, struct ledger *ledger, int64_t now_ms);

/* Checks that a planned ledger is of this run, keeps its PLAN settings, and notes where the
 * inputs are now: one transaction. */
MUST enum err plan_resume(struct plan *plan, struct ledger *ledger);

/* Sets what a planned ledger was planned with: all settings that are stored, and its inputs where
 * they were last. `origin` is for messages: the database's name. */
MUST enum err plan_settings_load(struct ledger *ledger, const char *origin,
                                 struct settings *settings);

/* Whether `bytes`, which a worker sent, can be the tally of `unit`: ERR_FORMAT if not. */
MUST enum err plan_believe(const struct plan *plan, uint64_t unit, const uint8_t *bytes,
                           size_t size);

/* Stores the results of every row that became complete; the results digest after the last.
 * Call in the turn, before its commit. */
MUST enum err plan_fold(struct plan *plan, struct ledger *ledger);

void plan_print(const struct plan *plan);
const struct settings *plan_settings(const struct plan *plan);
/* The inputs with their digests, made once by plan_open; borrowed for the plan's life. */
const struct ledger_input *plan_inputs(const struct plan *plan, size_t *count);
const struct digest *plan_run_digest(const struct plan *plan);
/* True while units go by columns worth keeping (the grid has more than one). */
uint64_t plan_columns(const struct plan *plan);

#endif
