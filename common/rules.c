#include "common/rules.h"

#include "common/atoms.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

/* A line's words. */
struct clause {
    struct atoms_words head;
    struct atoms_words body[RULES_BODY_MOST];
    uint32_t body_count;
    bool arrow; /* every argument is a variable */
};

/* ---- one line ---------------------------------------------------------------------------- */

static enum err refuse(const struct text *text, const char *what, const char *found,
                       const char *why)
{
    return err_note(ERR_INPUT, "%s:%llu: %s `%.80s` %s", text_path(text),
                    (unsigned long long)text_line_number(text), what, found, why);
}

/* Passes over "id:weight:" in front of a body; its predicates may hold colons, too. */
static enum err skip_label(const struct text *text, char **body)
{
    char *const id = strchr(*body, ':'), *end = NULL;
    char *const weight = id ? strchr(id + 1, ':') : NULL;
    if (weight) (void)strtod(id + 1, &end); /* What it weighs is not used. */
    if (!weight || end == id + 1 || end + strspn(end, " \t") != weight)
        return refuse(text, "rule", *body, "does not begin with id:weight:, the weight a number");
    *body = weight + 1;
    return OK;
}

/* The comma behind the first atom of a body, NULL behind its last. */
static char *atom_end(char *body)
{
    size_t depth = 0;
    for (char *at = body; *at; at++) {
        if (*at == ',' && depth == 0) return at;
        if (*at == '(') depth++;
        if (*at == ')' && depth > 0) depth--;
    }
    return NULL;
}

/* An atom of a rule. What looks like a slip of the pen is one: words with parentheses in them, and
 * negation, which there is not. */
static enum err cut_literal(const struct text *text, char *line, struct atoms_words *out)
{
    const enum err err = atoms_cut(line, false, text_path(text), text_line_number(text), out, NULL);
    if (err) return err;
    const char *const words[] = {out->predicate, out->first, out->second};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i][strcspn(words[i], "()")])
            return refuse(text, "word", words[i],
                          "has a parenthesis in it; expected "
                          "predicate(first,second)");
    if (strncmp(out->predicate, "\\+", 2) != 0) return OK;
    return refuse(text, "predicate", out->predicate, "is negated; rules have no negation");
}

static enum err cut_body(const struct text *text, char *body, struct clause *out)
{
    body = atoms_trim(body);
    if (!*body || strcmp(body, ".") == 0)
        return err_note(ERR_INPUT,
                        "%s:%llu: the rule has no body; put an atom into it, or move "
                        "its head to the facts",
                        text_path(text), (unsigned long long)text_line_number(text));
    enum err err = OK;
    for (char *next = body; !err && body; body = next) {
        char *const end = atom_end(body);
        if (end) *end = 0;
        next = end ? end + 1 : NULL;
        if (out->body_count == RULES_BODY_MOST)
            return err_note(ERR_INPUT, "%s:%llu: more than %d atoms in the body; that is too many",
                            text_path(text), (unsigned long long)text_line_number(text),
                            RULES_BODY_MOST);
        err = cut_literal(text, body, &out->body[out->body_count++]);
    }
    return err;
}

static enum err cut_clause(const struct text *text, char *line, struct clause *out)
{
    /* A negative weight makes a ":-" before the arrow, so that the arrow is looked for first. */
    char *const arrow = strstr(line, "->"), *const neck = arrow ? arrow : strstr(line, ":-");
    if (!neck)
        return refuse(text, "line", line,
                      "is no rule; expected id:weight:body -> head, or head :- body.");
    *neck = 0;
    out->arrow = arrow != NULL;
    out->body_count = 0;
    char *body = arrow ? line : neck + 2, *const head = arrow ? neck + 2 : line;
    enum err err = arrow ? skip_label(text, &body) : OK;
    if (!err) err = cut_literal(text, head, &out->head);
    return err ? err : cut_body(text, body, out);
}

/* ---- all lines --------------------------------------------------------------------------- */

typedef enum err clause_fn(void *context, const struct text *text, const struct clause *clause);

/* Calls `each` for every clause of the file, in order. */
static enum err read_clauses(const char *path, clause_fn *each, void *context)
{
    struct text *text = NULL;
    struct clause clause;
    char *line = NULL;
    size_t size = 0;
    enum err err = text_open(path, &text);
    while (!err) {
        err = text_line(text, &line, &size);
        if (err || atoms_blank(line)) continue;
        err = cut_clause(text, line, &clause);
        if (!err) err = each(context, text, &clause);
    }
    text_close(&text);
    return err == ERR_NONE ? OK : err_prefix(err, "rules");
}

static enum err name_clause(void *context, const struct text *text, const struct clause *clause)
{
    struct vocab *predicates = context;
    uint32_t id;
    (void)text;
    enum err err = vocab_enter(predicates, clause->head.predicate, &id);
    for (uint32_t i = 0; !err && i < clause->body_count; i++)
        err = vocab_enter(predicates, clause->body[i].predicate, &id);
    return err;
}

enum err rules_name(const char *path, struct vocab *predicates)
{
    return read_clauses(path, name_clause, predicates);
}

/* ---- numbers ----------------------------------------------------------------------------- */

struct building {
    const struct vocab *constants, *predicates;
    struct vocab *variables; /* names as in Prolog */
    struct rules *rules;
    uint32_t rule_room, body_room;
    uint32_t unnamed;  /* variables _ of the rule that is read */
    uint64_t remarked; /* the last line with a remark */
};

/* A variable's number. No word has a tab in it, so that the name of a _ is none that is written. */
static enum err number_variable(struct building *building, char *name, uint32_t *out)
{
    char unnamed[24];
    if (strcmp(name, "_") == 0) {
        (void)snprintf(unnamed, sizeof unnamed, "_\t%u", building->unnamed++);
        name = unnamed;
    }
    const enum err err = vocab_enter(building->variables, name, out);
    *out += vocab_count(building->constants) + 1;
    return err;
}

/* A digit has no capital that would tell a variable from a constant. */
static void remark_digit(struct building *building, uint64_t line, const char *word)
{
    if (*word < '0' || *word > '9' || building->remarked == line) return;
    if (vocab_find(building->constants, word) == VOCAB_NONE) return;
    remarks_add(&building->rules->digits, line, word);
    building->remarked = line;
}

static enum err number_argument(struct building *building, const struct text *text, bool arrow,
                                char *word, uint32_t *out)
{
    if (arrow) remark_digit(building, text_line_number(text), word);
    for (char *at = word; arrow && *at; at++)
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    const bool variable = arrow || *word == '_' || (*word >= 'A' && *word <= 'Z');
    if (variable) return number_variable(building, word, out);
    const uint32_t id = vocab_find(building->constants, word);
    *out = id + 1;
    if (id != VOCAB_NONE) return OK;
    return refuse(text, "constant", word,
                  "stands in none of the files of facts and queries; correct it, or begin it with "
                  "a capital if it is a variable");
}

static enum err number_atom(struct building *building, const struct text *text, bool arrow,
                            const struct atoms_words *words, struct atom *out)
{
    const uint32_t predicate = vocab_find(building->predicates, words->predicate);
    out->predicate = predicate + 1;
    if (predicate == VOCAB_NONE)
        return refuse(text, "predicate", words->predicate,
                      "stands in none of the files that the words are taken from; correct it");
    enum err err = number_argument(building, text, arrow, words->first, &out->first);
    if (!err) err = number_argument(building, text, arrow, words->second, &out->second);
    return err;
}

/* Makes room for one more rule with a body of `body` atoms. */
static enum err make_room(struct building *building, uint32_t body)
{
    struct rules *rules = building->rules;
    if (rules->count == building->rule_room) {
        const uint32_t room = building->rule_room ? 2 * building->rule_room : ROOM_FIRST;
        struct rule *at = realloc(rules->at, room * sizeof *at);
        if (!at) return err_note(ERR_MEMORY, "not enough memory for %u rules", room);
        rules->at = at;
        building->rule_room = room;
    }
    if (rules->body_total + body > building->body_room) {
        const uint32_t room = 2 * building->body_room + RULES_BODY_MOST;
        struct atom *atoms = realloc(rules->body, room * sizeof *atoms);
        if (!atoms) return err_note(ERR_MEMORY, "not enough memory for rules of %u atoms", room);
        rules->body = atoms;
        building->body_room = room;
    }
    return OK;
}

static enum err add_clause(void *context, const struct text *text, const struct clause *clause)
{
    struct building *building = context;
    struct rules *rules = building->rules;
    building->unnamed = 0;
    if (rules->body_total > UINT32_MAX / 4 || text_line_number(text) > UINT32_MAX)
        return err_note(ERR_INPUT, "%s: too many rules", text_path(text));
    enum err err = make_room(building, clause->body_count);
    if (err) return err;

    struct rule *rule = &rules->at[rules->count];
    *rule = (struct rule){.first_body = rules->body_total,
                          .body_count = clause->body_count,
                          .line = (uint32_t)text_line_number(text)};
    err = number_atom(building, text, clause->arrow, &clause->head, &rule->head);
    for (uint32_t i = 0; !err && i < clause->body_count; i++)
        err = number_atom(building, text, clause->arrow, &clause->body[i],
                          &rules->body[rules->body_total + i]);
    rules->count++;
    rules->body_total += clause->body_count;
    if (rules->body_most < clause->body_count) rules->body_most = clause->body_count;
    return err;
}

/* Sorts the rules by head predicate; those of one keep their order. */
static enum err order(struct rules *rules, uint32_t predicates)
{
    struct rule *at = malloc((rules->count + 1) * sizeof *at);
    rules->start = calloc((size_t)predicates + 2, sizeof *rules->start);
    uint32_t *next = calloc((size_t)predicates + 2, sizeof *next);
    if (!at || !rules->start || !next) {
        free(at);
        free(next);
        return err_note(ERR_MEMORY, "rules: not enough memory for %u rules", rules->count);
    }
    for (uint32_t i = 0; i < rules->count; i++) rules->start[rules->at[i].head.predicate + 1]++;
    for (uint32_t p = 1; p < predicates + 2; p++) rules->start[p] += rules->start[p - 1];
    memcpy(next, rules->start, ((size_t)predicates + 2) * sizeof *next);
    for (uint32_t i = 0; i < rules->count; i++)
        at[next[rules->at[i].head.predicate]++] = rules->at[i];
    free(next);
    free(rules->at);
    rules->at = at;
    return OK;
}

enum err rules_read(const char *path, const struct vocab *constants, const struct vocab *predicates,
                    struct rules *out)
{
    *out = (struct rules){0};
    struct building building = {.constants = constants, .predicates = predicates, .rules = out};

    enum err err = vocab_open(&building.variables);
    if (!err) err = read_clauses(path, add_clause, &building);
    if (!err && out->count == 0)
        err = err_note(ERR_INPUT,
                       "rules: %s: holds no rule; expected lines of id:weight:body -> "
                       "head, or head :- body.",
                       path);
    if (!err) err = order(out, vocab_count(predicates));
    if (!err) out->variables = vocab_count(building.variables);

    vocab_close(&building.variables);
    if (err) rules_close(out);
    return err;
}

void rules_close(struct rules *rules)
{
    free(rules->at);
    free(rules->start);
    free(rules->body);
    *rules = (struct rules){0};
}
