/*
 * network - the weights of a policy network, in a safetensors file: names, shapes, checks.
 *
 * With C constants, P predicates, width d, hidden h (free) and n blocks:
 *
 *     constants.weight      [more than C + rule variables][d]   row 0 is padding and not read;
 *                                                               rows C+1 ..: variables
 *     predicates.weight     [P + 4][d]                          row 0 is padding; P+1 true, ...
 *     input.weight  .bias   [h][d], [h]       input.norm.weight  .bias       [h]
 *     block.I.weight .bias  [h][h], [h]       block.I.norm.weight .bias      [h]    I = 0 .. n-1
 *     head.0.weight .bias   [h][h], [h]
 *     head.1.weight .bias   [d][h], [d]
 *     temperature           one number; optional, see below
 *
 * What it computes (Linear as in PyTorch: out = weight x + bias):
 *
 *     atom    predicate + first - second; an end: its predicate alone
 *     state   sum of its atoms / `atoms`
 *     body    x = norm(relu(input(state))); n times x = x + norm(relu(block(x)))
 *     code    head.1(relu(head.0(x))); with a temperature: / max(length, 1e-12)
 *     logit   <code(state), code(successor)> / sqrt(d); with a temperature: / temperature
 *
 * Rows for variables beyond those of the rules are for the fresh ones of a search. How many it
 * needs only searching tells: too few rows end the run in the middle, with ERR_INPUT naming the
 * rows needed.
 *
 * norm is layer normalisation, epsilon 1e-5, biased variance. The order of every operation is
 * fixed by worker/step/encode.h and choose.h (design, "Exactness", rule 6).
 *
 * Owner:   network_open gives, network_close takes.
 * Errors:  ERR_INPUT with file, tensor, expected and found; a number that is not finite, and a
 *          tensor of another name, is refused.
 */
#ifndef COMMON_NETWORK_H
#define COMMON_NETWORK_H

#include "common/tensors.h"

enum {
    NETWORK_BLOCKS_MAX = 64,
    NETWORK_WIDTH_MAX = 1 << 16, /* of d and h */
};

/* A linear layer, and the norm behind it where there is one (rows 0 if not). A vector of n numbers
 * is a table of [n][1]: n rows of one. */
struct network_layer {
    struct table weight, bias, norm_weight, norm_bias;
};

struct network {
    struct tensors *file;
    uint32_t width, hidden, blocks;
    uint32_t variables; /* that the table of constants has rows for */
    bool normalised;
    float temperature; /* when normalised */
    struct table constants, predicates;
    struct network_layer input, block[NETWORK_BLOCKS_MAX], head[2];
};

/* `check_numbers`: looks at every number; needed once, by the plan. */
MUST enum err network_open(const char *path, uint32_t constants, uint32_t predicates,
                           uint32_t rule_variables, bool check_numbers, struct network *out);
void network_close(struct network *network);

/* Multiplications (and as many additions) that encode one state. */
uint64_t network_macs(const struct network *network);

#endif
