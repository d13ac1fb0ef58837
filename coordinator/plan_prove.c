/* plan_prove - what `prove` means to the coordinator: rows of targets, columns of their places. */
#include "coordinator/export.h"
#include "coordinator/idle.h"
#include "coordinator/plan.h"
#include "coordinator/words.h"

#include "common/prove_shape.h"
#include "common/processors.h"
#include "common/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A target of the row that is folded. */
struct standing {
    double truth; /* score of its true one, which comes first */
    struct rank_count count;
};

struct prove_plan {
    struct theory *theory;
    struct items items;
    struct network network;    /* file NULL: the policy reads none */
    uint64_t depth;            /* steps of a search, at most */
    struct standing *standing; /* [items.unit_targets] */
};

/* ---- opening ----------------------------------------------------------------------------- */

static enum err prove_allocate(struct prove_plan *plan)
{
    free(plan->standing);
    plan->standing = calloc(plan->items.unit_targets, sizeof *plan->standing);
    return plan->standing ? OK : err_note(ERR_MEMORY, "plan: no memory");
}

static void prove_close(void **state)
{
    struct prove_plan *plan = *state;
    if (!plan) return;
    items_close(&plan->items);
    if (plan->network.file) network_close(&plan->network);
    theory_close(&plan->theory);
    free(plan->standing);
    free(plan);
    *state = NULL;
}

static enum err open_network(const struct settings *settings, struct prove_plan *plan)
{
    if (!settings_read_network(settings)) return OK;
    return network_open(settings_text(settings, SET_model), plan->theory->constant_count,
                        plan->theory->predicate_count, plan->theory->rules.variables, true,
                        &plan->network);
}

static uint64_t unit_items(const struct items *items)
{
    return items->unit_targets * items->unit_candidates;
}

/* A unit's tally is one message, and a query's counts have 32 bits. */
static enum err check_sizes(const struct items *items)
{
    const uint64_t most = WIRE_BYTES_MAX / OUTCOME_BYTES;
    if (unit_items(items) > most)
        return err_note(ERR_USAGE,
                        "unit_items: %" PRIu64 ": more than the %" PRIu64
                        " that fit a message; choose fewer",
                        unit_items(items), most);
    if (items->places > UINT32_MAX)
        return err_note(ERR_INPUT,
                        "candidates: %" PRIu64 " for one query; more than %" PRIu32
                        " cannot be ranked, draw a sample",
                        items->places, UINT32_MAX);
    return OK;
}

static enum err prove_open(const struct settings *settings, void **state)
{
    struct prove_plan *plan = calloc(1, sizeof *plan);
    enum err err = plan ? OK : err_note(ERR_MEMORY, "plan: no memory");
    if (!err) plan->depth = settings_count(settings, SET_depth);
    if (!err) err = theory_open(settings, THEORY_PLAN, &plan->theory);
    if (!err) err = items_open(settings, plan->theory, &plan->items);
    if (!err) err = check_sizes(&plan->items);
    if (!err) err = open_network(settings, plan);
    if (!err) err = prove_allocate(plan);
    if (!err) idle_tell(settings, plan->theory, stderr);
    *state = plan;
    if (err) prove_close(state);
    return err;
}

static void prove_grid(const void *state, uint64_t *rows, uint64_t *columns)
{
    const struct prove_plan *plan = state;
    *rows = items_rows(&plan->items);
    *columns = items_columns(&plan->items);
}

static enum err put_depths(const struct theory *theory, struct ledger *ledger)
{
    enum err err = OK;
    for (uint32_t i = 0; theory->depth && i < theory->evaluated.count && !err; i++)
        if (theory->depth[i] != THEORY_UNLABELLED)
            err = ledger_put_depth(ledger, theory->evaluated.line[i], theory->depth[i]);
    return err;
}

static enum err prove_describe(const void *state, const struct settings *settings,
                               struct ledger *ledger)
{
    const struct prove_plan *plan = state;
    const struct items *items = &plan->items;
    const struct plan_fact facts[] = {
        {"questions", items->target_count},
        {"entities_total", plan->theory->constant_count},
        {"facts_total", plan->theory->fact_count},
        {"rules_total", plan->theory->rules.count},
        {"queries_total", items->target_count},
        {"items_total", items->total},
        {"unit_items", unit_items(items)},
        {"unknown_dropped", plan->theory->dropped},
        {"unit_targets", items->unit_targets},
        {"unit_places", items->unit_candidates},
        {"places", items->places},
    };
    (void)settings;
    const enum err err = plan_describe(ledger, facts, sizeof facts / sizeof *facts);
    return err ? err : put_depths(plan->theory, ledger);
}

/* ---- results ----------------------------------------------------------------------------- */

/* What may stand at a place of a target that has `places` of them. Which triples are known, only
 * workers look up. */
static bool is_possible(uint8_t kind, uint64_t place, uint64_t places)
{
    if (place == 0) return kind == ITEM_TRUE;
    if (place >= places) return kind == ITEM_NONE;
    return kind == ITEM_CANDIDATE || kind == ITEM_KNOWN;
}

static enum err check_target(const struct prove_plan *plan, uint32_t target,
                             const struct item_span *span, const uint8_t *bytes)
{
    const uint64_t places = items_places(&plan->items, target);
    enum err err = OK;
    for (uint64_t i = 0; i < span->place_count && !err; i++) {
        const uint64_t place = span->first_place + i;
        struct outcome outcome;
        outcome_read(bytes + i * OUTCOME_BYTES, &outcome);
        err = outcome_check(&outcome, plan->depth);
        if (!err && !is_possible(outcome.kind, place, places))
            err =
                err_note(ERR_FORMAT, "outcome: kind %u cannot be at place %" PRIu64 " of %" PRIu64,
                         outcome.kind, place, places);
    }
    return err;
}

static enum err prove_believe(const void *state, uint64_t unit, const uint8_t *bytes, size_t size)
{
    const struct prove_plan *plan = state;
    if (unit >= items_rows(&plan->items) * items_columns(&plan->items))
        return err_note(ERR_FORMAT, "tally: unit %" PRIu64 " is not of this run", unit);
    const struct item_span span = items_span(&plan->items, unit);
    const uint64_t stride = span.place_count * OUTCOME_BYTES;
    if (size != span.target_count * stride)
        return err_note(ERR_FORMAT,
                        "tally: %zu bytes, expected %" PRIu64 " for %" PRIu32 " queries", size,
                        span.target_count * stride, span.target_count);
    enum err err = OK;
    for (uint32_t i = 0; i < span.target_count && !err; i++)
        err = check_target(plan, span.first_target + i, &span, bytes + i * stride);
    return err;
}

static uint64_t query_of(const struct prove_plan *plan, uint32_t target)
{
    return plan->theory->evaluated.line[plan->items.target[target].triple];
}

static enum err put_outcome(const struct prove_plan *plan, struct ledger *ledger, uint32_t target,
                            uint64_t place, const struct outcome *outcome)
{
    const struct theory *theory = plan->theory;
    struct triple triple;
    check(items_at(&plan->items, target, place, &triple) != ITEM_NONE);
    const struct ledger_outcome row = {
        .query = query_of(plan, target),
        .candidate = place,
        .side = item_side_name[plan->items.target[target].side],
        .head = vocab_label(theory->constants, triple.head),
        .relation = vocab_label(theory->predicates, triple.relation),
        .tail = vocab_label(theory->constants, triple.tail),
        .outcome = *outcome,
    };
    return ledger_put_outcome(ledger, &row);
}

/* Stores one outcome, and counts it. */
static enum err fold_outcome(const struct prove_plan *plan, struct ledger *ledger, uint32_t target,
                             uint64_t place, const struct outcome *outcome)
{
    struct standing *standing = &plan->standing[target % plan->items.unit_targets];
    struct rank_count *count = &standing->count;
    if (outcome->kind == ITEM_NONE) return OK;
    if (outcome->kind == ITEM_KNOWN) {
        count->filtered++;
        return OK;
    }
    const double score = outcome_score(outcome);
    if (outcome->kind == ITEM_TRUE) {
        standing->truth = score;
    } else {
        count->above += score > standing->truth;
        count->level += score == standing->truth;
    }
    count->candidates++;
    return put_outcome(plan, ledger, target, place, outcome);
}

struct folding {
    struct prove_plan *plan;
    struct ledger *ledger;
};

static enum err fold_unit(void *context, uint64_t unit, const uint8_t *bytes, size_t size)
{
    const struct folding *folding = context;
    enum err err = prove_believe(folding->plan, unit, bytes, size); /* a file may be damaged */
    if (err) return err_prefix(err, "database: unit %" PRIu64, unit);
    const struct item_span span = items_span(&folding->plan->items, unit);
    for (uint32_t i = 0; i < span.target_count; i++)
        for (uint64_t place = 0; place < span.place_count && !err; place++) {
            struct outcome outcome;
            outcome_read(bytes, &outcome);
            bytes += OUTCOME_BYTES;
            err = fold_outcome(folding->plan, folding->ledger, span.first_target + i,
                               span.first_place + place, &outcome);
        }
    return err;
}

static enum err put_rank(const struct prove_plan *plan, struct ledger *ledger, uint32_t target)
{
    const struct theory *theory = plan->theory;
    const struct item_target *self = &plan->items.target[target];
    const struct triple *triple = &theory->evaluated.at[self->triple];
    const struct ledger_rank rank = {
        .query = query_of(plan, target),
        .side = item_side_name[self->side],
        .head = vocab_label(theory->constants, triple->head),
        .relation = vocab_label(theory->predicates, triple->relation),
        .tail = vocab_label(theory->constants, triple->tail),
        .count = plan->standing[target % plan->items.unit_targets].count,
    };
    return ledger_put_rank(ledger, &rank);
}

/* Memory stays that of one unit: a target's candidates are stored as they are counted. */
static enum err prove_fold(void *state, struct ledger *ledger, uint64_t row)
{
    struct prove_plan *plan = state;
    struct folding folding = {plan, ledger};
    const struct item_span span = items_span(&plan->items, row * items_columns(&plan->items));
    for (uint64_t i = 0; i < plan->items.unit_targets; i++)
        plan->standing[i] = (struct standing){0};
    enum err err = ledger_visit_row(ledger, row, fold_unit, &folding);
    for (uint32_t i = 0; i < span.target_count && !err; i++)
        err = put_rank(plan, ledger, span.first_target + i);
    return err;
}

static enum err prove_digest(void *state, struct ledger *ledger, struct digest *out)
{
    (void)state;
    return export_digest(ledger, EXPORT_OUTCOMES, out);
}

/* ---- the plan, for people ---------------------------------------------------------------- */

/* What a batch of fixed shape that never reuses a state would take. */
static void print_arithmetic(const struct prove_plan *plan, const struct settings *settings)
{
    if (!plan->network.file) {
        printf("arithmetic  none to speak of: policy %s reads no network\n",
               settings_text(settings, SET_policy));
        return;
    }
    const double state = 2 * (double)network_macs(&plan->network);
    const double states = (double)plan->items.total * (double)plan->depth *
                          (double)(settings_count(settings, SET_successors) + 1);
    printf("arithmetic  %.4g operations to encode a state, at most %.3g states: at most %.3g;\n"
           "            much less, as most searches end early, and a state is encoded once\n",
           state, states, state * states);
}

static void prove_print(const void *state, const struct settings *settings)
{
    const struct prove_plan *plan = state;
    const struct items *items = &plan->items;
    const struct network *network = plan->network.file ? &plan->network : NULL;
    const uint64_t threads = processors_share(settings_count(settings, SET_threads),
                                              settings_count(settings, SET_workers));
    struct prove_shape shape;
    char words[WORDS_SIZE];
    prove_shape_choose(settings, plan->theory, items, network, &shape);
    printf("queries     %" PRIu32 ", with %" PRIu32 " facts and %" PRIu32 " rules\n",
           items->target_count, plan->theory->fact_count, plan->theory->rules.count);
    printf("candidates  up to %" PRIu64 " for a query; %" PRIu64
           " items in all, the true ones included\n",
           items->places - 1, items->total);
    if (plan->theory->dropped)
        printf("unknown     %" PRIu64 " lines dropped\n", plan->theory->dropped);
    printf("units       %" PRIu64 ": %" PRIu64 " rows of %" PRIu64 " queries, %" PRIu64
           " columns of %" PRIu64 " items\n",
           items_rows(items) * items_columns(items), items_rows(items), items->unit_targets,
           items_columns(items), items->unit_candidates);
    printf("memory      %s for each worker, beside the input files it maps\n",
           words_bytes(prove_shape_bytes(&shape, network, threads), words));
    print_arithmetic(plan, settings);
}

/* ---- resuming ---------------------------------------------------------------------------- */

static enum err prove_adopt(void *state, const struct settings *asked, const struct settings *kept)
{
    struct prove_plan *plan = state;
    const uint64_t before = unit_items(&plan->items);
    items_close(&plan->items);
    enum err err = items_open(kept, plan->theory, &plan->items);
    if (!err) err = plan_check_cut(asked, SET_unit_items, before, unit_items(&plan->items));
    if (!err) err = prove_allocate(plan);
    return err;
}

const struct plan_program plan_prove = {
    .name = "prove",
    .open = prove_open,
    .close = prove_close,
    .grid = prove_grid,
    .describe = prove_describe,
    .believe = prove_believe,
    .fold = prove_fold,
    .digest = prove_digest,
    .print = prove_print,
    .adopt = prove_adopt,
};
