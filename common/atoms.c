#include "common/atoms.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 1024 };

/* ---- one line ---------------------------------------------------------------------------- */

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

bool atoms_blank(const char *line)
{
    while (is_blank(*line)) line++;
    return *line == 0 || *line == '%';
}

char *atoms_trim(char *text)
{
    while (is_blank(*text)) text++;
    char *end = text + strlen(text);
    while (end > text && is_blank(end[-1])) end--;
    *end = 0;
    return text;
}

/* What is being read, for notes. */
struct place {
    const char *path;
    uint64_t number;
};

static enum err refuse(struct place place, const char *what, const char *found, const char *why)
{
    return err_note(ERR_INPUT, "%s:%llu: %s `%.80s` %s", place.path,
                    (unsigned long long)place.number, what, found, why);
}

static enum err check_words(struct place place, const struct atoms_words *words)
{
    const char *const names[] = {"predicate", "first argument", "second argument"};
    const char *const found[] = {words->predicate, words->first, words->second};
    for (int i = 0; i < 3; i++) {
        if (!found[i][0]) return refuse(place, names[i], found[i], "is empty");
        if (strchr(found[i], '\t')) return refuse(place, names[i], found[i], "has a tab in it");
    }
    return OK;
}

static enum err cut_columns(char *line, struct place place, struct atoms_words *out)
{
    char *column[3];
    const size_t found = text_columns(line, column, 3);
    if (found != 3)
        return err_note(ERR_INPUT,
                        "%s:%llu: %zu column%s, expected 3: head, relation, tail, separated by "
                        "tabs, as in the first line",
                        place.path, (unsigned long long)place.number, found, found == 1 ? "" : "s");
    *out =
        (struct atoms_words){atoms_trim(column[1]), atoms_trim(column[0]), atoms_trim(column[2])};
    return OK;
}

static enum err cut_atom(char *line, struct place place, struct atoms_words *out, char **rest)
{
    static const char form[] = "is no atom; expected predicate(first,second).";
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    if (!open || !close || close < open) return refuse(place, "line", line, form);
    char *comma = memchr(open, ',', (size_t)(close - open));
    if (!comma || memchr(comma + 1, ',', (size_t)(close - comma - 1)))
        return refuse(place, "line", line,
                      "has not two arguments; expected predicate(first,second).");

    char *behind = close + 1;
    behind += strspn(behind, " \t");
    if (*behind == '.') behind++;
    behind = atoms_trim(behind);
    if (!rest && *behind) return refuse(place, "what follows the atom,", behind, "is too much");
    *open = *comma = *close = 0;
    *out = (struct atoms_words){atoms_trim(line), atoms_trim(open + 1), atoms_trim(comma + 1)};
    if (rest) *rest = behind;
    return OK;
}

enum err atoms_cut(char *line, bool tabs, const char *path, uint64_t number,
                   struct atoms_words *out, char **rest)
{
    const struct place place = {path, number};
    *out = (struct atoms_words){0};
    if (rest && tabs) *rest = line + strlen(line);
    const enum err err = tabs ? cut_columns(line, place, out) : cut_atom(line, place, out, rest);
    return err ? err : check_words(place, out);
}

/* ---- all lines --------------------------------------------------------------------------- */

/* A file that is being read: the next atom, and the line that it stands in. */
struct reading {
    struct text *text;
    bool begun, tabs;
    struct atoms_words words;
};

static size_t count_tabs(const char *line)
{
    size_t tabs = 0;
    for (; *line; line++) tabs += *line == '\t';
    return tabs;
}

/* Empty lines and comments; but among triples a line of three columns is data, whatever it begins
 * with. */
static bool is_passed_over(const struct reading *reading, const char *line)
{
    if (!atoms_blank(line)) return false;
    const bool atoms = reading->begun && !reading->tabs;
    return atoms || !strchr(line, '%') || count_tabs(line) != 2;
}

/* ERR_NONE at the end of the file. */
static enum err next_atom(struct reading *reading)
{
    char *line = NULL;
    size_t size = 0;
    enum err err = text_line(reading->text, &line, &size);
    while (!err && is_passed_over(reading, line)) err = text_line(reading->text, &line, &size);
    if (err) return err;
    if (!reading->begun) reading->tabs = strchr(line, '\t') != NULL;
    reading->begun = true;
    return atoms_cut(line, reading->tabs, text_path(reading->text), text_line_number(reading->text),
                     &reading->words, NULL);
}

enum err atoms_name(const char *path, const char *what, struct vocab *constants,
                    struct vocab *predicates)
{
    struct reading reading = {0};
    uint32_t id;
    enum err err = text_open(path, &reading.text);
    while (!err) {
        err = next_atom(&reading);
        if (!err) err = vocab_enter(predicates, reading.words.predicate, &id);
        if (!err) err = vocab_enter(constants, reading.words.first, &id);
        if (!err) err = vocab_enter(constants, reading.words.second, &id);
    }
    text_close(&reading.text);
    return err == ERR_NONE ? OK : err_prefix(err, "%s", what);
}

static enum err make_room(struct triples *triples, uint32_t *room, const struct text *text)
{
    const size_t wanted = *room ? 2 * (size_t)*room : ROOM_FIRST;
    const bool full = triples->count == *room;
    if ((full && wanted > UINT32_MAX) || text_line_number(text) > UINT32_MAX)
        return err_note(ERR_INPUT, "%s: more than %u lines; that is too many", text_path(text),
                        UINT32_MAX);
    if (!full) return OK;
    struct triple *at = realloc(triples->at, wanted * sizeof *at);
    if (at) triples->at = at;
    uint32_t *line = realloc(triples->line, wanted * sizeof *line);
    if (line) triples->line = line;
    if (!at || !line)
        return err_note(ERR_MEMORY, "%s: not enough memory for %zu atoms", text_path(text), wanted);
    *room = (uint32_t)wanted;
    return OK;
}

/* The numbers of the words; `*known` is false if a vocab lacks one. */
static enum err number_words(const struct reading *reading, enum unknown_policy policy,
                             const struct vocab *constants, const struct vocab *predicates,
                             struct triple *out, bool *known)
{
    static const char why[] = "stands in none of the files that the words are taken from; correct "
                              "it, or set `unknown` to drop";
    const struct place place = {text_path(reading->text), text_line_number(reading->text)};
    *out = (struct triple){
        .head = vocab_find(constants, reading->words.first),
        .relation = vocab_find(predicates, reading->words.predicate),
        .tail = vocab_find(constants, reading->words.second),
    };
    *known = out->head != VOCAB_NONE && out->relation != VOCAB_NONE && out->tail != VOCAB_NONE;
    if (*known || policy == UNKNOWN_DROP) return OK;
    if (out->relation == VOCAB_NONE)
        return refuse(place, "predicate", reading->words.predicate, why);
    const bool first = out->head == VOCAB_NONE;
    return refuse(place, first ? "first argument" : "second argument",
                  first ? reading->words.first : reading->words.second, why);
}

enum err atoms_read(const char *path, const char *what, enum unknown_policy policy,
                    const struct vocab *constants, const struct vocab *predicates,
                    struct triples *out)
{
    struct reading reading = {0};
    uint32_t room = 0;
    *out = (struct triples){0};
    enum err err = text_open(path, &reading.text);
    while (!err) {
        struct triple triple;
        bool known = false;
        err = next_atom(&reading);
        if (!err) err = number_words(&reading, policy, constants, predicates, &triple, &known);
        if (!err) err = make_room(out, &room, reading.text);
        if (err) continue;
        if (known) {
            out->at[out->count] = triple;
            out->line[out->count++] = (uint32_t)(text_line_number(reading.text) - 1);
        }
        out->dropped += !known;
    }
    if (err == ERR_NONE) err = OK;
    text_close(&reading.text);
    if (err) triples_close(out);
    return err ? err_prefix(err, "%s", what) : OK;
}
