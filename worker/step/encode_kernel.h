/*
 * encode_kernel - one tile of the encode step, compiled once for each instruction set.
 *
 * A tile's activations lie in panels as the weights do: [panel][row][ENCODE_PANEL]. So the numbers
 * of a block's rows stand at fixed distances from each other, which instructions can hold; a
 * block's results are stored as the next layer wants them; and a number's place in its panel is
 * the partial sum that it belongs to. What pads a row is +0 wherever a sum is made of it, which
 * changes no bit, since these partials are +0 or more.
 */
#ifndef WORKER_STEP_ENCODE_KERNEL_H
#define WORKER_STEP_ENCODE_KERNEL_H

#include "worker/step/encode.h"
#include "worker/step/simd.h"

/* Rows of a block: as many as leave all its sums in registers. */
#if defined(__AVX512F__)
#define HEIGHTS(ROW) \
    ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12)
#elif defined(__AVX2__)
#define HEIGHTS(ROW) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6)
#else
#define HEIGHTS(ROW) ROW(1) ROW(2)
#endif

#define ROW(height) +1
enum {
    HEIGHT_MOST = HEIGHTS(ROW),
    VECTORS = ENCODE_PANEL / FLOATS, /* registers of a panel's row */
    COLUMNS = 2,                     /* registers of a block's row */
    WIDTH = COLUMNS * FLOATS,
    NORM_ROWS = 8,
};
#undef ROW

_Static_assert(ENCODE_PANEL == ENCODE_PARTIALS, "a number's place in its panel is its partial's");
_Static_assert(VECTORS % COLUMNS == 0, "a panel is a whole number of blocks");

struct tile {
    uint32_t rows;
    size_t panel_step; /* from a panel to the next: of all rows, and of one more where they are
                          even, so that a row's panels do not share a set of the first cache */
};

static uint32_t panels_of(uint32_t numbers)
{
    return encode_padded(numbers) / ENCODE_PANEL;
}

/* Linear layers. */

/* What a block computes: WIDTH outputs for a few rows. Pointers are to the first row, and to the
 * first output. */
struct block {
    const float *x, *panel, *bias;
    float *y;
    size_t panel_step;
    uint32_t in;
    bool relu;
};

/* What is no number stays so; adding +0 makes +0 of -0. */
HD struct floats rectified(struct floats x)
{
    return floats_add(floats_max(floats_zero(), x), floats_zero());
}

HD void multiply(int height, const struct block *block)
{
    struct floats sum[HEIGHT_MOST][COLUMNS];
#pragma GCC unroll 12
    for (int i = 0; i < height; i++)
#pragma GCC unroll 2
        for (int v = 0; v < COLUMNS; v++) sum[i][v] = floats_load(block->bias + v * FLOATS);

    const float *x = block->x, *panel = block->panel;
    for (uint32_t k = 0; k < block->in; k += ENCODE_PANEL, x += block->panel_step) {
        const uint32_t left = block->in - k < ENCODE_PANEL ? block->in - k : ENCODE_PANEL;
        const float *end = x + left;
        for (const float *at = x; at < end; at++, panel += ENCODE_PANEL) {
            struct floats weight[COLUMNS];
#pragma GCC unroll 2
            for (int v = 0; v < COLUMNS; v++) weight[v] = floats_load(panel + v * FLOATS);
#pragma GCC unroll 12
            for (int i = 0; i < height; i++) {
                const struct floats number = floats_all(at[i * ENCODE_PANEL]);
#pragma GCC unroll 2
                for (int v = 0; v < COLUMNS; v++)
                    sum[i][v] = floats_fma_once(number, weight[v], sum[i][v]);
            }
        }
    }

    float *y = block->y;
    const bool relu = block->relu;
#pragma GCC unroll 12
    for (int i = 0; i < height; i++)
#pragma GCC unroll 2
        for (int v = 0; v < COLUMNS; v++)
            floats_store(y + i * ENCODE_PANEL + v * FLOATS,
                         relu ? rectified(sum[i][v]) : sum[i][v]);
}

/* A copy for each height, so that its sums are registers. */
#define ROW(height)                                                                    \
    static __attribute__((noinline)) void multiply_##height(const struct block *block) \
    {                                                                                  \
        multiply(height, block);                                                       \
    }
HEIGHTS(ROW)
#undef ROW

/* A tile's rows are cut into blocks of heights as even as can be. */
static void linear(const struct encode_layer *layer, const struct tile *tile, const float *x,
                   float *y, bool relu)
{
#define ROW(height) multiply_##height,
    static void (*const multiply_rows[])(const struct block *) = {HEIGHTS(ROW)};
#undef ROW
    const uint32_t blocks = (tile->rows + HEIGHT_MOST - 1) / HEIGHT_MOST;
    for (uint32_t out = 0; out < encode_padded(layer->out); out += WIDTH) {
        const uint32_t panel = out / ENCODE_PANEL, column = out % ENCODE_PANEL;
        struct block block = {
            .x = x,
            .panel = layer->panel + (size_t)panel * layer->in * ENCODE_PANEL + column,
            .bias = layer->bias + out,
            .y = y + panel * tile->panel_step + column,
            .panel_step = tile->panel_step,
            .in = layer->in,
            .relu = relu,
        };
        for (uint32_t i = 0; i < blocks; i++) {
            const uint32_t height = tile->rows / blocks + (i < tile->rows % blocks);
            multiply_rows[height - 1](&block);
            block.x += height * ENCODE_PANEL;
            block.y += height * ENCODE_PANEL;
        }
    }
}

/* Sums of 32 partials. */

struct partials {
    struct floats v[VECTORS];
};

HD struct partials partials_zero(void)
{
    struct partials partials;
    for (int v = 0; v < VECTORS; v++) partials.v[v] = floats_zero();
    return partials;
}

HD float partials_fold(struct partials partials)
{
    for (int half = VECTORS / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            partials.v[v] = floats_add(partials.v[v], partials.v[v + half]);
    return floats_fold(partials.v[0]);
}

/* The sum of a row's `count` numbers, or of their squares. `step`: from a panel to the next. */
HD float row_sum(const float *row, size_t step, uint32_t count, bool squared)
{
    struct partials partials = partials_zero();
    for (uint32_t p = 0; p < panels_of(count); p++, row += step)
        for (int v = 0; v < VECTORS; v++) {
            const struct floats number = floats_load(row + v * FLOATS);
            partials.v[v] = squared ? floats_fma_once(number, number, partials.v[v])
                                    : floats_add(partials.v[v], number);
        }
    return partials_fold(partials);
}

HD void row_divide(float *row, size_t step, uint32_t count, float divisor)
{
    for (uint32_t p = 0; p < panels_of(count); p++, row += step)
        for (int v = 0; v < VECTORS; v++)
            floats_store(row + v * FLOATS,
                         floats_div(floats_load(row + v * FLOATS), floats_all(divisor)));
}

/* Layer norm. */

/* What pads a row is no number where infinity has met a weight of padding. */
HD void row_clear_padding(float *row, size_t step, uint32_t count)
{
    float *last = row + count / ENCODE_PANEL * step;
    for (uint32_t k = count % ENCODE_PANEL; k > 0 && k < ENCODE_PANEL; k++) last[k] = 0;
}

/* Takes `mean` off a row's `count` numbers, not off what pads it. */
HD void row_centre(float *row, size_t step, uint32_t count, float mean)
{
    for (uint32_t p = 0; p < count / ENCODE_PANEL; p++, row += step)
        for (int v = 0; v < VECTORS; v++)
            floats_store(row + v * FLOATS,
                         floats_sub(floats_load(row + v * FLOATS), floats_all(mean)));
    for (uint32_t k = 0; k < count % ENCODE_PANEL; k++) row[k] -= mean;
}

/* x = d r weight + bias, added to x if so wished; `row` is d. */
HD void row_scale(const struct encode_layer *layer, const float *row, size_t step, float r,
                  float *x, bool add)
{
    const float *weight = layer->norm, *bias = layer->add;
    for (uint32_t p = 0; p < panels_of(layer->out); p++, row += step, x += step)
        for (int v = 0; v < VECTORS; v++, weight += FLOATS, bias += FLOATS) {
            const struct floats scaled = floats_mul(floats_load(row + v * FLOATS), floats_all(r));
            const struct floats out =
                floats_fma_once(scaled, floats_load(weight), floats_load(bias));
            floats_store(x + v * FLOATS, add ? floats_add(floats_load(x + v * FLOATS), out) : out);
        }
}

/* x = norm(y), or x + norm(y); y is lost. A few rows at a time take each step together, so that
 * none waits for its sums while the first cache still holds all of them. */
static void norm(const struct encode_layer *layer, const struct tile *tile, float *y, float *x,
                 bool add)
{
    const size_t step = tile->panel_step;
    const uint32_t out = layer->out;
    for (uint32_t first = 0; first < tile->rows; first += NORM_ROWS) {
        const uint32_t rows = tile->rows - first < NORM_ROWS ? tile->rows - first : NORM_ROWS;
        float *from = y + first * ENCODE_PANEL, *to = x + first * ENCODE_PANEL;
        float value[NORM_ROWS];
        for (uint32_t i = 0; i < rows; i++) {
            row_clear_padding(from + i * ENCODE_PANEL, step, out);
            value[i] = row_sum(from + i * ENCODE_PANEL, step, out, false) / (float)out;
        }
        for (uint32_t i = 0; i < rows; i++)
            row_centre(from + i * ENCODE_PANEL, step, out, value[i]);
        for (uint32_t i = 0; i < rows; i++) {
            const float variance = row_sum(from + i * ENCODE_PANEL, step, out, true) / (float)out;
            value[i] = 1 / sqrtf(variance + 1e-5f);
        }
        for (uint32_t i = 0; i < rows; i++)
            row_scale(layer, from + i * ENCODE_PANEL, step, value[i], to + i * ENCODE_PANEL, add);
    }
}

/* States. */

/* Adds an atom's numbers to a state's. */
static void add_atom(const struct encode_weights *weights, const struct tile *tile,
                     const struct atom *atom, float *state)
{
    const size_t width = encode_padded(weights->width);
    const bool end = atom->predicate >= weights->end_first;
    const float *predicate = weights->predicates + atom->predicate * width;
    const float *first = weights->constants + atom->first * width;
    const float *second = weights->constants + atom->second * width;
    for (size_t k = 0; k < width; k += FLOATS) {
        float *at = state + k / ENCODE_PANEL * tile->panel_step + k % ENCODE_PANEL;
        struct floats number = floats_load(predicate + k);
        if (!end)
            number =
                floats_sub(floats_add(number, floats_load(first + k)), floats_load(second + k));
        floats_store(at, floats_add(floats_load(at), number));
    }
}

static void embed(const struct encode_args *args, uint32_t first, const struct tile *tile, float *x)
{
    const struct encode_weights *weights = args->weights;
    memset(x, 0, panels_of(weights->width) * tile->panel_step * sizeof(float));
    for (uint32_t i = 0; i < tile->rows; i++, x += ENCODE_PANEL) {
        const struct atom *state = args->key + (size_t)args->slot[first + i] * args->atoms;
        for (uint32_t a = 0; a < args->atoms && state[a].predicate; a++)
            add_atom(weights, tile, &state[a], x);
        row_divide(x, tile->panel_step, weights->width, (float)weights->atoms);
    }
}

static void store_codes(const struct encode_args *args, uint32_t first, const struct tile *tile,
                        const float *x)
{
    const uint32_t width = args->weights->width, padded = encode_padded(width);
    for (uint32_t i = 0; i < tile->rows; i++, x += ENCODE_PANEL) {
        float *code = args->code + (size_t)args->slot[first + i] * padded;
        for (uint32_t p = 0; p < panels_of(width); p++)
            memcpy(code + p * ENCODE_PANEL, x + p * tile->panel_step, ENCODE_PANEL * sizeof(float));
        memset(code + width, 0, (padded - width) * sizeof(float));
        if (!args->weights->normalised) continue;
        const float length = sqrtf(row_sum(code, ENCODE_PANEL, width, true));
        if (length < INFINITY)
            row_divide(code, ENCODE_PANEL, width, length > 1e-12f ? length : 1e-12f);
        else
            for (uint32_t k = 0; k < width; k++) code[k] = NAN;
    }
}

static void kernel_tile(const struct encode_args *args, uint32_t first, uint32_t rows,
                        float *scratch)
{
    const struct encode_weights *weights = args->weights;
    const struct tile tile = {.rows = rows, .panel_step = (rows | (size_t)1) * ENCODE_PANEL};
    const uint32_t widest = weights->width > weights->hidden ? weights->width : weights->hidden;
    float *x = scratch, *y = scratch + panels_of(widest) * tile.panel_step;

    embed(args, first, &tile, x);
    linear(&weights->input, &tile, x, y, true);
    norm(&weights->input, &tile, y, x, false);
    for (uint32_t b = 0; b < weights->blocks; b++) {
        linear(&weights->block[b], &tile, x, y, true);
        norm(&weights->block[b], &tile, y, x, true);
    }
    linear(&weights->head[0], &tile, x, y, true);
    linear(&weights->head[1], &tile, y, x, false);
    store_codes(args, first, &tile, x);
}

static float kernel_dot(const float *a, const float *b, uint32_t count)
{
    struct partials partials = partials_zero();
    uint32_t k = 0;
    for (; count - k >= ENCODE_PANEL; k += ENCODE_PANEL)
        for (int v = 0; v < VECTORS; v++)
            partials.v[v] = floats_fma_once(floats_load(a + k + v * FLOATS),
                                            floats_load(b + k + v * FLOATS), partials.v[v]);
    float rest[ENCODE_PANEL];
    for (int v = 0; v < VECTORS; v++) floats_store(rest + v * FLOATS, partials.v[v]);
    for (uint32_t i = 0; k + i < count; i++) rest[i] = fmaf(a[k + i], b[k + i], rest[i]);
    for (int v = 0; v < VECTORS; v++) partials.v[v] = floats_load(rest + v * FLOATS);
    return partials_fold(partials);
}

#endif
