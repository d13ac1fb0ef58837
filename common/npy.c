#include "common/npy.h"

#include <string.h>

enum { MAGIC_SIZE = 6, PREAMBLE_SIZE = 8 /* magic and version */ };

/* What is left of the dictionary to read. */
struct scan {
    const char *at, *end;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) && *scan->at) scan->at++;
}

/* Passes over `word`, and blanks before it, if it comes next. */
static bool take(struct scan *scan, const char *word)
{
    const size_t size = strlen(word);
    skip_blanks(scan);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) return false;
    scan->at += size;
    return true;
}

/* A quoted word without escapes. */
static bool take_quoted(struct scan *scan, char *out, size_t size)
{
    skip_blanks(scan);
    if (scan->at == scan->end || (*scan->at != '\'' && *scan->at != '"')) return false;
    const char *first = scan->at + 1;
    const char *last = memchr(first, *scan->at, (size_t)(scan->end - first));
    if (!last || (size_t)(last - first) >= size) return false;
    memcpy(out, first, (size_t)(last - first));
    out[last - first] = 0;
    scan->at = last + 1;
    return true;
}

static bool take_number(struct scan *scan, uint64_t *out)
{
    skip_blanks(scan);
    const char *first = scan->at;
    *out = 0;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        if (*out > (UINT64_MAX - 9) / 10) return false;
        *out = 10 * *out + (uint64_t)(*scan->at - '0');
    }
    return scan->at > first;
}

static enum err read_type(struct scan *scan, struct npy *npy)
{
    char type[16] = "";
    if (!take_quoted(scan, type, sizeof type))
        return err_note(ERR_INPUT,
                        "'descr' is not one number type; expected '<f4', '<f8' or '<f2'");
    const char *bare = type[0] == '<' ? type + 1 : type;
    if (strcmp(bare, "f4") != 0 && strcmp(bare, "f8") != 0 && strcmp(bare, "f2") != 0)
        return err_note(ERR_INPUT, "type '%s', expected '<f4', '<f8' or '<f2'", type);
    memcpy(npy->type, bare, sizeof "f4");
    return OK;
}

static enum err read_order(struct scan *scan, struct npy *npy)
{
    (void)npy;
    if (take(scan, "False")) return OK;
    if (take(scan, "True"))
        return err_note(ERR_INPUT, "its columns come first ('fortran_order': True), expected rows; "
                                   "save numpy.ascontiguousarray(table)");
    return err_note(ERR_INPUT, "'fortran_order' is neither True nor False");
}

static enum err read_shape(struct scan *scan, struct npy *npy)
{
    bool valid = take(scan, "(");
    bool more = true;
    while (valid && more && !take(scan, ")")) {
        valid = npy->dimensions < NPY_DIMENSIONS_MAX &&
                take_number(scan, &npy->shape[npy->dimensions++]);
        more = valid && take(scan, ",");
        if (valid && !more) valid = npy->dimensions > 1 && take(scan, ")");
    }
    return valid ? OK : err_note(ERR_INPUT, "'shape' is not a tuple of whole numbers");
}

struct key {
    const char *name;
    enum err (*read)(struct scan *scan, struct npy *npy);
};

static const struct key keys[] = {
    {"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};

enum { KEYS = sizeof keys / sizeof keys[0] };

static enum err read_dictionary(struct scan *scan, struct npy *npy)
{
    bool seen[KEYS] = {false};
    bool more = take(scan, "{");
    bool closed = more && take(scan, "}");
    while (more && !closed) {
        char name[16] = "";
        size_t key = 0;
        const bool named = take_quoted(scan, name, sizeof name) && take(scan, ":");
        while (key < KEYS && strcmp(keys[key].name, name) != 0) key++;
        if (!named || key == KEYS || seen[key]) break;
        seen[key] = true;
        const enum err err = keys[key].read(scan, npy);
        if (err) return err;
        more = take(scan, ",");
        closed = take(scan, "}");
    }
    skip_blanks(scan);
    if (closed && scan->at == scan->end && seen[0] && seen[1] && seen[2]) return OK;
    return err_note(ERR_INPUT, "the .npy header is broken; expected a dictionary of 'descr', "
                               "'fortran_order' and 'shape'");
}

bool npy_begins(const uint8_t *bytes, size_t size)
{
    return size >= MAGIC_SIZE && memcmp(bytes, "\x93NUMPY", MAGIC_SIZE) == 0;
}

enum err npy_read(const uint8_t *bytes, size_t size, struct npy *out)
{
    *out = (struct npy){0};
    check(npy_begins(bytes, size));
    const unsigned version = size >= PREAMBLE_SIZE ? bytes[MAGIC_SIZE] : 0;
    if (version < 1 || version > 3)
        return err_note(ERR_INPUT, ".npy version %u, expected 1 to 3", version);
    const size_t length_size = version == 1 ? 2 : 4;
    if (size < PREAMBLE_SIZE + length_size)
        return err_note(ERR_INPUT, "%zu bytes, too few for an .npy header", size);
    size_t length = 0;
    for (size_t i = length_size; i > 0; i--) length = length << 8 | bytes[PREAMBLE_SIZE + i - 1];
    const size_t first = PREAMBLE_SIZE + length_size;
    if (length > size - first)
        return err_note(ERR_INPUT, "an .npy header of %zu bytes, but the file has only %zu more",
                        length, size - first);
    struct scan scan = {(const char *)bytes + first, (const char *)bytes + first + length};
    const enum err err = read_dictionary(&scan, out);
    out->data_offset = first + length;
    return err;
}
