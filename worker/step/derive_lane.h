/*
 * derive_lane - the derivation of one lane's state; the numbers in comments are the steps in
 * derive.h. Plain functions over plain arrays, for host and device.
 *
 * A successor goes straight to its row of the output, and only if it is kept. What is dropped is
 * looked at as far as it can matter: whether it has an atom left (5), and which variables a rule
 * made (7). Variables that a rule makes stand only in its body, never in the rest; so numbering
 * them while the body is copied is numbering them by first appearance, and no ground atom, which
 * may be deleted, has one.
 */
#ifndef WORKER_STEP_DERIVE_LANE_H
#define WORKER_STEP_DERIVE_LANE_H

#include "common/prove_shape.h"
#include "worker/step/derive_memory.h"
#include "worker/step/derive_unify.h"

/* One derivation under way. */
struct derive_work {
    const struct derive_args *args;
    uint32_t constants;
    struct atom root, goal;
    struct atom *rest; /* [rest_count], without the facts among them: no child has those */
    bool *rest_open;   /* [rest_count], there are variables in it */
    uint32_t rest_count;
    struct atom *child;     /* [atoms + body_most] */
    uint32_t *fresh;        /* [2 body_most], variables that a rule makes, in order */
    struct atom *successor; /* [successors][atoms], the lane's */
    uint64_t *hash;         /* [successors] */
    struct derive_memory memory;
    uint32_t first_variable, next_variable; /* n before, and after */
    uint32_t raw, kept;
    bool proved;
};

HD bool derive_is_ground(const struct derive_work *work, struct atom atom)
{
    return atom.first <= work->constants && atom.second <= work->constants;
}

/* A ground atom may be used as a fact. */
HD bool derive_is_usable(const struct derive_work *work, struct atom atom)
{
    return facts_has(work->args->facts, atom) && !atom_equal(atom, work->root);
}

/* There is nothing to derive from: no atom, or an end. */
HD bool derive_is_end(const struct derive_work *work, const struct atom *state)
{
    return state[0].predicate == 0 || state[0].predicate > work->args->predicates;
}

HD void derive_put_end(const struct derive_work *work, uint32_t row, enum atom_end end)
{
    struct atom *to = work->successor + (size_t)row * work->args->atoms;
    for (uint32_t i = 0; i < work->args->atoms; i++) to[i] = (struct atom){0, 0, 0};
    to[0].predicate = work->args->predicates + (uint32_t)end;
    work->hash[row] = derive_state_hash(to, work->args->atoms);
}

/* Counts a child whose atoms stand in `at`, which may be its row, and keeps it if it may be. */
HD void derive_add(struct derive_work *work, const struct atom *at, uint32_t count)
{
    const uint32_t atoms = work->args->atoms;
    work->proved |= count == 0;
    if (work->raw++ >= work->args->successors || count > atoms) return;
    if (derive_visited(&work->memory, at, count)) return;

    struct atom *to = work->successor + (size_t)work->kept * atoms;
    if (to != at)
        for (uint32_t i = 0; i < count; i++) to[i] = at[i];
    for (uint32_t i = count; i < atoms; i++) to[i] = (struct atom){0, 0, 0};
    work->hash[work->kept++] = derive_state_hash(to, atoms);
}

/* The rest under the bindings, behind `count` atoms of `to`; gives the count of all (4). */
HD uint32_t derive_put_rest(const struct derive_work *work, const struct derive_bindings *bindings,
                            struct atom *to, uint32_t count)
{
    for (uint32_t i = 0; i < work->rest_count; i++) {
        struct atom atom = work->rest[i];
        if (work->rest_open[i]) {
            atom = derive_substitute(bindings, atom);
            if (derive_is_ground(work, atom) && derive_is_usable(work, atom)) continue;
        }
        to[count++] = atom;
    }
    return count;
}

/* A rule's variable or constant, renamed apart: the same for all rules of the step. */
HD uint32_t derive_rename(const struct derive_work *work, uint32_t argument)
{
    return argument > work->constants ? work->first_variable + (argument - work->constants - 1)
                                      : argument;
}

/* An argument of the body: renamed, bound, and if it is new, numbered anew (7). */
HD uint32_t derive_body_argument(struct derive_work *work, const struct derive_bindings *bindings,
                                 uint32_t argument, uint32_t *fresh_count)
{
    const uint32_t bound = derive_bound(bindings, derive_rename(work, argument));
    if (bound < work->first_variable) return bound;
    uint32_t place = 0;
    while (place < *fresh_count && work->fresh[place] != bound) place++;
    if (place == *fresh_count) work->fresh[(*fresh_count)++] = bound;
    return work->first_variable + place;
}

/* The child of one rule that unifies (2). */
HD void derive_from_rule(struct derive_work *work, const struct rule *rule,
                         const struct derive_bindings *bindings)
{
    const struct atom *body = work->args->rules->body + rule->first_body;
    uint32_t count = 0, fresh_count = 0;
    for (uint32_t i = 0; i < rule->body_count; i++) {
        const uint32_t first = derive_body_argument(work, bindings, body[i].first, &fresh_count);
        const uint32_t second = derive_body_argument(work, bindings, body[i].second, &fresh_count);
        const struct atom atom = {body[i].predicate, first, second};
        if (!derive_is_ground(work, atom) || !derive_is_usable(work, atom))
            work->child[count++] = atom;
    }
    count = derive_put_rest(work, bindings, work->child, count);
    if (work->next_variable < work->first_variable + fresh_count)
        work->next_variable = work->first_variable + fresh_count;
    derive_add(work, work->child, count);
}

HD void derive_rules(struct derive_work *work)
{
    const struct rules *rules = work->args->rules;
    const uint32_t end = rules->start[work->goal.predicate + 1];
    for (uint32_t r = rules->start[work->goal.predicate]; r < end && !work->proved; r++) {
        const struct rule *rule = &rules->at[r];
        const struct atom head = {rule->head.predicate, derive_rename(work, rule->head.first),
                                  derive_rename(work, rule->head.second)};
        struct derive_bindings bindings;
        if (derive_unify(work->constants, work->goal, head, &bindings))
            derive_from_rule(work, rule, &bindings);
    }
}

/* Facts that agree with the goal's constants, in stored order. */
HD struct facts_span derive_matching(const struct derive_work *work)
{
    const struct facts *facts = work->args->facts;
    const struct atom goal = work->goal;
    if (goal.first <= work->constants) return facts_with_first(facts, goal.predicate, goal.first);
    if (goal.second <= work->constants)
        return facts_with_second(facts, goal.predicate, goal.second);
    return facts_of(facts, goal.predicate);
}

/* A fact may leave no atom of the rest: it binds the goal's variables and no others. */
HD bool derive_can_empty(const struct derive_work *work, const struct derive_bindings *bindings)
{
    bool can = true;
    for (uint32_t i = 0; i < work->rest_count; i++)
        can &= work->rest_open[i] &&
               derive_is_ground(work, derive_substitute(bindings, work->rest[i]));
    return can;
}

/* Every atom of the rest becomes a fact. */
HD bool derive_empties(const struct derive_work *work, const struct derive_bindings *bindings)
{
    bool empties = true;
    for (uint32_t i = 0; empties && i < work->rest_count; i++)
        empties = derive_is_usable(work, derive_substitute(bindings, work->rest[i]));
    return empties;
}

/* Past the cap a fact matters only if it proves everything. */
HD void derive_from_fact(struct derive_work *work, const struct derive_bindings *bindings)
{
    if (work->raw < work->args->successors) {
        struct atom *to = work->successor + (size_t)work->kept * work->args->atoms;
        derive_add(work, to, derive_put_rest(work, bindings, to, 0));
    } else {
        work->proved |= derive_empties(work, bindings);
        work->raw++;
    }
}

/* Facts that unify with a goal that has variables (3). */
HD void derive_open_goal(struct derive_work *work)
{
    const struct atom goal = work->goal;
    const struct facts_span span = derive_matching(work);
    for (uint32_t i = 0; i < span.count && !work->proved; i++) {
        const struct atom fact = {goal.predicate, span.at[i].first, span.at[i].second};
        struct derive_bindings bindings;
        if (!derive_unify(work->constants, goal, fact, &bindings) || atom_equal(fact, work->root))
            continue;
        if (work->raw >= work->args->successors && !derive_can_empty(work, &bindings)) break;
        derive_from_fact(work, &bindings);
    }
}

HD void derive_facts(struct derive_work *work)
{
    if (!derive_is_ground(work, work->goal)) {
        derive_open_goal(work);
    } else if (derive_is_usable(work, work->goal)) {
        const struct derive_bindings none = {{0, 0}, {0, 0}};
        derive_from_fact(work, &none);
    }
}

/* Goal and rest. Ground atoms are the same in every child: facts among them go at once, and no
 * others will. */
HD void derive_begin(struct derive_work *work, const struct atom *state, uint32_t next_variable)
{
    const uint32_t count = atoms_count(state, work->args->atoms);
    work->goal = state[0];
    work->rest_count = 0;
    for (uint32_t i = 1; i < count; i++) {
        const bool open = !derive_is_ground(work, state[i]);
        if (!open && derive_is_usable(work, state[i])) continue;
        work->rest[work->rest_count] = state[i];
        work->rest_open[work->rest_count++] = open;
    }
    work->first_variable = work->next_variable = next_variable;
    work->raw = work->kept = 0;
    work->proved = state[0].predicate == work->args->predicates + ATOM_TRUE;
}

/* Steps 1 to 8, and the drops; gives the count of successors. */
HD uint32_t derive_once(struct derive_work *work, struct derive_lane *lane,
                        const struct atom *state)
{
    derive_begin(work, state, lane->next_variable);
    if (!derive_is_end(work, state)) {
        derive_rules(work);
        if (!work->proved) derive_facts(work);
    }
    lane->raw += work->raw;
    if (!work->proved) lane->next_variable = work->next_variable;
    if (!work->proved && work->kept > 0) return work->kept;
    derive_put_end(work, 0, work->proved ? ATOM_TRUE : ATOM_FALSE);
    return 1;
}

/* Derives until there is something to choose; false when the memory is full. */
HD bool derive_choices(struct derive_work *work, struct derive_lane *lane, struct atom *state)
{
    const struct derive_args *args = work->args;
    const bool remembers = args->memory_pruning && !args->plain;
    const bool skips = args->skip_unary && !args->plain;
    for (uint32_t skipped = 0;; skipped++) {
        if (remembers && !derive_is_end(work, state)) {
            if (!derive_remember(&work->memory, state)) return false;
            lane->visited = work->memory.count;
        }
        lane->count = derive_once(work, lane, state);
        if (!skips || lane->count != 1 || derive_is_end(work, work->successor)) return true;
        if (skipped == PROVE_SKIPS) {
            derive_put_end(work, 0, ATOM_FALSE);
            return true;
        }
        for (uint32_t i = 0; i < args->atoms; i++) state[i] = work->successor[i];
    }
}

/* Everything the step does for one lane; scratch as derive_scratch_bytes. */
HD void derive_for_lane(const struct derive_args *args, uint32_t number, void *scratch)
{
    struct derive_lane *lane = &args->lane[number];
    const size_t first_row = (size_t)number * args->successors;
    const size_t first_visited = (size_t)number * args->visited_most;
    const uint32_t child_most = args->atoms + args->rules->body_most;
    struct derive_work work = {
        .args = args,
        .constants = args->constants,
        .root = lane->root,
        .child = (struct atom *)scratch,
        .successor = args->successor + first_row * args->atoms,
        .hash = args->hash + first_row,
        .memory = {.atoms = args->atoms,
                   .count = args->memory_pruning && !args->plain ? lane->visited : 0,
                   .most = args->visited_most,
                   .state = args->visited + first_visited * args->atoms,
                   .hash = args->visited_hash + first_visited},
    };
    work.rest = work.child + child_most;
    work.fresh = (uint32_t *)(work.rest + args->atoms);
    work.rest_open = (bool *)(work.fresh + (size_t)2 * args->rules->body_most);

    lane->raw = 0;
    lane->overflow = !derive_choices(&work, lane, args->state + (size_t)number * args->atoms);
    if (lane->overflow) {
        derive_put_end(&work, 0, ATOM_FALSE);
        lane->count = 1;
    }
    if (!args->end_action || args->plain || derive_is_end(&work, work.successor)) return;
    if (lane->count == args->successors) lane->count--;
    derive_put_end(&work, lane->count++, ATOM_GIVE_UP);
}

#endif
