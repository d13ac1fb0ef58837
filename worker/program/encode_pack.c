/* Packs a network for the encode step. Apart from the step, since it reads a file's tables. */
#include "worker/step/encode.h"

#include <math.h>
#include <string.h>

/* Memory that is handed out from the front; where there is none, it is only counted. */
struct space {
    float *at;
    uint64_t floats;
    float *row; /* room for the widest row of a table */
};

static float *take(struct space *space, uint64_t floats)
{
    float *out = space->at ? space->at + space->floats : NULL;
    space->floats += floats;
    if (out) memset(out, 0, floats * sizeof(float));
    return out;
}

/* Each row padded. */
static const float *pack_rows(struct space *space, const struct table *table)
{
    const uint32_t padded = encode_padded((uint32_t)table->width);
    float *out = take(space, table->rows * padded);
    for (uint64_t row = 1; out && row < table->rows; row++) /* row 0 is padding, not read */
        table_row(table, row, out + row * padded);
    return out;
}

static const float *pack_vector(struct space *space, const struct table *table)
{
    float *out = take(space, encode_padded((uint32_t)(table->rows * table->width)));
    for (uint64_t row = 0; out && row < table->rows; row++)
        table_row(table, row, out + row * table->width);
    return out;
}

static const float *pack_panels(struct space *space, const struct table *weight)
{
    float *out = take(space, encode_padded((uint32_t)weight->rows) * weight->width);
    for (uint64_t row = 0; out && row < weight->rows; row++) {
        float *panel = out + row / ENCODE_PANEL * weight->width * ENCODE_PANEL + row % ENCODE_PANEL;
        table_row(weight, row, space->row);
        for (uint64_t k = 0; k < weight->width; k++) panel[k * ENCODE_PANEL] = space->row[k];
    }
    return out;
}

static struct encode_layer pack_layer(struct space *space, const struct network_layer *layer)
{
    const bool normed = layer->norm_weight.rows > 0;
    return (struct encode_layer){
        .in = (uint32_t)layer->weight.width,
        .out = (uint32_t)layer->weight.rows,
        .panel = pack_panels(space, &layer->weight),
        .bias = pack_vector(space, &layer->bias),
        .norm = normed ? pack_vector(space, &layer->norm_weight) : NULL,
        .add = normed ? pack_vector(space, &layer->norm_bias) : NULL,
    };
}

static void pack(const struct network *network, struct space *space, struct encode_weights *out)
{
    const uint32_t width = network->width, hidden = network->hidden;
    space->row = take(space, encode_padded(width > hidden ? width : hidden));
    out->constants = pack_rows(space, &network->constants);
    out->predicates = pack_rows(space, &network->predicates);
    out->input = pack_layer(space, &network->input);
    for (uint32_t i = 0; i < network->blocks; i++)
        out->block[i] = pack_layer(space, &network->block[i]);
    for (int i = 0; i < 2; i++) out->head[i] = pack_layer(space, &network->head[i]);
}

uint64_t encode_weights_bytes(const struct network *network)
{
    struct encode_weights unused;
    struct space space = {.at = NULL};
    pack(network, &space, &unused);
    return space.floats * sizeof(float);
}

void encode_pack(const struct network *network, uint32_t atoms, uint32_t predicate_count,
                 void *memory, struct encode_weights *out)
{
    check(memory != NULL);
    *out = (struct encode_weights){
        .width = network->width,
        .hidden = network->hidden,
        .blocks = network->blocks,
        .atoms = atoms,
        .end_first = predicate_count + 1,
        .constant_rows = (uint32_t)network->constants.rows,
        .predicate_rows = (uint32_t)network->predicates.rows,
        .normalised = network->normalised,
        .scale = network->normalised ? network->temperature : sqrtf((float)network->width),
    };
    struct space space = {.at = memory};
    pack(network, &space, out);
}
