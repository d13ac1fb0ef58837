/*
 * derive_unify - two flat atoms made equal, as derive.h has it. Plain functions for host and
 * device.
 */
#ifndef WORKER_STEP_DERIVE_UNIFY_H
#define WORKER_STEP_DERIVE_UNIFY_H

#include "common/atom.h"

/* What each of the two positions bound; variable 0: nothing. */
struct derive_bindings {
    uint32_t variable[2], target[2];
};

/* The argument under the first binding, and that under the second. */
HD uint32_t derive_bound(const struct derive_bindings *bindings, uint32_t argument)
{
    const uint32_t once = argument == bindings->variable[0] ? bindings->target[0] : argument;
    return once == bindings->variable[1] ? bindings->target[1] : once;
}

HD struct atom derive_substitute(const struct derive_bindings *bindings, struct atom atom)
{
    return (struct atom){atom.predicate, derive_bound(bindings, atom.first),
                         derive_bound(bindings, atom.second)};
}

/* Binds what makes the goal's argument and the term's equal, in one position. */
HD bool derive_bind(uint32_t constants, uint32_t goal, uint32_t term, uint32_t *variable,
                    uint32_t *target)
{
    const bool term_open = term > constants, goal_open = goal > constants;
    *variable = term_open ? term : goal_open ? goal : 0;
    *target = term_open ? goal : goal_open ? term : 0;
    return term_open || goal_open || goal == term;
}

/* Goal and term have the same predicate and, a fact or a rule's head renamed apart, no variable in
 * common. False where they do not unify. */
HD bool derive_unify(uint32_t constants, struct atom goal, struct atom term,
                     struct derive_bindings *out)
{
    const bool first =
        derive_bind(constants, goal.first, term.first, &out->variable[0], &out->target[0]);
    /* The first binding may have made a constant of the goal's other argument. */
    const uint32_t goal_second = goal.second == out->variable[0] ? out->target[0] : goal.second;
    const bool second =
        derive_bind(constants, goal_second, term.second, &out->variable[1], &out->target[1]);
    const bool clash = out->variable[0] == out->variable[1] && out->target[0] != out->target[1];
    return first && second && !clash;
}

#endif
