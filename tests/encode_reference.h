/*
 * encode_reference - what worker/step/encode.h says of a state's code, written down one number
 * after the other: in its order, with its bits, and once more in plain double.
 */
#ifndef TESTS_ENCODE_REFERENCE_H
#define TESTS_ENCODE_REFERENCE_H

#include "tests/made_network.h"

enum { REFERENCE_WIDTH = 512 };

static float weight_at(const struct table *table, uint32_t row, uint32_t column)
{
    return ((const float *)table->at)[row * table->width + column];
}

/* The sum of x, or of x y, y given. */
static float reference_sum(const float *x, const float *y, uint32_t count)
{
    float partial[32] = {0};
    for (uint32_t k = 0; k < count; k++)
        partial[k & 31] = y ? fmaf(x[k], y[k], partial[k & 31]) : partial[k & 31] + x[k];
    for (uint32_t half = 16; half > 0; half /= 2)
        for (uint32_t i = 0; i < half; i++) partial[i] += partial[i + half];
    return partial[0];
}

static void reference_linear(const struct network_layer *layer, bool relu, const float *x,
                             float *out)
{
    for (uint32_t row = 0; row < layer->weight.rows; row++) {
        float a = weight_at(&layer->bias, row, 0);
        for (uint32_t k = 0; k < layer->weight.width; k++)
            a = fmaf(x[k], weight_at(&layer->weight, row, k), a);
        out[row] = relu && a <= 0 ? 0 : a;
    }
}

static void reference_norm(const struct network_layer *layer, float *x, float *out)
{
    const uint32_t h = (uint32_t)layer->weight.rows;
    const float mean = reference_sum(x, NULL, h) / (float)h;
    for (uint32_t k = 0; k < h; k++) x[k] = x[k] - mean;
    const float r = 1 / sqrtf(reference_sum(x, x, h) / (float)h + 1e-5f);
    for (uint32_t k = 0; k < h; k++) {
        const float scaled = x[k] * r;
        out[k] =
            fmaf(scaled, weight_at(&layer->norm_weight, k, 0), weight_at(&layer->norm_bias, k, 0));
    }
}

static void reference_state(const struct network *network, uint32_t end_first,
                            const struct atom *state, uint32_t atoms, float *out)
{
    for (uint32_t k = 0; k < network->width; k++) {
        float sum = 0;
        for (uint32_t i = 0; i < atoms && state[i].predicate; i++) {
            float number = weight_at(&network->predicates, state[i].predicate, k);
            if (state[i].predicate < end_first) {
                number = number + weight_at(&network->constants, state[i].first, k);
                number = number - weight_at(&network->constants, state[i].second, k);
            }
            sum = sum + number;
        }
        out[k] = sum / (float)atoms;
    }
}

/* The code: out [width]. `end_first`: P + 1. */
__attribute__((unused)) static void reference_code(const struct network *network,
                                                   uint32_t end_first, const struct atom *state,
                                                   uint32_t atoms, float *out)
{
    float x[REFERENCE_WIDTH], y[REFERENCE_WIDTH], add[REFERENCE_WIDTH];
    reference_state(network, end_first, state, atoms, x);
    reference_linear(&network->input, true, x, y);
    reference_norm(&network->input, y, x);
    for (uint32_t b = 0; b < network->blocks; b++) {
        reference_linear(&network->block[b], true, x, y);
        reference_norm(&network->block[b], y, add);
        for (uint32_t k = 0; k < network->hidden; k++) x[k] = x[k] + add[k];
    }
    reference_linear(&network->head[0], true, x, y);
    reference_linear(&network->head[1], false, y, out);
    if (!network->normalised) return;
    const float length = sqrtf(reference_sum(out, out, network->width));
    for (uint32_t k = 0; k < network->width; k++)
        out[k] = length < INFINITY ? out[k] / (length > 1e-12f ? length : 1e-12f) : NAN;
}

/* The same in double, as one would write it down from common/network.h. */

static void plain_linear(const struct network_layer *layer, bool relu, const double *x, double *out)
{
    for (uint32_t row = 0; row < layer->weight.rows; row++) {
        double a = (double)weight_at(&layer->bias, row, 0);
        for (uint32_t k = 0; k < layer->weight.width; k++)
            a += (double)weight_at(&layer->weight, row, k) * x[k];
        out[row] = relu && a < 0 ? 0 : a;
    }
}

static void plain_norm(const struct network_layer *layer, const double *x, double *out, bool add)
{
    const uint32_t h = (uint32_t)layer->weight.rows;
    double mean = 0, variance = 0;
    for (uint32_t k = 0; k < h; k++) mean += x[k] / h;
    for (uint32_t k = 0; k < h; k++) variance += (x[k] - mean) * (x[k] - mean) / h;
    for (uint32_t k = 0; k < h; k++) {
        const double normal = (x[k] - mean) / sqrt(variance + 1e-5);
        const double value = normal * (double)weight_at(&layer->norm_weight, k, 0) +
                             (double)weight_at(&layer->norm_bias, k, 0);
        out[k] = add ? out[k] + value : value;
    }
}

__attribute__((unused)) static void plain_code(const struct network *network, uint32_t end_first,
                                               const struct atom *state, uint32_t atoms,
                                               double *out)
{
    double x[REFERENCE_WIDTH] = {0}, y[REFERENCE_WIDTH];
    for (uint32_t k = 0; k < network->width; k++)
        for (uint32_t i = 0; i < atoms && state[i].predicate; i++) {
            double number = (double)weight_at(&network->predicates, state[i].predicate, k);
            if (state[i].predicate < end_first)
                number += (double)weight_at(&network->constants, state[i].first, k) -
                          (double)weight_at(&network->constants, state[i].second, k);
            x[k] += number / atoms;
        }
    plain_linear(&network->input, true, x, y);
    plain_norm(&network->input, y, x, false);
    for (uint32_t b = 0; b < network->blocks; b++) {
        plain_linear(&network->block[b], true, x, y);
        plain_norm(&network->block[b], y, x, true);
    }
    plain_linear(&network->head[0], true, x, y);
    plain_linear(&network->head[1], false, y, out);
    double square = 0;
    for (uint32_t k = 0; k < network->width; k++) square += out[k] * out[k];
    for (uint32_t k = 0; network->normalised && k < network->width; k++) out[k] /= sqrt(square);
}

#endif
