/*
 * tensors - tables of numbers in files that are never trusted: safetensors and .npy.
 *
 * A file is mapped read-only; its header is checked against its size before anything is read
 * (sizes, offsets, overlaps, dtype, product of the shape), and no code in it is ever run. Values
 * are F64, F32, F16 or BF16, row-major, little-endian; they are handed out as fp32 rows: F16 and
 * BF16 widen exactly, F64 is rounded once.
 *
 * Owner:   tensors_open gives, tensors_close takes; a table borrows the file.
 * The only reader of JSON (a safetensors header), so the only user of jansson beside the report's
 * writer.
 *
 * Errors:  ERR_IO when the file cannot be read; ERR_INPUT with file, tensor, expected and found.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_TENSORS_H
#define COMMON_TENSORS_H

#include "common/err.h"

#include <stdint.h>

enum tensor_type { TENSOR_F64, TENSOR_F32, TENSOR_F16, TENSOR_BF16 };

struct tensors;

/* A table of [rows][width] numbers inside an open file. */
struct table {
    const void *at;
    enum tensor_type type;
    uint64_t rows, width;
};

MUST enum err tensors_open(const char *path, struct tensors **out);
void tensors_close(struct tensors **tensors);

/* True for an .npy, which holds one table. */
bool tensors_single(const struct tensors *tensors);
const char *tensors_path(const struct tensors *tensors);

/* How many tensors there are, and the name of each, borrowed, in the order of their data. */
size_t tensors_count(const struct tensors *tensors);
const char *tensors_name(const struct tensors *tensors, size_t place);

/* The table called `name` (an .npy holds one, whatever the name). A vector is read as
 * [numbers][1], a single number as [1][1], a tensor of more than two dimensions as
 * [first][product of the others]. ERR_INPUT lists the names there are. */
MUST enum err tensors_table(const struct tensors *tensors, const char *name, struct table *out);

/* Row `row` as fp32: `out` [width]. */
void table_row(const struct table *table, uint64_t row, float *out);

/* The first row that holds a NaN. ERR_NONE if there is none. */
MUST enum err table_find_nan(const struct table *table, uint64_t *row, uint64_t *column);

/* The first row that holds a NaN or, as fp32, an infinity. ERR_NONE if there is none. */
MUST enum err table_find_nonfinite(const struct table *table, uint64_t *row, uint64_t *column);

#endif
