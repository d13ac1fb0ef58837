#include "common/network.h"

#include "common/atom.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 64 }; /* of a tensor that is asked for */

/* A file while its tensors are taken out, one by one. */
struct reading {
    const struct tensors *file;
    bool check_numbers;
    bool *taken; /* [tensors of the file] */
};

#define TENSOR_FORMAT "model: %s: tensor %.200s: "
#define TENSOR_NAMES(reading, name) tensors_path((reading)->file), (name)

static size_t find(const struct tensors *file, const char *name)
{
    size_t place = 0;
    while (place < tensors_count(file) && strcmp(tensors_name(file, place), name) != 0) place++;
    return place;
}

static bool has(const struct reading *reading, const char *name)
{
    return find(reading->file, name) < tensors_count(reading->file);
}

/* Whether a name begins with `prefix`. */
static bool has_any(const struct reading *reading, const char *prefix)
{
    const size_t count = tensors_count(reading->file), size = strlen(prefix);
    size_t place = 0;
    while (place < count && strncmp(tensors_name(reading->file, place), prefix, size) != 0) place++;
    return place < count;
}

/* A tensor of whatever shape. */
static enum err take(struct reading *reading, const char *name, struct table *out)
{
    const enum err err = tensors_table(reading->file, name, out);
    if (err) return err_prefix(err, "model");
    reading->taken[find(reading->file, name)] = true;
    uint64_t row, column;
    if (!reading->check_numbers || table_find_nonfinite(out, &row, &column) == ERR_NONE) return OK;
    return err_note(
        ERR_INPUT, TENSOR_FORMAT "row %llu, column %llu is NaN or infinite; mend the model",
        TENSOR_NAMES(reading, name), (unsigned long long)row, (unsigned long long)column);
}

static enum err take_sized(struct reading *reading, const char *name, uint64_t rows, uint64_t width,
                           struct table *out)
{
    const enum err err = take(reading, name, out);
    if (err || (out->rows == rows && out->width == width)) return err;
    return err_note(ERR_INPUT, TENSOR_FORMAT "%llu x %llu numbers, expected %llu x %llu",
                    TENSOR_NAMES(reading, name), (unsigned long long)out->rows,
                    (unsigned long long)out->width, (unsigned long long)rows,
                    (unsigned long long)width);
}

/* The tensors NAME.weight [out][in] and NAME.bias [out]. */
static enum err take_pair(struct reading *reading, const char *name, uint64_t out, uint64_t in,
                          struct table *weight, struct table *bias)
{
    char full[NAME_MOST];
    (void)snprintf(full, sizeof full, "%.40s.weight", name);
    enum err err = take_sized(reading, full, out, in, weight);
    (void)snprintf(full, sizeof full, "%.40s.bias", name);
    if (!err) err = take_sized(reading, full, out, 1, bias);
    return err;
}

static enum err take_layer(struct reading *reading, const char *name, uint64_t out, uint64_t in,
                           bool norm, struct network_layer *layer)
{
    char full[NAME_MOST];
    (void)snprintf(full, sizeof full, "%.40s.norm", name);
    enum err err = take_pair(reading, name, out, in, &layer->weight, &layer->bias);
    if (!err && norm)
        err = take_pair(reading, full, out, 1, &layer->norm_weight, &layer->norm_bias);
    return err;
}

/* The sizes follow from the first tables; the others must fit them. */
static enum err check_most(const struct reading *reading, const char *name, const char *what,
                           uint64_t count, uint64_t most)
{
    if (count <= most) return OK;
    return err_note(ERR_INPUT, TENSOR_FORMAT "%llu %s, expected at most %llu",
                    TENSOR_NAMES(reading, name), (unsigned long long)count, what,
                    (unsigned long long)most);
}

static enum err read_constants(struct reading *reading, uint64_t constants, uint64_t variables,
                               struct network *network)
{
    static const char name[] = "constants.weight";
    struct table *table = &network->constants;
    const uint64_t needed = 1 + constants + variables;
    enum err err = take(reading, name, table);
    if (!err && table->rows < needed)
        err = err_note(ERR_INPUT,
                       TENSOR_FORMAT "%llu rows, expected at least %llu, for padding, %llu "
                                     "constants and the %llu variables of the rules",
                       TENSOR_NAMES(reading, name), (unsigned long long)table->rows,
                       (unsigned long long)needed, (unsigned long long)constants,
                       (unsigned long long)variables);
    if (!err) err = check_most(reading, name, "rows", table->rows, UINT32_MAX);
    if (!err) err = check_most(reading, name, "numbers in a row", table->width, NETWORK_WIDTH_MAX);
    if (err) return err;
    network->width = (uint32_t)table->width;
    network->variables = (uint32_t)(table->rows - 1 - constants);
    return OK;
}

static enum err read_predicates(struct reading *reading, uint64_t predicates,
                                struct network *network)
{
    static const char name[] = "predicates.weight";
    struct table *table = &network->predicates;
    const uint64_t rows = 1 + predicates + ATOM_ENDS;
    enum err err = take(reading, name, table);
    if (err || (table->rows == rows && table->width == network->width)) return err;
    return err_note(ERR_INPUT,
                    TENSOR_FORMAT "%llu x %llu numbers, expected %llu x %u: rows for padding, "
                                  "%llu predicates and %d ends",
                    TENSOR_NAMES(reading, name), (unsigned long long)table->rows,
                    (unsigned long long)table->width, (unsigned long long)rows, network->width,
                    (unsigned long long)predicates, ATOM_ENDS);
}

static enum err read_hidden(struct reading *reading, struct network *network)
{
    static const char name[] = "input.weight";
    struct table input;
    enum err err = take(reading, name, &input);
    if (!err) err = check_most(reading, name, "rows", input.rows, NETWORK_WIDTH_MAX);
    if (!err) network->hidden = (uint32_t)input.rows;
    return err;
}

static enum err read_blocks(struct reading *reading, struct network *network)
{
    enum err err = OK;
    bool more = true;
    while (!err && more && network->blocks < NETWORK_BLOCKS_MAX) {
        char name[NAME_MOST], prefix[NAME_MOST];
        (void)snprintf(name, sizeof name, "block.%u", network->blocks);
        (void)snprintf(prefix, sizeof prefix, "block.%u.", network->blocks);
        more = has_any(reading, prefix);
        if (!more) continue;
        err = take_layer(reading, name, network->hidden, network->hidden, true,
                         &network->block[network->blocks++]);
    }
    return err;
}

static enum err read_temperature(struct reading *reading, struct network *network)
{
    static const char name[] = "temperature";
    struct table table;
    network->normalised = has(reading, name);
    if (!network->normalised) return OK;
    const enum err err = take_sized(reading, name, 1, 1, &table);
    if (err) return err;
    table_row(&table, 0, &network->temperature);
    if (isfinite(network->temperature) && network->temperature > 0) return OK;
    return err_note(ERR_INPUT, TENSOR_FORMAT "%g, expected a finite number above 0",
                    TENSOR_NAMES(reading, name), (double)network->temperature);
}

/* A tensor that was not taken has a misspelt name, or means something that is not computed. */
static enum err check_all_taken(const struct reading *reading, const struct network *network)
{
    size_t place = 0;
    while (place < tensors_count(reading->file) && reading->taken[place]) place++;
    if (place == tensors_count(reading->file)) return OK;
    return err_note(ERR_INPUT,
                    TENSOR_FORMAT "unknown in a policy network, of which blocks 0 to n - 1 are "
                                  "there for n = %u (at most %d); mend its name, or leave it out",
                    TENSOR_NAMES(reading, tensors_name(reading->file, place)), network->blocks,
                    NETWORK_BLOCKS_MAX);
}

static enum err read_all(struct reading *reading, uint32_t constants, uint32_t predicates,
                         uint32_t rule_variables, struct network *network)
{
    enum err err = read_constants(reading, constants, rule_variables, network);
    if (!err) err = read_predicates(reading, predicates, network);
    if (!err) err = read_hidden(reading, network);
    const uint64_t width = network->width, hidden = network->hidden;
    if (!err) err = take_layer(reading, "input", hidden, width, true, &network->input);
    if (!err) err = read_blocks(reading, network);
    if (!err) err = take_layer(reading, "head.0", hidden, hidden, false, &network->head[0]);
    if (!err) err = take_layer(reading, "head.1", width, hidden, false, &network->head[1]);
    if (!err) err = read_temperature(reading, network);
    return err ? err : check_all_taken(reading, network);
}

enum err network_open(const char *path, uint32_t constants, uint32_t predicates,
                      uint32_t rule_variables, bool check_numbers, struct network *out)
{
    *out = (struct network){0};
    struct reading reading = {.check_numbers = check_numbers};
    enum err err = tensors_open(path, &out->file);
    if (err) err = err_prefix(err, "model");
    if (!err && tensors_single(out->file))
        err = err_note(ERR_INPUT,
                       "model: %s: an .npy holds one table, expected the tensors of a policy "
                       "network in a .safetensors",
                       path);
    if (!err) {
        reading.file = out->file;
        reading.taken = calloc(tensors_count(out->file) + 1, sizeof *reading.taken);
        if (!reading.taken) err = err_note(ERR_MEMORY, "model: %s: not enough memory", path);
    }
    if (!err) err = read_all(&reading, constants, predicates, rule_variables, out);

    free(reading.taken);
    if (err) network_close(out);
    return err;
}

void network_close(struct network *network)
{
    tensors_close(&network->file);
    *network = (struct network){0};
}

uint64_t network_macs(const struct network *network)
{
    const uint64_t width = network->width, hidden = network->hidden;
    return 2 * width * hidden + (network->blocks + UINT64_C(1)) * hidden * hidden;
}
