/*
 * proving - helpers for tests of proof search: a theory from texts, one search by hand.
 *
 *     proving_texts or proving_data --> search_open --> search_start, search_derive, search_move
 *     ... --> search_close --> proving_close
 *
 * States are written as "p(a,_0) q(_0,b)": names of the theory, _0 for variable C+1, _1 for C+2;
 * an end is "true", "false" or "give_up", a state without atoms "". Texts go to the folder of
 * tests/files.h.
 */
#ifndef TESTS_PROVING_H
#define TESTS_PROVING_H

#include "common/theory.h"
#include "tests/files.h"
#include "worker/step/derive.h"

static struct settings *proving_settings;
static struct theory *theory;

__attribute__((unused)) static void proving_close(void)
{
    theory_close(&theory);
    settings_close(&proving_settings);
}

static void proving_set(enum setting setting, const char *text)
{
    expect(OK, settings_set(proving_settings, setting, text, folder_path, "test"));
}

static void proving_begin(void)
{
    proving_close();
    expect(OK, settings_open(&proving_settings));
    proving_set(SET_program, "prove");
    proving_set(SET_policy, "hash");
}

static void proving_finish(void)
{
    expect(OK, settings_finish(proving_settings));
    expect(OK, theory_open(proving_settings, THEORY_SEARCH, &theory));
}

/* A theory of these lines; it stands in `theory`. */
__attribute__((unused)) static void proving_texts(const char *facts, const char *rules,
                                                  const char *queries)
{
    proving_begin();
    proving_set(SET_train, file_text("train.txt", facts));
    proving_set(SET_rules, file_text("rules.txt", rules));
    proving_set(SET_test, file_text("test.txt", queries));
    proving_finish();
}

/* The theory of that name in the shared data; false if it is not there. */
__attribute__((unused)) static bool proving_data(const char *name)
{
    static const struct {
        enum setting setting;
        const char *file;
    } inputs[] = {
        {SET_train, "train"}, {SET_valid, "valid"}, {SET_test, "test"}, {SET_rules, "rules"}};
    char path[1024];
    proving_begin();
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/prove/%s/%s.txt", MILLRACE_SHARED_DATA, name,
                       inputs[i].file);
        if (access(path, R_OK) != 0) return false;
        proving_set(inputs[i].setting, path);
    }
    proving_finish();
    return true;
}

/* The atom that is asked for in line `i` of the queries. */
__attribute__((unused)) static struct atom proving_query(uint32_t i)
{
    const struct triple *triple = &theory->evaluated.at[i];
    return (struct atom){triple->relation + 1, triple->head + 1, triple->tail + 1};
}

static const char *const proving_ends[ATOM_ENDS] = {"true", "false", "give_up"};

static uint32_t proving_argument(const char *word)
{
    if (*word == '_') return theory->constant_count + 1 + (uint32_t)atoi(word + 1);
    const uint32_t number = vocab_find(theory->constants, word);
    assert_int_not_equal(VOCAB_NONE, number);
    return number + 1;
}

static struct atom proving_atom(const char *text)
{
    for (uint32_t i = 0; i < ATOM_ENDS; i++)
        if (strcmp(text, proving_ends[i]) == 0)
            return (struct atom){theory->predicate_count + ATOM_TRUE + i, 0, 0};

    char words[3][32];
    assert_int_equal(3, sscanf(text, "%31[^(](%31[^,],%31[^)])", words[0], words[1], words[2]));
    const uint32_t predicate = vocab_find(theory->predicates, words[0]);
    assert_int_not_equal(VOCAB_NONE, predicate);
    return (struct atom){predicate + 1, proving_argument(words[1]), proving_argument(words[2])};
}

/* Fills a padded state. */
__attribute__((unused)) static void proving_state(const char *text, uint32_t atoms,
                                                  struct atom *state)
{
    char copy[1024], *rest = copy;
    (void)snprintf(copy, sizeof copy, "%s", text);
    memset(state, 0, atoms * sizeof *state);
    uint32_t count = 0;
    for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < atoms);
        state[count++] = proving_atom(word);
    }
}

static void proving_write_argument(uint32_t argument, char text[32])
{
    const uint32_t constants = theory->constant_count;
    if (argument > constants)
        (void)snprintf(text, 32, "_%u", argument - constants - 1);
    else
        (void)snprintf(text, 32, "%s", vocab_label(theory->constants, argument - 1));
}

/* Appends a state as text. */
__attribute__((unused)) static void proving_write(const struct atom *state, uint32_t atoms,
                                                  char *text, size_t size)
{
    for (uint32_t i = 0; i < atoms && state[i].predicate; i++) {
        char word[192], first[32], second[32];
        const uint32_t predicate = state[i].predicate;
        if (predicate > theory->predicate_count) {
            assert_true(predicate <= theory->predicate_count + ATOM_ENDS);
            (void)snprintf(word, sizeof word, "%s",
                           proving_ends[predicate - theory->predicate_count - ATOM_TRUE]);
        } else {
            proving_write_argument(state[i].first, first);
            proving_write_argument(state[i].second, second);
            (void)snprintf(word, sizeof word, "%s%.100s(%s,%s)", i ? " " : "",
                           vocab_label(theory->predicates, predicate - 1), first, second);
        }
        strncat(text, word, size - strlen(text) - 1);
    }
}

/* One search, in one lane. Options are changed in `args` between open and start. */
struct search {
    struct derive_args args;
    struct derive_lane lane;
    struct pool *pool;
    uint32_t number; /* the lane's: 0 */
};

/* `visited`: states that its memory has room for. */
__attribute__((unused)) static void search_open(struct search *search, uint32_t atoms,
                                                uint32_t successors, uint32_t visited)
{
    *search = (struct search){.number = 0};
    expect(OK, pool_open(1, &search->pool));
    const size_t rows = successors;
    const uint64_t scratch_bytes = derive_scratch_bytes(atoms, theory->rules.body_most);
    search->args = (struct derive_args){
        .facts = &theory->facts,
        .rules = &theory->rules,
        .constants = theory->constant_count,
        .predicates = theory->predicate_count,
        .atoms = atoms,
        .successors = successors,
        .visited_most = visited,
        .live = 1,
        .lane_list = &search->number,
        .lane = &search->lane,
        .state = calloc(atoms, sizeof(struct atom)),
        .successor = calloc(rows * atoms, sizeof(struct atom)),
        .hash = calloc(rows, sizeof(uint64_t)),
        .visited = calloc((size_t)visited * atoms + 1, sizeof(struct atom)),
        .visited_hash = calloc((size_t)visited + 1, sizeof(uint64_t)),
        .scratch = calloc(1, scratch_bytes),
    };
}

__attribute__((unused)) static void search_close(struct search *search)
{
    pool_close(&search->pool);
    free(search->args.state);
    free(search->args.successor);
    free(search->args.hash);
    free(search->args.visited);
    free(search->args.visited_hash);
    free(search->args.scratch);
    *search = (struct search){.number = 0};
}

__attribute__((unused)) static void search_start(struct search *search, struct atom root)
{
    search->lane = (struct derive_lane){.root = root, .next_variable = theory->constant_count + 1};
    memset(search->args.state, 0, search->args.atoms * sizeof *search->args.state);
    search->args.state[0] = root;
}

/* Begins at a state that need not be the root; n is the first variable that it lacks. */
__attribute__((unused)) static void search_from(struct search *search, const char *state)
{
    struct atom *at = search->args.state;
    proving_state(state, search->args.atoms, at);
    uint32_t next = theory->constant_count + 1;
    for (uint32_t i = 0; i < search->args.atoms; i++) {
        next = at[i].first < next ? next : at[i].first + 1;
        next = at[i].second < next ? next : at[i].second + 1;
    }
    search->lane.next_variable = next;
    search->lane.visited = 0;
}

static void search_derive(struct search *search)
{
    expect(OK, derive_cpu(search->pool, &search->args));
}

static const struct atom *search_successor(const struct search *search, uint32_t row)
{
    return search->args.successor + (size_t)row * search->args.atoms;
}

/* The successors are these, with " | " between; and each is padded and has its hash. */
__attribute__((unused)) static void search_expect(const struct search *search,
                                                  const char *successors)
{
    char text[4096] = "";
    for (uint32_t row = 0; row < search->lane.count; row++) {
        const struct atom *state = search_successor(search, row);
        const uint32_t atoms = search->args.atoms;
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", row ? " | " : "");
        proving_write(state, atoms, text, sizeof text);
        for (uint32_t i = atoms_count(state, atoms); i < atoms; i++)
            assert_true(atom_equal(state[i], (struct atom){0, 0, 0}));
        assert_true(search->args.hash[row] == derive_state_hash(state, atoms));
    }
    assert_string_equal(successors, text);
}

/* The successor in this row becomes the state. */
static void search_move(struct search *search, uint32_t row)
{
    assert_true(row < search->lane.count);
    memcpy(search->args.state, search_successor(search, row),
           search->args.atoms * sizeof *search->args.state);
}

/* What became of a search; `end` as in common/outcome.h. */
struct episode {
    uint32_t length, first_count;
    char end;
};

typedef uint32_t search_choice(const struct search *search);

/* Searches to its end, or for `depth` steps. */
__attribute__((unused)) static struct episode search_run(struct search *search, struct atom root,
                                                         uint32_t depth, search_choice *choose)
{
    static const char ends[] = {'T', 'F', 'E'};
    struct episode episode = {0, 0, 0};
    search_start(search, root);
    while (!episode.end) {
        search_derive(search);
        assert_false(search->lane.overflow);
        if (episode.length++ == 0) episode.first_count = search->lane.count;
        search_move(search, choose(search));
        const uint32_t goal = search->args.state[0].predicate;
        if (goal > theory->predicate_count)
            episode.end = ends[goal - theory->predicate_count - ATOM_TRUE];
        else if (episode.length == depth)
            episode.end = 'D';
    }
    return episode;
}

#endif
