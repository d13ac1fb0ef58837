/*
 * made_network - a policy network of any size whose weights are a fixed sequence of numbers, for
 * tests and benchmarks.
 */
#ifndef TESTS_MADE_NETWORK_H
#define TESTS_MADE_NETWORK_H

#include "common/atom.h"
#include "common/network.h"

#include <math.h>
#include <stdlib.h>

struct made_network {
    struct network network;
    float *numbers; /* what the tables point into */
    size_t taken;
    uint64_t random;
};

/* A fixed sequence of numbers from -1 to 1. */
static float made_number(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (float)(*random >> 40) * 0x1p-23f - 1;
}

static struct table made_table(struct made_network *made, uint64_t rows, uint64_t width, float size,
                               float middle)
{
    float *at = made->numbers + made->taken;
    made->taken += rows * width;
    for (uint64_t i = 0; i < rows * width; i++) at[i] = middle + size * made_number(&made->random);
    return (struct table){at, TENSOR_F32, rows, width};
}

static struct network_layer made_layer(struct made_network *made, uint32_t out, uint32_t in,
                                       bool normed)
{
    struct network_layer layer = {
        .weight = made_table(made, out, in, sqrtf(6 / (float)in), 0),
        .bias = made_table(made, out, 1, 0.1f, 0),
    };
    if (normed) layer.norm_weight = made_table(made, out, 1, 0.2f, 1);
    if (normed) layer.norm_bias = made_table(made, out, 1, 0.2f, 0);
    return layer;
}

__attribute__((unused)) static void made_network_close(struct made_network *made)
{
    free(made->numbers);
}

/* `constants` and `predicates` as in common/atom.h. False: no memory. */
__attribute__((unused)) static bool made_network_open(uint32_t width, uint32_t hidden,
                                                      uint32_t blocks, uint32_t constants,
                                                      uint32_t variables, uint32_t predicates,
                                                      struct made_network *out)
{
    const size_t widest = (width > hidden ? width : hidden) + (size_t)4;
    const size_t rows = constants + variables + predicates + (size_t)2 + ATOM_ENDS;
    *out = (struct made_network){
        .network = {.width = width, .hidden = hidden, .blocks = blocks, .variables = variables},
        .random = 7};
    out->numbers = calloc((rows + widest * (blocks + 3)) * widest, sizeof(float));
    if (!out->numbers) return false;
    struct network *network = &out->network;
    network->constants = made_table(out, 1 + constants + variables, width, 1, 0);
    network->predicates = made_table(out, 1 + predicates + ATOM_ENDS, width, 1, 0);
    network->input = made_layer(out, hidden, width, true);
    for (uint32_t i = 0; i < blocks; i++) network->block[i] = made_layer(out, hidden, hidden, true);
    network->head[0] = made_layer(out, hidden, hidden, false);
    network->head[1] = made_layer(out, width, hidden, false);
    return true;
}

#endif
