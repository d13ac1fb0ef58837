/*
 * npy - the header of a NumPy .npy file, which is a Python dictionary with three keys.
 *
 * Only this one dictionary is understood; nothing is evaluated. The form is NumPy's, versions 1.0
 * to 3.0 (numpy.lib.format), with numbers that tensors can use: little-endian, rows first.
 *
 * Errors:  ERR_INPUT with a note of what was found and expected, without the path.
 * Threads: pure functions.
 */
#ifndef COMMON_NPY_H
#define COMMON_NPY_H

#include "common/err.h"

#include <stdint.h>

enum { NPY_DIMENSIONS_MAX = 32 };

struct npy {
    char type[8]; /* "f4": a kind and a size in bytes */
    uint64_t shape[NPY_DIMENSIONS_MAX];
    size_t dimensions;
    size_t data_offset; /* from the start of the file */
};

/* True if these bytes begin as an .npy does. */
bool npy_begins(const uint8_t *bytes, size_t size);

/* Reads the header of a file whose bytes are given. */
MUST enum err npy_read(const uint8_t *bytes, size_t size, struct npy *out);

#endif
