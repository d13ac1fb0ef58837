#include "common/vocab.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1 << 20, SLOTS_FIRST = 1 << 8 };

/* Labels lie in blocks that never move, so that they can be borrowed. */
struct block {
    struct block *before;
    size_t used, size;
    char bytes[];
};

struct slot {
    uint32_t tag; /* upper bits of the label's hash */
    uint32_t id;  /* VOCAB_NONE: an empty slot */
};

struct vocab {
    struct block *blocks;
    const char **label; /* [room], the first count + extra are used */
    uint32_t room;
    uint32_t count, extra;
    struct slot *slot; /* [slots], open addressing, at most half full */
    size_t slots;      /* a power of two, 0 before the first label */
};

/* Multiplies eight bytes at a time into 64 bits; speed matters here and strength does not. */
static uint64_t hash_of(const char *label, size_t size)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = size * odd;
    for (; size > 0; label += 8) {
        const size_t part = size < 8 ? size : 8;
        uint64_t word = 0;
        memcpy(&word, label, part);
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
        size -= part;
    }
    return hash * odd;
}

/* The label's slot, or the empty one where it belongs. */
static struct slot *slot_of(const struct vocab *vocab, const char *label, uint64_t hash)
{
    const uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = (hash >> 20) & (vocab->slots - 1);; at = (at + 1) & (vocab->slots - 1)) {
        struct slot *slot = &vocab->slot[at];
        if (slot->id == VOCAB_NONE) return slot;
        if (slot->tag == tag && strcmp(vocab->label[slot->id], label) == 0) return slot;
    }
}

static enum err no_memory(uint64_t labels)
{
    return err_note(ERR_MEMORY, "vocab: not enough memory for %llu labels",
                    (unsigned long long)labels);
}

/* Makes a table of `slots` slots that holds all labels of the vocab. */
static enum err rehash(struct vocab *vocab, size_t slots)
{
    struct slot *slot = malloc(slots * sizeof *slot);
    if (!slot) return no_memory(slots / 2);
    memset(slot, 0xff, slots * sizeof *slot); /* every id is VOCAB_NONE */
    free(vocab->slot);
    vocab->slot = slot;
    vocab->slots = slots;
    for (uint32_t id = 0; id < vocab->count + vocab->extra; id++) {
        const uint64_t hash = hash_of(vocab->label[id], strlen(vocab->label[id]));
        *slot_of(vocab, vocab->label[id], hash) = (struct slot){(uint32_t)(hash >> 32), id};
    }
    return OK;
}

/* A copy of `label` that lives as long as the vocab; NULL without memory. */
static const char *keep(struct vocab *vocab, const char *label, size_t size)
{
    struct block *block = vocab->blocks;
    if (!block || block->size - block->used <= size) {
        const size_t room = size < BLOCK_SIZE ? BLOCK_SIZE : size + 1;
        block = malloc(sizeof *block + room);
        if (!block) return NULL;
        *block = (struct block){.before = vocab->blocks, .size = room};
        vocab->blocks = block;
    }
    char *copy = block->bytes + block->used;
    memcpy(copy, label, size + 1);
    block->used += size + 1;
    return copy;
}

/* Makes room for one more number and one more slot. */
static enum err make_room(struct vocab *vocab)
{
    const uint32_t used = vocab->count + vocab->extra;
    if (used == vocab->room) {
        if (used >= UINT32_MAX / 2)
            return err_note(ERR_INPUT, "vocab: more than %u labels; that is too many", used);
        const uint32_t room = used ? 2 * used : SLOTS_FIRST / 2;
        const char **label = realloc(vocab->label, room * sizeof *label);
        if (!label) return no_memory(room);
        vocab->label = label;
        vocab->room = room;
    }
    if (2 * ((size_t)used + 1) <= vocab->slots) return OK;
    return rehash(vocab, vocab->slots ? 2 * vocab->slots : SLOTS_FIRST);
}

/* Gives the label the next number, unless it has one: `*added` tells which. `number` is the
 * counter that grows. */
static enum err enter(struct vocab *vocab, const char *label, uint32_t *number, uint32_t *id,
                      bool *added)
{
    *id = VOCAB_NONE;
    *added = false;
    const enum err err = make_room(vocab);
    if (err) return err;
    const size_t size = strlen(label);
    const uint64_t hash = hash_of(label, size);
    struct slot *slot = slot_of(vocab, label, hash);
    if (slot->id == VOCAB_NONE) {
        const char *copy = keep(vocab, label, size);
        if (!copy) return no_memory((uint64_t)vocab->count + vocab->extra + 1);
        const uint32_t next = vocab->count + vocab->extra;
        vocab->label[next] = copy;
        *slot = (struct slot){(uint32_t)(hash >> 32), next};
        (*number)++;
        *added = true;
    }
    *id = slot->id;
    return OK;
}

/* What is read of a map until all of it is known: each label in the order of the file. */
struct map {
    uint32_t *id; /* [room], by place in the file */
    uint32_t room;
};

static enum err read_map_line(struct vocab *vocab, struct map *map, struct text *text, char *line)
{
    const char *path = text_path(text);
    const unsigned long long number = text_line_number(text);
    char *column[2];
    const size_t columns = text_columns(line, column, 2);
    if (columns != 2)
        return err_note(ERR_INPUT, "%s:%llu: %zu column%s, expected 2: id<TAB>label", path, number,
                        columns, columns == 1 ? "" : "s");
    uint32_t id = 0;
    if (!text_number(column[0], &id))
        return err_note(ERR_INPUT, "%s:%llu: `%.80s` is not an id; expected a whole number from 0",
                        path, number, column[0]);
    if (!column[1][0]) return err_note(ERR_INPUT, "%s:%llu: the label is empty", path, number);

    bool added = false;
    uint32_t place = 0;
    const enum err err = enter(vocab, column[1], &vocab->count, &place, &added);
    if (err) return err;
    if (!added)
        return err_note(ERR_INPUT, "%s:%llu: label `%.80s` stands in line %u already", path, number,
                        column[1], place + 1);
    if (place >= map->room) {
        const uint32_t room = vocab->room;
        uint32_t *ids = realloc(map->id, room * sizeof *ids);
        if (!ids) return no_memory(room);
        map->id = ids;
        map->room = room;
    }
    map->id[place] = id;
    return OK;
}

/* Turns labels in the order of the file into labels in the order of their ids. */
static enum err order_map(struct vocab *vocab, const struct map *map, const char *path)
{
    const char **label = calloc(vocab->room, sizeof *label);
    if (!label) return no_memory(vocab->room);
    enum err err = OK;
    for (uint32_t place = 0; !err && place < vocab->count; place++) {
        const uint32_t id = map->id[place];
        if (id >= vocab->count)
            err = err_note(ERR_INPUT,
                           "%s:%u: id %u, expected ids 0 to %u, each once, in a map of "
                           "%u lines",
                           path, place + 1, id, vocab->count - 1, vocab->count);
        else if (label[id])
            err = err_note(ERR_INPUT, "%s:%u: id %u stands twice; its other label is `%.80s`", path,
                           place + 1, id, label[id]);
        else
            label[id] = vocab->label[place];
    }
    if (err) {
        free(label);
        return err;
    }
    free(vocab->label);
    vocab->label = label;
    return rehash(vocab, vocab->slots);
}

enum err vocab_read(const char *path, const char *what, struct vocab **out)
{
    struct vocab *vocab = calloc(1, sizeof *vocab);
    struct map map = {0};
    struct text *text = NULL;
    char *line = NULL;
    size_t size = 0;

    enum err err = vocab ? text_open(path, &text) : no_memory(0);
    while (!err) {
        err = text_line(text, &line, &size);
        if (!err) err = read_map_line(vocab, &map, text, line);
    }
    if (err == ERR_NONE) err = OK;
    if (!err && vocab->count == 0) err = err_note(ERR_INPUT, "%s: the file is empty", path);
    if (!err) err = order_map(vocab, &map, path);

    text_close(&text);
    free(map.id);
    if (err) vocab_close(&vocab);
    *out = vocab;
    return err ? err_prefix(err, "%s", what) : OK;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err enter_columns(struct vocab *vocab, struct text *text, char *line,
                              const int *columns, size_t column_count)
{
    char *column[3];
    const size_t found = text_columns(line, column, 3);
    if (found != 3)
        return err_note(ERR_INPUT, "%s:%llu: %zu column%s, expected 3, separated by tabs",
                        text_path(text), (unsigned long long)text_line_number(text), found,
                        found == 1 ? "" : "s");
    enum err err = OK;
    for (size_t i = 0; !err && i < column_count; i++) {
        uint32_t id;
        bool added;
        err = enter(vocab, column[columns[i]], &vocab->count, &id, &added);
    }
    return err;
}

enum err vocab_sort(const char *triples_path, const int *columns, size_t column_count,
                    const char *what, struct vocab **out)
{
    struct vocab *vocab = calloc(1, sizeof *vocab);
    struct text *text = NULL;
    char *line = NULL;
    size_t size = 0;

    enum err err = vocab ? text_open(triples_path, &text) : no_memory(0);
    while (!err) {
        err = text_line(text, &line, &size);
        if (!err) err = enter_columns(vocab, text, line, columns, column_count);
    }
    if (err == ERR_NONE) err = OK;
    if (!err && vocab->count == 0) err = err_note(ERR_INPUT, "%s: the file is empty", triples_path);
    if (!err) err = vocab_order(vocab);

    text_close(&text);
    if (err) vocab_close(&vocab);
    *out = vocab;
    return err ? err_prefix(err, "%s", what) : OK;
}

enum err vocab_open(struct vocab **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : no_memory(0);
}

enum err vocab_enter(struct vocab *vocab, const char *label, uint32_t *id)
{
    bool added;
    check(vocab->extra == 0);
    return enter(vocab, label, &vocab->count, id, &added);
}

enum err vocab_order(struct vocab *vocab)
{
    check(vocab->extra == 0);
    if (vocab->count == 0) return OK;
    qsort(vocab->label, vocab->count, sizeof *vocab->label, compare_labels);
    return rehash(vocab, vocab->slots);
}

void vocab_close(struct vocab **vocab)
{
    struct vocab *self = *vocab;
    if (!self) return;
    while (self->blocks) {
        struct block *before = self->blocks->before;
        free(self->blocks);
        self->blocks = before;
    }
    free(self->label);
    free(self->slot);
    free(self);
    *vocab = NULL;
}

uint32_t vocab_count(const struct vocab *vocab)
{
    return vocab->count;
}

uint32_t vocab_extra(const struct vocab *vocab)
{
    return vocab->extra;
}

uint32_t vocab_find(const struct vocab *vocab, const char *label)
{
    if (vocab->slots == 0) return VOCAB_NONE;
    return slot_of(vocab, label, hash_of(label, strlen(label)))->id;
}

const char *vocab_label(const struct vocab *vocab, uint32_t id)
{
    check(id < vocab->count + vocab->extra);
    return vocab->label[id];
}

enum err vocab_add(struct vocab *vocab, const char *label, uint32_t *id)
{
    bool added;
    return enter(vocab, label, &vocab->extra, id, &added);
}
