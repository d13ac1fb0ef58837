#include "common/tensors.h"

#include "common/npy.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_MAX = 100 << 20, /* of safetensors; the limit of its own library */
    LENGTH_SIZE = 8,
    TYPES = TENSOR_BF16 + 1,
    CHUNK = 1024,    /* numbers that are looked at together */
    LISTED_MAX = 12, /* names in a message */
};

/* One tensor of a file. */
struct entry {
    const char *name;     /* borrowed from the header */
    const char *type;     /* as the file writes it, borrowed from the header */
    uint64_t first, end;  /* bytes, from the start of the file */
    uint64_t rows, width; /* one of them 0 if it is empty */
};

struct tensors {
    char *path;
    const uint8_t *bytes; /* [size], mapped */
    size_t size;
    bool single;
    json_t *header; /* of safetensors; NULL for .npy */
    struct npy npy;
    struct entry *entry; /* [count], in the order of the file */
    size_t count;
};

static void widen_f64(const uint8_t *from, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        double number;
        memcpy(&number, from + i * sizeof number, sizeof number);
        out[i] = (float)number;
    }
}

static void widen_f32(const uint8_t *from, size_t count, float *out)
{
    memcpy(out, from, count * sizeof *out);
}

/* A denormal half is a whole number of 2^-24, which a float holds as a normal number. */
static void widen_f16(const uint8_t *from, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
        const uint32_t rest = half & 0x7fff;
        uint32_t bits = (rest << 13) + ((127 - 15) << 23);
        if (rest >= 0x7c00) bits = 0x7f800000 | (rest & 0x3ff) << 13;
        const float small = (float)rest * 0x1p-24f;
        if (rest < 0x400) memcpy(&bits, &small, sizeof bits);
        bits |= sign;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

static void widen_bf16(const uint8_t *from, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        const uint32_t bits = (uint32_t)half << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* The types that tables can have. */
struct type {
    const char *safetensors, *npy; /* what files call it */
    size_t size_bytes;
    void (*widen)(const uint8_t *from, size_t count, float *out);
};

static const struct type types[TYPES] = {
    [TENSOR_F64] = {"F64", "f8", 8, widen_f64},
    [TENSOR_F32] = {"F32", "f4", 4, widen_f32},
    [TENSOR_F16] = {"F16", "f2", 2, widen_f16},
    [TENSOR_BF16] = {"BF16", "", 2, widen_bf16},
};

/* Sizes of the types that other tensors of a file may have; they are checked but not read. */
struct other_type {
    const char *name;
    size_t size_bytes;
};

static const struct other_type other_types[] = {
    {"I64", 8}, {"U64", 8}, {"I32", 4},  {"U32", 4}, {"I16", 2},     {"U16", 2},
    {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"C64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
};

/* The type called `name` in a file of that kind; TYPES if tables cannot have it. */
static size_t find_type(const char *name, bool npy)
{
    size_t type = 0;
    while (type < TYPES && strcmp(npy ? types[type].npy : types[type].safetensors, name) != 0)
        type++;
    return type;
}

/* Bytes of one number of a safetensors type; 0 if it is not known here. */
static size_t size_of_type(const char *name)
{
    const size_t type = find_type(name, false);
    if (type < TYPES) return types[type].size_bytes;
    for (size_t i = 0; i < sizeof other_types / sizeof other_types[0]; i++)
        if (strcmp(other_types[i].name, name) == 0) return other_types[i].size_bytes;
    return 0;
}

static bool multiply(uint64_t a, uint64_t b, uint64_t *product)
{
    *product = a * b;
    return a == 0 || b <= UINT64_MAX / a;
}

/* Reads a shape as [first][product of the others]; false if the product of all overflows. */
static bool fold_shape(const uint64_t *shape, size_t dimensions, struct entry *entry,
                       uint64_t *numbers)
{
    entry->rows = dimensions ? shape[0] : 1;
    entry->width = 1;
    bool fits = true;
    for (size_t i = 1; fits && i < dimensions; i++)
        fits = multiply(entry->width, shape[i], &entry->width);
    *numbers = 1;
    return fits && multiply(entry->rows, entry->width, numbers);
}

static enum err refuse(const struct tensors *self, const struct entry *entry, const char *why)
{
    return err_note(ERR_INPUT, "%s: tensor %.200s: %s", self->path, entry->name, why);
}

static bool read_whole(const json_t *value, uint64_t *out)
{
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    *out = number < 0 ? 0 : (uint64_t)number;
    return number >= 0;
}

/* Reads and checks what the header says of one tensor: its type, shape and place. */
static enum err read_entry(const struct tensors *self, const json_t *value, uint64_t data,
                           struct entry *entry)
{
    const json_t *shape = json_object_get(value, "shape");
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *type = json_object_get(value, "dtype");
    const size_t dimensions = json_array_size(shape);
    if (!json_is_string(type) || !json_is_array(shape) || json_array_size(offsets) != 2 ||
        dimensions > NPY_DIMENSIONS_MAX)
        return refuse(self, entry, "its entry lacks a proper dtype, shape or data_offsets");

    uint64_t sizes[NPY_DIMENSIONS_MAX];
    bool valid = read_whole(json_array_get(offsets, 0), &entry->first) &&
                 read_whole(json_array_get(offsets, 1), &entry->end);
    for (size_t i = 0; i < dimensions; i++)
        valid = valid && read_whole(json_array_get(shape, i), &sizes[i]);
    if (!valid) return refuse(self, entry, "its shape and data_offsets are not all whole numbers");

    entry->type = json_string_value(type);
    const uint64_t room = self->size - data;
    char why[160];
    if (entry->first > entry->end || entry->end > room) {
        (void)snprintf(why, sizeof why,
                       "its data is bytes %llu to %llu, but the file holds %llu "
                       "bytes of data",
                       (unsigned long long)entry->first, (unsigned long long)entry->end,
                       (unsigned long long)room);
        return refuse(self, entry, why);
    }
    uint64_t numbers, size_bytes;
    const size_t number_bytes = size_of_type(entry->type);
    const bool fits = fold_shape(sizes, dimensions, entry, &numbers) &&
                      multiply(numbers, number_bytes, &size_bytes);
    if (!fits) return refuse(self, entry, "the product of its shape overflows");
    if (number_bytes && size_bytes != entry->end - entry->first) {
        (void)snprintf(why, sizeof why, "%llu bytes of data, expected %llu for its shape and dtype",
                       (unsigned long long)(entry->end - entry->first),
                       (unsigned long long)size_bytes);
        return refuse(self, entry, why);
    }
    entry->first += data;
    entry->end += data;
    return OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct entry *one = a;
    const struct entry *other = b;
    if (one->first != other->first) return one->first < other->first ? -1 : 1;
    return (one->end > other->end) - (one->end < other->end);
}

/* The form wants the tensors to cover the data, without overlaps and without holes. */
static enum err check_cover(const struct tensors *self, uint64_t data)
{
    uint64_t covered = data;
    for (size_t i = 0; i < self->count; i++) {
        if (self->entry[i].first < covered)
            return refuse(self, &self->entry[i], "its data overlaps that of another tensor");
        if (self->entry[i].first > covered)
            return refuse(self, &self->entry[i], "there is a gap before its data");
        covered = self->entry[i].end;
    }
    if (covered == self->size) return OK;
    return err_note(ERR_INPUT, "%s: %llu bytes of data, expected %llu by its header", self->path,
                    (unsigned long long)(self->size - data), (unsigned long long)(covered - data));
}

/* What people save models as that is not read here, by its first bytes. */
static const struct foreign {
    const char *magic;
    size_t size;
    const char *what, *advice;
} foreign[] = {
    {"PK\3\4", 4, "a PyTorch zip archive", "convert it with safetensors.torch.save_file"},
    {"\x80\2", 2, "a pickle", "convert it with safetensors.torch.save_file"},
    {"\x80\3", 2, "a pickle", "convert it with safetensors.torch.save_file"},
    {"\x80\4", 2, "a pickle", "convert it with safetensors.torch.save_file"},
    {"\x80\5", 2, "a pickle", "convert it with safetensors.torch.save_file"},
    {"\x1f\x8b", 2, "compressed with gzip", "decompress it with gunzip"},
    {"\x28\xb5\x2f\xfd", 4, "compressed with zstd", "decompress it with unzstd"},
    {"\x89HDF", 4, "an HDF5 file", "convert it with safetensors.numpy.save_file"},
};
static const struct foreign npz = {"", 0, "an .npz archive",
                                   "save each table as an .npy with numpy.save"};

/* A zip archive whose first member is called SOMETHING.npy. */
static bool is_npz(const struct tensors *self)
{
    enum { NAME_LENGTH_AT = 26, NAME_AT = 30, ENDING = 4 };
    if (self->size < NAME_AT || memcmp(self->bytes, "PK\3\4", 4) != 0) return false;
    const size_t end = NAME_AT + (size_t)self->bytes[NAME_LENGTH_AT] +
                       ((size_t)self->bytes[NAME_LENGTH_AT + 1] << 8);
    return end >= NAME_AT + ENDING && end <= self->size &&
           memcmp(self->bytes + end - ENDING, ".npy", ENDING) == 0;
}

/* For a file whose first bytes are no length of a header. */
static enum err refuse_foreign(const struct tensors *self, uint64_t length)
{
    const struct foreign *found = is_npz(self) ? &npz : NULL;
    for (size_t i = 0; !found && i < sizeof foreign / sizeof foreign[0]; i++)
        if (self->size >= foreign[i].size &&
            memcmp(self->bytes, foreign[i].magic, foreign[i].size) == 0)
            found = &foreign[i];
    if (found)
        return err_note(ERR_INPUT, "%s: is %s, not safetensors; %s", self->path, found->what,
                        found->advice);
    return err_note(ERR_INPUT,
                    "%s: a header of %llu bytes in a file of %zu; is this a "
                    ".safetensors or .npy file?",
                    self->path, (unsigned long long)length, self->size);
}

static enum err read_safetensors(struct tensors *self)
{
    uint64_t length = 0;
    for (size_t i = LENGTH_SIZE; i > 0 && self->size >= LENGTH_SIZE; i--)
        length = length << 8 | self->bytes[i - 1];
    if (self->size < LENGTH_SIZE || length > HEADER_MAX || length > self->size - LENGTH_SIZE)
        return refuse_foreign(self, length);
    json_error_t error;
    self->header = json_loadb((const char *)self->bytes + LENGTH_SIZE, (size_t)length,
                              JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(self->header))
        return err_note(ERR_INPUT, "%s: the header is not a JSON object: %s", self->path,
                        self->header ? "it is of another type" : error.text);

    self->entry = calloc(json_object_size(self->header) + 1, sizeof *self->entry);
    if (!self->entry) return err_note(ERR_MEMORY, "%s: not enough memory", self->path);
    const char *name;
    json_t *value;
    json_object_foreach(self->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        struct entry *entry = &self->entry[self->count++];
        entry->name = name;
        const enum err err = read_entry(self, value, LENGTH_SIZE + length, entry);
        if (err) return err;
    }
    qsort(self->entry, self->count, sizeof *self->entry, compare_places);
    return check_cover(self, LENGTH_SIZE + length);
}

static enum err read_npy(struct tensors *self)
{
    const struct npy *npy = &self->npy;
    self->single = true;
    const enum err err = npy_read(self->bytes, self->size, &self->npy);
    if (err) return err_prefix(err, "%s", self->path);
    self->entry = calloc(1, sizeof *self->entry);
    if (!self->entry) return err_note(ERR_MEMORY, "%s: not enough memory", self->path);
    self->count = 1;
    self->entry[0] = (struct entry){
        .name = "of the .npy", .type = npy->type, .first = npy->data_offset, .end = self->size};

    uint64_t numbers, size_bytes;
    const size_t type = find_type(npy->type, true);
    check(type < TYPES);
    const bool fits = fold_shape(npy->shape, npy->dimensions, &self->entry[0], &numbers) &&
                      multiply(numbers, types[type].size_bytes, &size_bytes);
    if (fits && size_bytes == self->size - npy->data_offset) return OK;
    if (!fits) return refuse(self, &self->entry[0], "the product of its shape overflows");
    return err_note(ERR_INPUT, "%s: %llu bytes of data, expected %llu for its shape and type",
                    self->path, (unsigned long long)(self->size - npy->data_offset),
                    (unsigned long long)size_bytes);
}

static enum err map(struct tensors *self)
{
    struct stat status;
    const int file = open(self->path, O_RDONLY | O_CLOEXEC);
    enum err err = OK;
    if (file < 0 || fstat(file, &status))
        err = err_note(ERR_IO, "%s: cannot be opened: %s", self->path, strerror(errno));
    if (!err && !S_ISREG(status.st_mode))
        err = err_note(ERR_IO, "%s: not a regular file", self->path);
    if (!err && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes == MAP_FAILED) {
            err = err_note(ERR_IO, "%s: cannot be mapped: %s", self->path, strerror(errno));
        } else {
            self->bytes = bytes;
            self->size = (size_t)status.st_size;
        }
    }
    if (file >= 0) close(file);
    return err;
}

enum err tensors_open(const char *path, struct tensors **out)
{
    struct tensors *self = calloc(1, sizeof *self);
    if (self) self->path = strdup(path);

    enum err err = OK;
    if (!self || !self->path) err = err_note(ERR_MEMORY, "%s: not enough memory", path);
    if (!err) err = map(self);
    if (!err) err = npy_begins(self->bytes, self->size) ? read_npy(self) : read_safetensors(self);

    if (err) tensors_close(&self);
    *out = self;
    return err;
}

void tensors_close(struct tensors **tensors)
{
    struct tensors *self = *tensors;
    if (!self) return;
    /* Neither can fail for what was mapped above. */
    if (self->bytes) (void)munmap((void *)(uintptr_t)self->bytes, self->size);
    json_decref(self->header);
    free(self->entry);
    free(self->path);
    free(self);
    *tensors = NULL;
}

bool tensors_single(const struct tensors *tensors)
{
    return tensors->single;
}

const char *tensors_path(const struct tensors *tensors)
{
    return tensors->path;
}

size_t tensors_count(const struct tensors *tensors)
{
    return tensors->count;
}

const char *tensors_name(const struct tensors *tensors, size_t place)
{
    check(place < tensors->count);
    return tensors->entry[place].name;
}

static enum err name_missing(const struct tensors *self, const char *name)
{
    char names[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < self->count && i < LISTED_MAX && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.80s", i ? ", " : "",
                                 self->entry[i].name);
    return err_note(ERR_INPUT, "%s: no tensor %.200s; there is %s%s", self->path, name,
                    self->count ? names : "none", self->count > LISTED_MAX ? ", ..." : "");
}

enum err tensors_table(const struct tensors *tensors, const char *name, struct table *out)
{
    *out = (struct table){0};
    size_t i = 0;
    while (!tensors->single && i < tensors->count && strcmp(tensors->entry[i].name, name) != 0) i++;
    if (i == tensors->count) return name_missing(tensors, name);

    const struct entry *entry = &tensors->entry[i];
    const size_t type = find_type(entry->type, tensors->single);
    if (type == TYPES) {
        char why[96];
        (void)snprintf(why, sizeof why, "dtype %.40s, expected F64, F32, F16 or BF16", entry->type);
        return refuse(tensors, entry, why);
    }
    if (entry->rows == 0 || entry->width == 0)
        return refuse(tensors, entry, "it is empty, expected a table");
    *out = (struct table){tensors->bytes + entry->first, (enum tensor_type)type, entry->rows,
                          entry->width};
    return OK;
}

void table_row(const struct table *table, uint64_t row, float *out)
{
    check(row < table->rows);
    const struct type *type = &types[table->type];
    const uint8_t *at = table->at;
    type->widen(at + row * table->width * type->size_bytes, table->width, out);
}

/* The bits of numbers, without their signs. Above those of infinity are the NaNs. */
enum { BITS_LARGEST = 0x7f7fffff, BITS_INFINITY = 0x7f800000 };

/* Whether the bits of any of them exceed `most`. Without a branch, so that compilers make it wide:
 * the difference has its sign bit set only then. */
static bool any_above(const float *numbers, size_t count, uint32_t most)
{
    uint32_t signs = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        signs |= most - (bits & UINT32_C(0x7fffffff));
    }
    return signs >> 31;
}

static enum err find_above(const struct table *table, uint32_t most, uint64_t *row,
                           uint64_t *column)
{
    const struct type *type = &types[table->type];
    const uint8_t *at = table->at;
    const uint64_t total = table->rows * table->width;
    float numbers[CHUNK];
    *row = *column = 0;
    for (uint64_t first = 0; first < total; first += CHUNK) {
        const size_t count = total - first < CHUNK ? (size_t)(total - first) : CHUNK;
        type->widen(at + first * type->size_bytes, count, numbers);
        if (!any_above(numbers, count, most)) continue;
        uint64_t place = first;
        while (!any_above(&numbers[place - first], 1, most)) place++;
        *row = place / table->width;
        *column = place % table->width;
        return OK;
    }
    return ERR_NONE;
}

enum err table_find_nan(const struct table *table, uint64_t *row, uint64_t *column)
{
    return find_above(table, BITS_INFINITY, row, column);
}

enum err table_find_nonfinite(const struct table *table, uint64_t *row, uint64_t *column)
{
    return find_above(table, BITS_LARGEST, row, column);
}
