#include "common/triples.h"

#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 1024 };

/* A file that is being read. */
struct reading {
    struct text *text;
    enum unknown_policy policy;
    struct vocab *vocab[3]; /* of head, relation, tail */
    struct triples *triples;
    uint32_t room;
};

static const char *const column_name[3] = {"head", "relation", "tail"};

static enum err make_room(struct reading *reading)
{
    struct triples *triples = reading->triples;
    if (triples->count < reading->room) return OK;
    const size_t room = reading->room ? 2 * (size_t)reading->room : ROOM_FIRST;
    if (room > UINT32_MAX)
        return err_note(ERR_INPUT, "%s: more than %u triples; that is too many",
                        text_path(reading->text), reading->room);
    struct triple *at = realloc(triples->at, room * sizeof *at);
    if (at) triples->at = at;
    uint32_t *line = realloc(triples->line, room * sizeof *line);
    if (line) triples->line = line;
    if (!at || !line)
        return err_note(ERR_MEMORY, "%s: not enough memory for %zu triples",
                        text_path(reading->text), room);
    reading->room = (uint32_t)room;
    return OK;
}

/* Tells from the first line whether the file holds ids. */
static bool holds_ids(const struct reading *reading, char *const *word)
{
    bool labels = true;
    bool numbers = true;
    for (int i = 0; i < 3; i++) {
        uint32_t number;
        labels = labels && vocab_find(reading->vocab[i], word[i]) < vocab_count(reading->vocab[i]);
        numbers = numbers && text_number(word[i], &number);
    }
    return !labels && numbers;
}

static enum err refuse(const struct reading *reading, int column, const char *word, const char *why)
{
    return err_note(ERR_INPUT, "%s:%llu: %s `%.80s` %s", text_path(reading->text),
                    (unsigned long long)text_line_number(reading->text), column_name[column], word,
                    why);
}

static enum err read_id(const struct reading *reading, int column, const char *word, uint32_t *out)
{
    if (!text_number(word, out))
        return refuse(reading, column, word, "is not an id, but the file's first line holds ids");
    if (*out < vocab_count(reading->vocab[column])) return OK;
    char why[64];
    (void)snprintf(why, sizeof why, "is out of range; expected ids 0 to %u",
                   vocab_count(reading->vocab[column]) - 1);
    return refuse(reading, column, word, why);
}

/* The label's number. `*unknown` is set if the map lacks it; under UNKNOWN_DROP the number is
 * then VOCAB_NONE. */
static enum err read_label(const struct reading *reading, int column, const char *word,
                           uint32_t *out, bool *unknown)
{
    if (!word[0]) return refuse(reading, column, word, "is empty");
    *out = vocab_find(reading->vocab[column], word);
    if (*out < vocab_count(reading->vocab[column])) return OK;
    *unknown = true;
    if (reading->policy == UNKNOWN_ERROR)
        return refuse(reading, column, word,
                      "is not in the map; correct it, or set `unknown` to "
                      "drop or keep");
    if (reading->policy == UNKNOWN_KEEP && *out == VOCAB_NONE)
        return vocab_add(reading->vocab[column], word, out);
    return OK;
}

static enum err read_line(struct reading *reading, char *line)
{
    struct triples *triples = reading->triples;
    const uint64_t number = text_line_number(reading->text);
    char *word[3];
    const size_t columns = text_columns(line, word, 3);
    if (columns != 3)
        return err_note(ERR_INPUT,
                        "%s:%llu: %zu column%s, expected 3: head, relation, tail, "
                        "separated by tabs",
                        text_path(reading->text), (unsigned long long)number, columns,
                        columns == 1 ? "" : "s");
    if (number > UINT32_MAX)
        return err_note(ERR_INPUT, "%s: more than %u lines; that is too many",
                        text_path(reading->text), UINT32_MAX);
    if (number == 1) triples->ids = holds_ids(reading, word);

    uint32_t id[3] = {0};
    bool unknown = false;
    enum err err = make_room(reading);
    for (int i = 0; !err && i < 3; i++)
        err = triples->ids ? read_id(reading, i, word[i], &id[i])
                           : read_label(reading, i, word[i], &id[i], &unknown);
    if (err) return err;
    if (unknown && reading->policy == UNKNOWN_DROP) {
        triples->dropped++;
        return OK;
    }
    triples->kept += unknown;
    triples->at[triples->count] = (struct triple){id[0], id[1], id[2]};
    triples->line[triples->count++] = (uint32_t)(number - 1);
    return OK;
}

enum err triples_read(const char *path, const char *what, enum unknown_policy policy,
                      uint64_t limit, struct vocab *entities, struct vocab *relations,
                      struct triples *out)
{
    *out = (struct triples){0};
    struct reading reading = {
        .policy = policy, .vocab = {entities, relations, entities}, .triples = out};
    char *line = NULL;
    size_t size = 0;

    enum err err = text_open(path, &reading.text);
    while (!err && (limit == 0 || text_line_number(reading.text) < limit)) {
        err = text_line(reading.text, &line, &size);
        if (!err) err = read_line(&reading, line);
    }
    if (err == ERR_NONE) err = OK;

    text_close(&reading.text);
    if (err) triples_close(out);
    return err ? err_prefix(err, "%s", what) : OK;
}

void triples_close(struct triples *triples)
{
    free(triples->at);
    free(triples->line);
    *triples = (struct triples){0};
}

static uint32_t field(const struct triple *triple, int column)
{
    return column == 0 ? triple->head : column == 1 ? triple->relation : triple->tail;
}

/* A stable counting sort by one column; `start` has room for the largest number and two more. */
static void order_by(const struct triple *from, struct triple *to, size_t count, int column,
                     size_t *start, size_t numbers)
{
    memset(start, 0, (numbers + 1) * sizeof *start);
    for (size_t i = 0; i < count; i++) start[(size_t)field(&from[i], column) + 1]++;
    for (size_t number = 1; number < numbers; number++) start[number] += start[number - 1];
    for (size_t i = 0; i < count; i++) to[start[field(&from[i], column)]++] = from[i];
}

static bool ascends(const struct triple *at, size_t count, int column)
{
    for (size_t i = 1; i < count; i++)
        if (field(&at[i], column) < field(&at[i - 1], column)) return false;
    return true;
}

enum err triples_order(struct triple *at, size_t count)
{
    size_t numbers = 0;
    for (size_t i = 0; i < count; i++)
        for (int column = 0; column < 3; column++)
            if (field(&at[i], column) >= numbers) numbers = (size_t)field(&at[i], column) + 1;

    struct triple *spare = malloc((count ? count : 1) * sizeof *spare);
    size_t *start = malloc((numbers + 1) * sizeof *start);
    enum err err = OK;
    if (!spare || !start)
        err = err_note(ERR_MEMORY, "triples: not enough memory to sort %zu triples", count);
    for (int column = 2; !err && column >= 0; column--) {
        if (ascends(at, count, column)) continue;
        order_by(at, spare, count, column, start, numbers);
        memcpy(at, spare, count * sizeof *at);
    }
    free(spare);
    free(start);
    return err;
}
