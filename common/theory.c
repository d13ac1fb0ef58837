#include "common/theory.h"

#include "common/atoms.h"
#include "common/splits.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

/* Settings are checked before; what is not is read here all the same. */
static enum err require(const struct settings *settings)
{
    const bool facts = *settings_text(settings, SET_facts) || *settings_text(settings, SET_train);
    if (!facts)
        return err_note(ERR_USAGE, "facts: neither facts nor train is given; set one of them");
    if (!*settings_text(settings, SET_rules))
        return err_note(ERR_USAGE, "rules: none are given; set rules");
    return OK;
}

/* ---- words and their numbers ------------------------------------------------------------- */

/* The files that the words come from; not all of them need be given. */
static const enum setting word_files[] = {SET_facts, SET_train, SET_valid, SET_test};

static enum err number_words(const struct settings *settings, struct theory *theory)
{
    enum err err = vocab_open(&theory->constants);
    if (!err) err = vocab_open(&theory->predicates);
    for (size_t i = 0; !err && i < sizeof word_files / sizeof *word_files; i++) {
        const char *path = settings_text(settings, word_files[i]);
        if (*path)
            err = atoms_name(path, setting_rows[word_files[i]].name, theory->constants,
                             theory->predicates);
    }
    if (!err) err = rules_name(settings_text(settings, SET_rules), theory->predicates);
    if (!err) err = vocab_order(theory->constants);
    if (!err) err = vocab_order(theory->predicates);
    if (err) return err;
    theory->constant_count = vocab_count(theory->constants);
    theory->predicate_count = vocab_count(theory->predicates);
    return OK;
}

static enum err read_domains(const struct settings *settings, struct theory *theory)
{
    const char *path = settings_text(settings, SET_domains);
    if (!*path) return domains_all(theory->constant_count, &theory->domains);
    return domains_read(path, theory->constants, theory->predicates, &theory->domains);
}

/* ---- atoms ------------------------------------------------------------------------------- */

static enum err read_atoms(const struct settings *settings, enum setting setting,
                           struct theory *theory, struct triples *out)
{
    const enum unknown_policy policy = (enum unknown_policy)settings_choice(settings, SET_unknown);
    const enum err err = atoms_read(settings_text(settings, setting), setting_rows[setting].name,
                                    policy, theory->constants, theory->predicates, out);
    theory->dropped += out->dropped;
    return err;
}

/* Reads the splits that are needed, once: the evaluated one, the filter where it is asked, and
 * train where it holds the facts. */
static enum err read_splits(const struct settings *settings, enum theory_use use,
                            struct theory *theory, struct triples *files)
{
    const bool train = !*settings_text(settings, SET_facts);
    uint64_t needed = UINT64_C(1) << split_evaluated(settings);
    if (train) needed |= UINT64_C(1) << SPLIT_TRAIN;
    if (use == THEORY_SEARCH) needed |= split_filter(settings);
    enum err err = OK;
    for (enum split split = 0; !err && split < SPLITS; split++)
        if (needed >> split & 1 && *split_path(settings, split))
            err = read_atoms(settings, split_setting[split], theory, &files[split]);
    return err;
}

static enum err index_facts(const struct triples *facts, struct theory *theory)
{
    struct atom *atoms = malloc(((size_t)facts->count + 1) * sizeof *atoms);
    if (!atoms) return err_note(ERR_MEMORY, "facts: not enough memory for %u", facts->count);
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct triple *triple = &facts->at[i];
        atoms[i] = (struct atom){triple->relation + 1, triple->head + 1, triple->tail + 1};
    }
    const enum err err = facts_open(atoms, facts->count, theory->predicate_count, &theory->facts);
    free(atoms);
    return err;
}

/* The first predicate of a rule's body that nothing can prove; 0 if there is none. */
static uint32_t unprovable(const struct theory *theory, const struct rule *rule,
                           const bool *provable)
{
    for (uint32_t i = 0; i < rule->body_count; i++) {
        const uint32_t predicate = theory->rules.body[rule->first_body + i].predicate;
        if (!provable[predicate]) return predicate;
    }
    return 0;
}

static enum err find_idle(const struct triples *facts, struct theory *theory)
{
    const struct rules *rules = &theory->rules;
    bool *provable = calloc((size_t)theory->predicate_count + 1, sizeof *provable);
    if (!provable) return err_note(ERR_MEMORY, "rules: not enough memory");
    for (uint32_t i = 0; i < facts->count; i++) provable[facts->at[i].relation + 1] = true;
    for (uint32_t i = 0; i < rules->count; i++) provable[rules->at[i].head.predicate] = true;
    for (uint32_t i = 0; i < rules->count; i++) {
        const uint32_t predicate = unprovable(theory, &rules->at[i], provable);
        if (predicate)
            remarks_add(&theory->idle, rules->at[i].line,
                        vocab_label(theory->predicates, predicate - 1));
    }
    free(provable);
    return OK;
}

static enum err read_facts(const struct settings *settings, enum theory_use use,
                           struct theory *theory, const struct triples *train)
{
    struct triples own = {0};
    const bool given = *settings_text(settings, SET_facts) != 0;
    enum err err = given ? read_atoms(settings, SET_facts, theory, &own) : OK;
    const struct triples *facts = given ? &own : train;
    theory->fact_count = facts->count;
    if (!err && facts->count == 0)
        err = err_note(ERR_INPUT, "%s: %s: no facts; proofs need some",
                       setting_rows[given ? SET_facts : SET_train].name,
                       settings_text(settings, given ? SET_facts : SET_train));
    if (!err && use == THEORY_SEARCH) err = index_facts(facts, theory);
    if (!err && use == THEORY_PLAN) err = find_idle(facts, theory);
    triples_close(&own);
    return err;
}

/* ---- depth labels ------------------------------------------------------------------------ */

/* The evaluated atoms in order, so that a label finds all that are equal. */
struct place {
    struct triple triple;
    uint32_t at; /* in the evaluated */
};

static int compare_triples(const struct triple *a, const struct triple *b)
{
    if (a->relation != b->relation) return a->relation < b->relation ? -1 : 1;
    if (a->head != b->head) return a->head < b->head ? -1 : 1;
    return (a->tail > b->tail) - (a->tail < b->tail);
}

static int compare_places(const void *a, const void *b)
{
    return compare_triples(&((const struct place *)a)->triple, &((const struct place *)b)->triple);
}

/* The first of the `count` places in order that is not before `triple`. */
static uint32_t first_place(const struct place *places, uint32_t count, const struct triple *triple)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_triples(&places[middle].triple, triple) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err refuse_label(const struct text *text, const char *found, const char *why)
{
    return err_note(ERR_INPUT, "%s:%llu: depth `%.80s` %s", text_path(text),
                    (unsigned long long)text_line_number(text), found, why);
}

/* "-1", or a number. */
static enum err read_depth(const struct text *text, const char *word, int32_t *out)
{
    uint32_t number = 0;
    const bool none = strcmp(word, "-1") == 0;
    if (!none && (!text_number(word, &number) || number > INT32_MAX))
        return refuse_label(text, word,
                            "is no depth; expected predicate(first,second), a blank, and a whole "
                            "number, or -1 for what is not provable");
    *out = none ? -1 : (int32_t)number;
    return OK;
}

static enum err label_line(struct theory *theory, const struct place *places,
                           const struct text *text, char *line)
{
    struct atoms_words words;
    char *rest = NULL;
    int32_t depth = 0;
    enum err err = atoms_cut(line, false, text_path(text), text_line_number(text), &words, &rest);
    if (!err) err = read_depth(text, rest, &depth);
    if (err) return err;
    const struct triple triple = {.head = vocab_find(theory->constants, words.first),
                                  .relation = vocab_find(theory->predicates, words.predicate),
                                  .tail = vocab_find(theory->constants, words.second)};
    const uint32_t count = theory->evaluated.count;
    const uint32_t first = first_place(places, count, &triple);
    theory->label_count++;
    theory->labels_used += first < count && compare_triples(&places[first].triple, &triple) == 0;
    for (uint32_t i = first; i < count && compare_triples(&places[i].triple, &triple) == 0; i++) {
        int32_t *const label = &theory->depth[places[i].at];
        if (*label != THEORY_UNLABELLED && *label != depth)
            return refuse_label(text, rest, "is not what an earlier line says of this atom");
        *label = depth;
    }
    return OK;
}

static enum err read_labels(const char *path, struct theory *theory, const struct place *places)
{
    struct text *text = NULL;
    char *line = NULL;
    size_t size = 0;
    enum err err = text_open(path, &text);
    while (!err) {
        err = text_line(text, &line, &size);
        if (!err && !atoms_blank(line)) err = label_line(theory, places, text, line);
    }
    text_close(&text);
    return err == ERR_NONE ? OK : err_prefix(err, "depths");
}

static enum err open_labels(const char *path, struct theory *theory)
{
    const uint32_t count = theory->evaluated.count;
    struct place *places = malloc(((size_t)count + 1) * sizeof *places);
    theory->depth = malloc(((size_t)count + 1) * sizeof *theory->depth);

    enum err err = OK;
    if (!places || !theory->depth)
        err = err_note(ERR_MEMORY, "depths: not enough memory for %u labels", count);
    for (uint32_t i = 0; !err && i < count; i++) {
        places[i] = (struct place){theory->evaluated.at[i], i};
        theory->depth[i] = THEORY_UNLABELLED;
    }
    if (!err) qsort(places, count, sizeof *places, compare_places);
    if (!err) err = read_labels(path, theory, places);
    free(places);
    return err;
}

/* ---- all of it --------------------------------------------------------------------------- */

enum err theory_open(const struct settings *settings, enum theory_use use, struct theory **out)
{
    struct triples files[SPLITS] = {0};
    struct theory *theory = calloc(1, sizeof *theory);
    const char *depths = settings_text(settings, SET_depths);

    enum err err = theory ? require(settings) : err_note(ERR_MEMORY, "theory: not enough memory");
    if (!err) err = number_words(settings, theory);
    if (!err)
        err = rules_read(settings_text(settings, SET_rules), theory->constants, theory->predicates,
                         &theory->rules);
    if (!err) err = read_domains(settings, theory);
    if (!err) err = read_splits(settings, use, theory, files);
    if (!err) err = read_facts(settings, use, theory, &files[SPLIT_TRAIN]);
    if (!err && use == THEORY_SEARCH) err = split_known(settings, files, &theory->known);
    if (!err) err = split_take(settings, "prove", files, &theory->evaluated);
    if (!err && use == THEORY_PLAN && *depths) err = open_labels(depths, theory);

    for (enum split split = 0; split < SPLITS; split++) triples_close(&files[split]);
    if (err) theory_close(&theory);
    *out = theory;
    return err;
}

void theory_close(struct theory **theory)
{
    struct theory *self = *theory;
    if (!self) return;
    free(self->depth);
    known_close(&self->known);
    triples_close(&self->evaluated);
    domains_close(&self->domains);
    rules_close(&self->rules);
    facts_close(&self->facts);
    vocab_close(&self->predicates);
    vocab_close(&self->constants);
    free(self);
    *theory = NULL;
}
