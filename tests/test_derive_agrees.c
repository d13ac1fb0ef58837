/* The derive step against a second, plain one: what derive.h says, sentence by sentence, every
 * successor written out and nothing saved, on made-up theories and walks through them. */
#include "common/prove_shape.h"
#include "tests/proving.h"

enum {
    THEORIES = 300,
    WALKS = 12, /* in each */
    STEPS = 7,
    CONSTANTS = 6,
    ATOMS = 6,
    SUCCESSORS = 24,
    VISITED = STEPS * (PROVE_SKIPS + 1),
    WIDE = 16,      /* atoms of a child */
    CHILDREN = 128, /* of a state, kept or not */
};

/* A fixed sequence of numbers below `count`. */
static uint32_t below(uint64_t *random, uint32_t count)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*random >> 33) % count);
}

/* ---- the plain one ----------------------------------------------------------------------- */

struct plain_state {
    struct atom at[WIDE];
    uint32_t count;
};

struct plain {
    struct plain_state state, child[CHILDREN], visited[VISITED];
    uint32_t children, visits, next;
};

static bool is_constant(uint32_t argument)
{
    return argument <= theory->constant_count;
}

static bool is_fact(struct atom atom, struct atom root)
{
    bool found = false;
    const struct facts *facts = &theory->facts;
    for (uint32_t p = 1; p <= facts->predicates; p++)
        for (uint32_t i = facts->predicate_start[p]; i < facts->predicate_start[p + 1]; i++)
            found |= atom_equal(
                atom, (struct atom){p, facts->by_first[i].first, facts->by_first[i].second});
    return found && !atom_equal(atom, root);
}

static void replace(struct plain_state *state, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < state->count; i++) {
        if (state->at[i].first == from) state->at[i].first = to;
        if (state->at[i].second == from) state->at[i].second = to;
    }
}

/* Unifies goal and term, and applies what was bound to the state. */
static bool unify_and_replace(struct atom goal, struct atom term, struct plain_state *state)
{
    const bool makes_constant = goal.second == goal.first && is_constant(term.first);
    const uint32_t goals[2] = {goal.first, makes_constant ? term.first : goal.second};
    const uint32_t terms[2] = {term.first, term.second};
    uint32_t from[2], to[2], bound = 0;
    for (int i = 0; i < 2; i++) {
        if (is_constant(goals[i]) && is_constant(terms[i])) {
            if (goals[i] != terms[i]) return false;
        } else {
            from[bound] = is_constant(terms[i]) ? goals[i] : terms[i];
            to[bound++] = is_constant(terms[i]) ? terms[i] : goals[i];
        }
    }
    if (bound == 2 && from[0] == from[1] && to[0] != to[1]) return false;
    for (uint32_t i = 0; i < bound; i++) replace(state, from[i], to[i]);
    return true;
}

static struct atom renamed(struct atom atom, uint32_t next)
{
    const uint32_t shift = next - theory->constant_count - 1;
    if (!is_constant(atom.first)) atom.first += shift;
    if (!is_constant(atom.second)) atom.second += shift;
    return atom;
}

static void append_rest(const struct plain_state *state, struct plain_state *child)
{
    for (uint32_t i = 1; i < state->count; i++) child->at[child->count++] = state->at[i];
}

/* Steps 2 and 3. */
static void make_children(struct plain *plain, struct atom root)
{
    const struct atom goal = plain->state.at[0];
    plain->children = 0;
    for (uint32_t r = 0; r < theory->rules.count; r++) {
        const struct rule *rule = &theory->rules.at[r];
        struct plain_state child = {.count = 0};
        for (uint32_t i = 0; i < rule->body_count; i++)
            child.at[child.count++] =
                renamed(theory->rules.body[rule->first_body + i], plain->next);
        append_rest(&plain->state, &child);
        if (rule->head.predicate == goal.predicate &&
            unify_and_replace(goal, renamed(rule->head, plain->next), &child))
            plain->child[plain->children++] = child;
    }
    const struct facts *facts = &theory->facts;
    const uint32_t p = goal.predicate;
    for (uint32_t i = facts->predicate_start[p]; i < facts->predicate_start[p + 1]; i++) {
        const struct atom fact = {p, facts->by_first[i].first, facts->by_first[i].second};
        struct plain_state child = {.count = 0};
        append_rest(&plain->state, &child);
        if (!atom_equal(fact, root) && unify_and_replace(goal, fact, &child))
            plain->child[plain->children++] = child;
        assert_true(plain->children < CHILDREN);
    }
}

static void delete_facts(struct plain_state *state, struct atom root)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < state->count; i++)
        if (!is_fact(state->at[i], root)) state->at[count++] = state->at[i];
    state->count = count;
}

/* Step 7; the new n as this child has it. */
static uint32_t number_anew(struct plain_state *state, uint32_t next)
{
    enum { FAR = 1 << 20 }; /* where no variable is */
    uint32_t used = 0;
    for (uint32_t i = 0; i < 2 * state->count; i++) {
        const uint32_t argument = i % 2 ? state->at[i / 2].second : state->at[i / 2].first;
        if (argument >= next && argument < FAR) replace(state, argument, FAR + used++);
    }
    for (uint32_t k = 0; k < used; k++) replace(state, FAR + k, next + k);
    return next + used;
}

static bool same_set(const struct plain_state *a, const struct plain_state *b)
{
    bool same = true;
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < a->count; i++) {
            bool found = false;
            for (uint32_t k = 0; k < b->count; k++) found |= atom_equal(a->at[i], b->at[k]);
            same &= found;
        }
        const struct plain_state *const swap = a;
        a = b;
        b = swap;
    }
    return same;
}

static bool was_visited(const struct plain *plain, const struct plain_state *state)
{
    bool found = false;
    for (uint32_t v = 0; v < plain->visits; v++) found |= same_set(state, &plain->visited[v]);
    return found;
}

static void only_end(struct plain *plain, enum atom_end end)
{
    plain->children = 1;
    plain->child[0].count = 1;
    plain->child[0].at[0] = (struct atom){theory->predicate_count + (uint32_t)end, 0, 0};
}

static bool is_end(const struct plain_state *state)
{
    return state->at[0].predicate > theory->predicate_count;
}

/* Steps 1 to 8, and what drops successors. */
static void derive_plainly(struct plain *plain, const struct derive_args *args, struct atom root)
{
    const bool remembers = args->memory_pruning && !args->plain;
    if (remembers) plain->visited[plain->visits++] = plain->state;
    make_children(plain, root);
    bool proved = false;
    uint32_t next = plain->next, kept = 0;
    for (uint32_t i = 0; i < plain->children; i++) {
        delete_facts(&plain->child[i], root);
        proved |= plain->child[i].count == 0;
    }
    for (uint32_t i = 0; i < plain->children; i++) {
        const uint32_t reached = number_anew(&plain->child[i], plain->next);
        next = reached > next ? reached : next;
    }
    for (uint32_t i = 0; i < plain->children && i < args->successors; i++)
        if (plain->child[i].count <= args->atoms &&
            !(remembers && was_visited(plain, &plain->child[i])))
            plain->child[kept++] = plain->child[i];
    plain->children = kept;
    if (!proved) plain->next = next;
    if (proved || kept == 0) only_end(plain, proved ? ATOM_TRUE : ATOM_FALSE);
}

static void step_plainly(struct plain *plain, const struct derive_args *args, struct atom root)
{
    derive_plainly(plain, args, root);
    const bool skips = args->skip_unary && !args->plain;
    for (int i = 0; skips && plain->children == 1 && !is_end(&plain->child[0]); i++) {
        if (i == PROVE_SKIPS) {
            only_end(plain, ATOM_FALSE);
        } else {
            plain->state = plain->child[0];
            derive_plainly(plain, args, root);
        }
    }
    if (!args->end_action || args->plain || is_end(&plain->child[0])) return;
    if (plain->children == args->successors) plain->children--;
    struct plain_state *last = &plain->child[plain->children++];
    last->count = 1;
    last->at[0] = (struct atom){theory->predicate_count + ATOM_GIVE_UP, 0, 0};
}

/* ---- made-up theories -------------------------------------------------------------------- */

static void add_atom(char *text, size_t size, uint64_t *random, const char *names, uint32_t count,
                     uint32_t constants_in_ten)
{
    const char *words[2];
    char word[2][2] = {"", ""};
    for (int i = 0; i < 2; i++) {
        const bool constant = below(random, 10) < constants_in_ten;
        word[i][0] =
            constant ? (char)('a' + below(random, CONSTANTS)) : names[below(random, count)];
        words[i] = word[i];
    }
    const size_t length = strlen(text);
    (void)snprintf(text + length, size - length, "%c(%s,%s)", (char)('p' + below(random, 4)),
                   words[0], words[1]);
}

static void make_theory(uint64_t *random)
{
    char facts[2048] = "", rules[2048] = "";
    for (uint32_t i = 0, count = 4 + below(random, 20); i < count; i++) {
        add_atom(facts, sizeof facts, random, "", 1, 10);
        strncat(facts, ".\n", sizeof facts - strlen(facts) - 1);
    }
    for (uint32_t i = 0, count = 1 + below(random, 9); i < count; i++) {
        add_atom(rules, sizeof rules, random, "XY", 2, 1);
        for (uint32_t k = 0, body = 1 + below(random, 3); k < body; k++) {
            strncat(rules, k ? ", " : " :- ", sizeof rules - strlen(rules) - 1);
            add_atom(rules, sizeof rules, random, "XYZW", 4, 1);
        }
        strncat(rules, ".\n", sizeof rules - strlen(rules) - 1);
    }
    proving_texts(facts, rules, "p(a,b).\nq(c,d).\nr(e,f).\ns(a,a).\n");
}

static uint32_t made_up_argument(uint64_t *random)
{
    return 1 + below(random, below(random, 3) ? CONSTANTS : CONSTANTS + 3);
}

static struct atom made_up_atom(uint64_t *random)
{
    const uint32_t predicate = 1 + below(random, theory->predicate_count);
    const uint32_t first = made_up_argument(random), second = made_up_argument(random);
    return (struct atom){predicate, first, second};
}

/* ---- both side by side ------------------------------------------------------------------- */

static struct search search;
static struct plain plain;

static void begin_walk(uint64_t *random)
{
    struct derive_args *args = &search.args;
    args->successors = below(random, 3) ? SUCCESSORS : 2 + below(random, 4);
    args->plain = below(random, 5) == 0;
    args->memory_pruning = below(random, 3) > 0;
    args->end_action = below(random, 2);
    args->skip_unary = below(random, 3) == 0;
    const uint32_t most = args->atoms < 4 ? args->atoms : 4;
    plain = (struct plain){.next = theory->constant_count + 1 + 3};
    plain.state.count = 1 + below(random, most);
    for (uint32_t i = 0; i < plain.state.count; i++) plain.state.at[i] = made_up_atom(random);

    memset(args->state, 0, args->atoms * sizeof *args->state);
    memcpy(args->state, plain.state.at, plain.state.count * sizeof *args->state);
    const struct atom root = below(random, 2) ? plain.state.at[0] : made_up_atom(random);
    search.lane = (struct derive_lane){.root = root, .next_variable = plain.next};
}

static void expect_same_state(const struct plain_state *want, const struct atom *got)
{
    assert_int_equal(want->count, atoms_count(got, search.args.atoms));
    for (uint32_t i = 0; i < want->count; i++) assert_true(atom_equal(want->at[i], got[i]));
}

/* Steps both until an end; gives the steps. */
static uint32_t walk(uint64_t *random)
{
    uint32_t steps = 0;
    begin_walk(random);
    while (steps < STEPS && !is_end(&plain.state)) {
        search_derive(&search);
        step_plainly(&plain, &search.args, search.lane.root);
        assert_false(search.lane.overflow);
        assert_int_equal(plain.children, search.lane.count);
        assert_int_equal(plain.next, search.lane.next_variable);
        assert_int_equal(plain.visits, search.lane.visited);
        expect_same_state(&plain.state, search.args.state);
        for (uint32_t i = 0; i < plain.children; i++)
            expect_same_state(&plain.child[i], search_successor(&search, i));
        const uint32_t choice = below(random, plain.children);
        plain.state = plain.child[choice];
        search_move(&search, choice);
        steps++;
    }
    return steps;
}

static int teardown(void **state)
{
    search_close(&search);
    proving_close();
    return folder_close(state);
}

static void both_walk_the_same_way(void **state)
{
    (void)state;
    uint64_t random = 7;
    uint32_t steps = 0;
    for (int i = 0; i < THEORIES; i++) {
        make_theory(&random);
        search_open(&search, 2 + below(&random, ATOMS - 1), SUCCESSORS, VISITED);
        for (int k = 0; k < WALKS; k++) steps += walk(&random);
        search_close(&search);
    }
    assert_true(steps > THEORIES * WALKS * 3 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_walk_the_same_way, folder_open, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
