/* settings - see settings.h. A value is its canonical text; what it means is read from that. */
#include "common/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 4096,
    PLACE_MAX = TEXT_MAX + 128,
    NAME_MAX_CHARS = 64,
    ALLOWED_MAX = 1024,
    CHOICES_MAX = 64,
};

const struct setting_row setting_rows[SETTING_TOTAL] = {
#define SETTING(word, ...) [SET_##word] = {.name = #word, __VA_ARGS__},
#include "schema/run.def"
#undef SETTING
};

struct value {
    char *text;   /* canonical; NULL: the default */
    char *origin; /* NULL: the default */
};

struct settings {
    struct value at[SETTING_TOTAL];
};

/* One value as it was said, on its way to its canonical text. */
struct said {
    const struct setting_row *row;
    const char *text, *folder, *origin;
};

/* ---- choices and numbers in a text ------------------------------------------------------- */

/* Cuts the next word off `*rest`, which ends at `mark`; false when nothing is left. */
static bool next_word(const char **rest, char mark, const char **word, size_t *size)
{
    if (!*rest) return false;
    const char *end = strchr(*rest, mark);
    *word = *rest;
    *size = end ? (size_t)(end - *rest) : strlen(*rest);
    *rest = end ? end + 1 : NULL;
    return true;
}

/* The choices without the bar that may stand in front. */
static const char *choices_of(const struct setting_row *row)
{
    const char *choices = row->choices ? row->choices : "";
    return *choices == '|' ? choices + 1 : choices;
}

/* The place of a word among a row's choices, -1 if it is none of them. */
static int choice_place(const struct setting_row *row, const char *word, size_t size)
{
    const char *rest = choices_of(row), *choice;
    size_t choice_size;
    for (int place = 0; next_word(&rest, '|', &choice, &choice_size); place++)
        if (size > 0 && choice_size == size && memcmp(choice, word, size) == 0) return place;
    return -1;
}

/* Appends to a text of TEXT_MAX characters; false if it does not fit. */
static bool append(char out[TEXT_MAX], const char *text, size_t size)
{
    const size_t used = strlen(out);
    if (used + size >= TEXT_MAX) return false;
    memcpy(out + used, text, size);
    out[used + size] = 0;
    return true;
}

static bool append_listed(char out[TEXT_MAX], const char *text, size_t size)
{
    return (!*out || append(out, ",", 1)) && append(out, text, size);
}

/* Spaces round a word of a list are passed over. */
static void trim(const char **word, size_t *size)
{
    while (*size > 0 && **word == ' ') (*word)++, (*size)--;
    while (*size > 0 && (*word)[*size - 1] == ' ') (*size)--;
}

/* A whole number in the row's bounds, of digits alone. */
static bool read_count(const struct setting_row *row, const char *word, size_t size, uint64_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (word[i] < '0' || word[i] > '9') return false;
        const uint64_t digit = (uint64_t)(word[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return size > 0 && number >= row->low && number <= row->high;
}

/* ---- refusals ---------------------------------------------------------------------------- */

/* What a row allows, in words. */
static void allowed(const struct setting_row *row, char out[ALLOWED_MAX])
{
    if (row->type == SETTING_COUNT || row->type == SETTING_COUNTS) {
        snprintf(out, ALLOWED_MAX, "%s from %" PRIu64 " to %" PRIu64,
                 row->type == SETTING_COUNT ? "a whole number" : "whole numbers, with commas,",
                 row->low, row->high);
        return;
    }
    if (!row->choices) {
        snprintf(out, ALLOWED_MAX, "%s", row->type == SETTING_TEXT ? "one line" : "a path");
        return;
    }
    const char *rest = choices_of(row), *choice;
    size_t size, used = 0;
    while (used < ALLOWED_MAX && next_word(&rest, '|', &choice, &size))
        used += (size_t)snprintf(out + used, ALLOWED_MAX - used, "%s%.*s", used ? ", " : "",
                                 (int)size, choice);
    if (used < ALLOWED_MAX && row->type == SETTING_INPUT)
        snprintf(out + used, ALLOWED_MAX - used, ", or the path of a file");
}

/* The choice nearest to a word, in `copy`; NULL if none is near. */
static const char *nearest_choice(const struct setting_row *row, const char *word,
                                  char copy[ALLOWED_MAX])
{
    const char *words[CHOICES_MAX];
    size_t count = 0;
    char *rest = NULL;
    snprintf(copy, ALLOWED_MAX, "%s", choices_of(row));
    for (char *at = strtok_r(copy, "|", &rest); at; at = strtok_r(NULL, "|", &rest))
        if (count < CHOICES_MAX) words[count++] = at;
    return settings_nearest(word, words, count);
}

/* Where a value was given, for the start of a note: "--seed", or "seed: umls.yaml:3". */
struct place {
    char text[PLACE_MAX];
};

static struct place place_of(const struct said *said)
{
    struct place place;
    const bool flag = strncmp(said->origin, "--", 2) == 0;
    snprintf(place.text, sizeof place.text, "%s%s%s", flag ? "" : said->row->name, flag ? "" : ": ",
             said->origin);
    return place;
}

/* Refuses a value: what was found, what is allowed, and what may have been meant. */
static enum err refuse(const struct said *said, const char *word, size_t size)
{
    char wanted[ALLOWED_MAX], copy[ALLOWED_MAX], found[256];
    snprintf(found, sizeof found, "%.*s", size < sizeof found ? (int)size : 200, word);
    allowed(said->row, wanted);
    const char *meant = nearest_choice(said->row, found, copy);
    return err_note(ERR_USAGE, "%s: found '%s', allowed: %s%s%s%s", place_of(said).text, found,
                    wanted, meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

/* ---- canonical texts, by type ------------------------------------------------------------ */

static enum err read_text(const struct said *said, char out[TEXT_MAX])
{
    const size_t size = strlen(said->text);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)said->text[i] < ' ' || said->text[i] == 127)
            return err_note(ERR_USAGE, "%s: holds a control character; allowed: one line",
                            place_of(said).text);
    if (size == 0 || size >= TEXT_MAX)
        return err_note(ERR_USAGE, "%s: %s", place_of(said).text,
                        size ? "too long; allowed: 4095 characters"
                             : "found nothing; give a value");
    return append(out, said->text, size) ? OK : ERR_USAGE;
}

/* Appends the parts of a path, without those that are "." or empty. */
static bool append_parts(char out[TEXT_MAX], const char *path)
{
    const char *part;
    size_t size;
    bool fits = true;
    while (fits && next_word(&path, '/', &part, &size))
        if (size > 0 && !(size == 1 && *part == '.'))
            fits = append(out, "/", 1) && append(out, part, size);
    return fits;
}

static enum err read_path(const struct said *said, char out[TEXT_MAX])
{
    char text[TEXT_MAX] = "", working[TEXT_MAX] = "";
    enum err err = read_text(said, text);
    if (err || !said->folder) return err ? err : (append(out, text, strlen(text)) ? OK : ERR_USAGE);

    const bool from_folder = *text != '/', from_working = from_folder && *said->folder != '/';
    if (from_working && !getcwd(working, sizeof working))
        return err_note(ERR_IO, "%s: the working directory cannot be told: %s", place_of(said).text,
                        strerror(errno));
    const bool fits = append_parts(out, working) &&
                      (!from_folder || append_parts(out, said->folder)) && append_parts(out, text);
    if (!fits)
        return err_note(ERR_USAGE, "%s: the path is too long; allowed: 4095 characters",
                        place_of(said).text);
    return OK;
}

static enum err read_choice(const struct said *said, char out[TEXT_MAX])
{
    const size_t size = strlen(said->text);
    if (choice_place(said->row, said->text, size) < 0) return refuse(said, said->text, size);
    return append(out, said->text, size) ? OK : ERR_USAGE;
}

static enum err read_input(const struct said *said, char out[TEXT_MAX])
{
    const bool choice = choice_place(said->row, said->text, strlen(said->text)) >= 0;
    return choice ? read_choice(said, out) : read_path(said, out);
}

static enum err read_single_count(const struct said *said, char out[TEXT_MAX])
{
    uint64_t number;
    if (!read_count(said->row, said->text, strlen(said->text), &number))
        return refuse(said, said->text, strlen(said->text));
    snprintf(out, TEXT_MAX, "%" PRIu64, number);
    return OK;
}

/* An empty list is allowed only where it is the default. */
static bool empty_allowed(const struct said *said)
{
    return !*said->text && said->row->standard && !*said->row->standard;
}

static enum err read_choices(const struct said *said, char out[TEXT_MAX])
{
    if (empty_allowed(said)) return OK;
    uint64_t bits = 0;
    const char *rest = said->text, *word;
    size_t size;
    while (next_word(&rest, ',', &word, &size)) {
        trim(&word, &size);
        const int place = choice_place(said->row, word, size);
        if (place < 0) return refuse(said, word, size);
        bits |= UINT64_C(1) << place;
    }
    rest = choices_of(said->row);
    for (int place = 0; next_word(&rest, '|', &word, &size); place++)
        if (bits >> place & 1 && !append_listed(out, word, size)) return ERR_USAGE;
    return OK;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum err read_counts(const struct said *said, char out[TEXT_MAX])
{
    uint64_t numbers[SETTINGS_COUNTS_MAX];
    size_t count = 0;
    const char *rest = said->text, *word;
    size_t size;
    while (next_word(&rest, ',', &word, &size)) {
        trim(&word, &size);
        if (count == SETTINGS_COUNTS_MAX)
            return err_note(ERR_USAGE, "%s: more than %d numbers; give fewer", place_of(said).text,
                            SETTINGS_COUNTS_MAX);
        if (!read_count(said->row, word, size, &numbers[count++])) return refuse(said, word, size);
    }
    qsort(numbers, count, sizeof *numbers, ascending);
    for (size_t i = 0; i < count; i++) {
        char text[24];
        const int digits = snprintf(text, sizeof text, "%" PRIu64, numbers[i]);
        if ((i == 0 || numbers[i] != numbers[i - 1]) && !append_listed(out, text, (size_t)digits))
            return ERR_USAGE;
    }
    return OK;
}

static enum err (*const readers[])(const struct said *said, char out[TEXT_MAX]) = {
    [SETTING_TEXT] = read_text,     [SETTING_PATH] = read_path,
    [SETTING_INPUT] = read_input,   [SETTING_COUNT] = read_single_count,
    [SETTING_CHOICE] = read_choice, [SETTING_CHOICES] = read_choices,
    [SETTING_COUNTS] = read_counts,
};

/* ---- public functions -------------------------------------------------------------------- */

static enum err store(struct settings *settings, enum setting setting, const char *canonical,
                      const char *origin)
{
    struct value value = {strdup(canonical), strdup(origin)};
    if (!value.text || !value.origin) {
        free(value.text);
        free(value.origin);
        return err_note(ERR_MEMORY, "settings: no memory");
    }
    free(settings->at[setting].text);
    free(settings->at[setting].origin);
    settings->at[setting] = value;
    return OK;
}

enum err settings_open(struct settings **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : err_note(ERR_MEMORY, "settings: no memory");
}

enum err settings_copy(const struct settings *settings, struct settings **out)
{
    enum err err = settings_open(out);
    for (size_t i = 0; i < SETTING_TOTAL && !err; i++) {
        const struct value *value = &settings->at[i];
        if (value->text) err = store(*out, (enum setting)i, value->text, value->origin);
    }
    if (err) settings_close(out);
    return err;
}

void settings_close(struct settings **settings)
{
    if (!*settings) return;
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        free((*settings)->at[i].text);
        free((*settings)->at[i].origin);
    }
    free(*settings);
    *settings = NULL;
}

enum err settings_find(const char *name, const char *origin, enum setting *out)
{
    char plain[NAME_MAX_CHARS];
    snprintf(plain, sizeof plain, "%s", name);
    for (char *at = plain; *at; at++)
        if (*at == '-') *at = '_';

    const char *names[SETTING_TOTAL];
    for (size_t i = 0; i < SETTING_TOTAL; i++) {
        names[i] = setting_rows[i].name;
        *out = (enum setting)i;
        if (strcmp(plain, names[i]) == 0) return OK;
    }
    const char *meant = settings_nearest(plain, names, SETTING_TOTAL);
    if (!meant)
        return err_note(ERR_USAGE,
                        "settings: %s: unknown key '%s'; `millrace run --help` lists all", origin,
                        plain);
    return err_note(ERR_USAGE, "settings: %s: unknown key '%s'; did you mean '%s'?", origin, plain,
                    meant);
}

enum err settings_set(struct settings *settings, enum setting setting, const char *text,
                      const char *folder, const char *origin)
{
    check((unsigned)setting < SETTING_TOTAL);
    const struct said said = {&setting_rows[setting], text, folder, origin};
    char canonical[TEXT_MAX] = "";
    enum err err = readers[said.row->type](&said, canonical);
    if (!err) err = store(settings, setting, canonical, origin);
    return err;
}

void settings_unset(struct settings *settings, enum setting setting)
{
    check((unsigned)setting < SETTING_TOTAL);
    free(settings->at[setting].text);
    free(settings->at[setting].origin);
    settings->at[setting] = (struct value){0};
}

bool settings_given(const struct settings *settings, enum setting setting)
{
    const char *standard = setting_rows[setting].standard;
    return strcmp(settings_text(settings, setting), standard ? standard : "") != 0;
}

const char *settings_text(const struct settings *settings, enum setting setting)
{
    check((unsigned)setting < SETTING_TOTAL);
    const char *text = settings->at[setting].text;
    if (!text) text = setting_rows[setting].standard;
    return text ? text : "";
}

const char *settings_origin(const struct settings *settings, enum setting setting)
{
    const char *origin = settings->at[setting].origin;
    return origin ? origin : SETTINGS_DEFAULT;
}

uint64_t settings_count(const struct settings *settings, enum setting setting)
{
    const char *text = settings_text(settings, setting);
    uint64_t number = 0;
    check(setting_rows[setting].type == SETTING_COUNT);
    check(read_count(&setting_rows[setting], text, strlen(text), &number));
    return number;
}

int settings_choice(const struct settings *settings, enum setting setting)
{
    const char *text = settings_text(settings, setting);
    return choice_place(&setting_rows[setting], text, strlen(text));
}

uint64_t settings_choices(const struct settings *settings, enum setting setting)
{
    const char *rest = settings_text(settings, setting), *word;
    uint64_t bits = 0;
    size_t size;
    check(setting_rows[setting].type == SETTING_CHOICES);
    while (next_word(&rest, ',', &word, &size)) {
        const int place = choice_place(&setting_rows[setting], word, size);
        if (place >= 0) bits |= UINT64_C(1) << place;
    }
    return bits;
}

size_t settings_counts(const struct settings *settings, enum setting setting, uint64_t *out,
                       size_t most)
{
    const char *rest = settings_text(settings, setting), *word;
    size_t size, count = 0;
    check(setting_rows[setting].type == SETTING_COUNTS);
    while (next_word(&rest, ',', &word, &size)) {
        uint64_t number = 0;
        check(read_count(&setting_rows[setting], word, size, &number));
        if (count < most) out[count] = number;
        count++;
    }
    return count;
}

/* ---- the nearest word -------------------------------------------------------------------- */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be replaced, put in, left out, or swapped with their neighbour to make
 * one word of another (optimal string alignment). Both are shorter than NAME_MAX_CHARS. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t cost[NAME_MAX_CHARS][NAME_MAX_CHARS];
    const size_t height = strlen(a), width = strlen(b);
    for (size_t i = 0; i <= height; i++)
        for (size_t j = 0; j <= width; j++) {
            cost[i][j] = i + j;
            if (i == 0 || j == 0) continue;
            cost[i][j] = least_of(least_of(cost[i - 1][j], cost[i][j - 1]) + 1,
                                  cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = least_of(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[height][width];
}

const char *settings_nearest(const char *word, const char *const *words, size_t count)
{
    const size_t size = strlen(word);
    if (size == 0 || size >= NAME_MAX_CHARS) return NULL;
    size_t least = 1 + (size + 1) / 3; /* a third of the letters may be wrong */
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) >= NAME_MAX_CHARS) continue;
        const size_t distance = edit_distance(word, words[i]);
        if (distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}
