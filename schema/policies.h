/*
 * policies - how a proof search chooses its next state, one row each.
 *
 * ROW(name, network): network is 1 where a policy reads a model.
 *
 * To add one: write worker/policy/NAME.h and add a row.
 */
#ifndef SCHEMA_POLICIES_H
#define SCHEMA_POLICIES_H

#define POLICIES(ROW) \
    ROW(first, 0)     \
    ROW(hash, 0)      \
    ROW(random, 0)    \
    ROW(network, 1)

enum policy {
#define ROW(name, network) POLICY_##name,
    POLICIES(ROW)
#undef ROW
        POLICY_COUNT
};

/* The choices of the setting "policy", in the order of enum policy; settings drop the first bar. */
#define POLICY_BAR(name, network) "|" #name
#define POLICY_CHOICES POLICIES(POLICY_BAR)

#endif
