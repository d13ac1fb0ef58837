/*
 * prove_world - a small theory with a network for it, and what becomes of each of its searches,
 * found by a plain loop: one search after the other, every state encoded anew.
 *
 *     world_open (a policy) --> world_set ... --> world_search --> world_wanted ... --> world_close
 *
 * The files go to the folder of tests/files.h.
 */
#ifndef TESTS_PROVE_WORLD_H
#define TESTS_PROVE_WORLD_H

#include "common/outcome.h"
#include "common/prove_shape.h"
#include "tests/files.h"
#include "worker/program.h"
#include "worker/program/prove.h"
#include "worker/step/choose.h"
#include "worker/step/derive.h"
#include "worker/step/encode.h"

#include <math.h>

enum {
    WORLD_DEPTH = 9,
    WORLD_ATOMS = 4,
    WORLD_SUCCESSORS = 12,
    WORLD_VISITED = (WORLD_DEPTH + 1) * 21,
    WORLD_CONSTANTS = 14,
    WORLD_PREDICATES = 5,
    WORLD_LINES = 14,
    WORLD_WIDTH = 10,
    WORLD_HIDDEN = 14,
    WORLD_BLOCKS = 2,
    WORLD_STATES = 1 << 15, /* room for distinct ones */
    WORLD_RULE_VARIABLES = 5,
    WORLD_VARIABLES = 300, /* that the network has rows for */
};

static const char world_rules[] = "anc(X,Y) :- par(X,Y).\n"
                                  "anc(X,Z) :- par(X,Y), anc(Y,Z).\n"
                                  "sib(X,Y) :- par(Z,X), par(Z,Y).\n"
                                  "coz(X,Y) :- par(A,X), par(B,Y), sib(A,B).\n"
                                  "rel(X,Y) :- anc(Z,X), anc(Z,Y).\n"
                                  "rel(X,Y) :- rel(Y,X).\n"
                                  "rel(X,Y) :- rel(A,B), rel(B,Y).\n";

static struct world {
    struct settings *settings;
    struct outcome *want; /* [targets][places] */
    uint32_t targets;
    uint64_t places;
    struct program_work work; /* that takes; recalled: states compared again by some choice */
} world;

static uint64_t world_random(uint64_t *random)
{
    return (*random = *random * 6364136223846793005u + 1442695040888963407u) >> 33;
}

static void world_set(enum setting setting, const char *text)
{
    expect(OK, settings_set(world.settings, setting, text, folder_path, "test"));
}

static void world_write_atoms(void)
{
    static const char *const asked[] = {"anc", "sib", "coz", "rel"};
    char train[2048] = "", test[2048] = "";
    uint64_t random = 11;
    size_t used = 0;
    for (int i = 1; i < WORLD_CONSTANTS; i++) /* a tree, and a few who have two parents */
        used +=
            (size_t)snprintf(train + used, sizeof(train) - used, "par(c%d,c%d).\n", (i - 1) / 2, i);
    (void)snprintf(train + used, sizeof(train) - used,
                   "par(c3,c10).\npar(c4,c12).\nsib(c0,c13).\ncoz(c2,c5).\nanc(c9,c1).\n");
    used = 0;
    for (int i = 0; i < WORLD_LINES; i++)
        used += (size_t)snprintf(test + used, sizeof(test) - used, "%s(c%d,c%d).\n", asked[i % 4],
                                 (int)(world_random(&random) % WORLD_CONSTANTS),
                                 (int)(world_random(&random) % WORLD_CONSTANTS));
    (void)file_text("train", train);
    (void)file_text("test", test);
    (void)file_text("rules", world_rules);
}

/* Its header so far, and the numbers behind it. */
struct world_tensors {
    char header[4096];
    size_t used;
    float number[(WORLD_CONSTANTS + 1 + WORLD_VARIABLES) * WORLD_WIDTH * 4];
    size_t count;
    uint64_t random;
};

static void world_add(struct world_tensors *file, const char *name, uint32_t rows, uint32_t width,
                      float offset)
{
    const size_t first = file->count;
    for (uint32_t i = 0; i < rows * width; i++)
        file->number[file->count++] =
            offset + ((float)(world_random(&file->random) % 4096) / 2048 - 1);
    assert_true(file->count <= sizeof(file->number) / sizeof(file->number[0]));
    char shape[32];
    (void)snprintf(shape, sizeof(shape), rows > 1 ? "%u,%u" : "%.0u%u", rows > 1 ? rows : 0, width);
    file->used += (size_t)snprintf(file->header + file->used, sizeof(file->header) - file->used,
                                   "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],"
                                   "\"data_offsets\":[%zu,%zu]}",
                                   file->used ? ',' : '{', name, shape, first * sizeof(float),
                                   file->count * sizeof(float));
}

static void world_add_layer(struct world_tensors *file, const char *name, uint32_t in, uint32_t out,
                            bool norm, float poison)
{
    char full[64];
    (void)snprintf(full, sizeof(full), "%s.weight", name);
    world_add(file, full, out, in, 0);
    (void)snprintf(full, sizeof(full), "%s.bias", name);
    world_add(file, full, 1, out, poison);
    if (!norm) return;
    (void)snprintf(full, sizeof(full), "%s.norm.weight", name);
    world_add(file, full, 1, out, 1);
    (void)snprintf(full, sizeof(full), "%s.norm.bias", name);
    world_add(file, full, 1, out, 0);
}

/* The same network for any number of `variables`; `poison` is added to its last biases. */
static void world_write_network(uint32_t variables, float poison)
{
    static struct world_tensors file;
    file = (struct world_tensors){.random = 5};
    world_add(&file, "predicates.weight", WORLD_PREDICATES + 4, WORLD_WIDTH, 0);
    world_add_layer(&file, "input", WORLD_WIDTH, WORLD_HIDDEN, true, 0);
    for (int block = 0; block < WORLD_BLOCKS; block++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "block.%d", block);
        world_add_layer(&file, name, WORLD_HIDDEN, WORLD_HIDDEN, true, 0);
    }
    world_add_layer(&file, "head.0", WORLD_HIDDEN, WORLD_HIDDEN, false, 0);
    world_add_layer(&file, "head.1", WORLD_HIDDEN, WORLD_WIDTH, false, poison);
    world_add(&file, "constants.weight", WORLD_CONSTANTS + 1 + variables, WORLD_WIDTH, 0);
    file.header[file.used++] = '}';
    FILE *out = fopen(file_path("model.safetensors"), "wb");
    assert_non_null(out);
    const uint64_t size = file.used;
    assert_int_equal(2, fwrite(&size, 8, 1, out) + fwrite(file.header, file.used, 1, out));
    assert_int_equal(file.count, fwrite(file.number, sizeof(float), file.count, out));
    assert_int_equal(0, fclose(out));
}

static void world_open(const char *policy)
{
    const struct {
        enum setting setting;
        const char *text;
    } texts[] = {{SET_program, "prove"}, {SET_train, "train"},   {SET_test, "test"},
                 {SET_rules, "rules"},   {SET_policy, policy},   {SET_depth, "9"},
                 {SET_atoms, "4"},       {SET_successors, "12"}, {SET_seed, "7"}};
    world = (struct world){0};
    world_write_atoms();
    world_write_network(WORLD_VARIABLES, 0);
    expect(OK, settings_open(&world.settings));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        world_set(texts[i].setting, texts[i].text);
    if (!strcmp(policy, "network")) world_set(SET_model, "model.safetensors");
    expect(OK, settings_finish(world.settings));
}

static void world_close(void)
{
    free(world.want);
    settings_close(&world.settings);
}

static const struct outcome *world_wanted(uint32_t target, uint64_t place)
{
    assert_true(target < world.targets && place < world.places);
    return &world.want[target * world.places + place];
}

/* One search at a time. */
struct world_loop {
    struct theory *theory;
    struct items items;
    struct network network;
    struct prove_shape shape;
    bool reads_network;
    struct pool *pool;
    const struct encode_kernel *kernel;
    struct encode_weights weights;
    void *weights_memory, *derive_scratch;
    float *encode_scratch, *code;
    struct derive_lane lane;
    struct atom state[WORLD_ATOMS], successor[WORLD_SUCCESSORS][WORLD_ATOMS];
    struct atom visited[WORLD_VISITED][WORLD_ATOMS];
    uint64_t hash[WORLD_SUCCESSORS], visited_hash[WORLD_VISITED];
};

static void *world_room(uint64_t bytes)
{
    void *room = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(room);
    return room;
}

static void world_open_loop(struct world_loop *loop)
{
    const struct settings *settings = world.settings;
    loop->reads_network = settings_choice(settings, SET_policy) == POLICY_network;
    expect(OK, theory_open(settings, THEORY_SEARCH, &loop->theory));
    expect(OK, items_open(settings, loop->theory, &loop->items));
    assert_int_equal(WORLD_RULE_VARIABLES, loop->theory->rules.variables);
    expect(OK, pool_open(1, &loop->pool));
    if (loop->reads_network) {
        expect(OK, network_open(settings_text(settings, SET_model), WORLD_CONSTANTS,
                                WORLD_PREDICATES, WORLD_RULE_VARIABLES, true, &loop->network));
        expect(OK, encode_kernel_find(NULL, &loop->kernel));
        loop->weights_memory = world_room(encode_weights_bytes(&loop->network));
        encode_pack(&loop->network, WORLD_ATOMS, WORLD_PREDICATES, loop->weights_memory,
                    &loop->weights);
        loop->encode_scratch = world_room(encode_scratch_bytes(&loop->network));
        loop->code =
            world_room((WORLD_SUCCESSORS + 1) * encode_padded(WORLD_WIDTH) * sizeof(float));
    }
    prove_shape_choose(settings, loop->theory, &loop->items,
                       loop->reads_network ? &loop->network : NULL, &loop->shape);
    assert_true(loop->shape.visited <= WORLD_VISITED && loop->shape.depth == WORLD_DEPTH);
    loop->derive_scratch =
        world_room(derive_scratch_bytes(WORLD_ATOMS, loop->theory->rules.body_most));
}

static void world_close_loop(struct world_loop *loop)
{
    free(loop->derive_scratch);
    free(loop->weights_memory);
    free(loop->encode_scratch);
    free(loop->code);
    pool_close(&loop->pool);
    if (loop->reads_network) network_close(&loop->network);
    items_close(&loop->items);
    theory_close(&loop->theory);
}

static const uint32_t world_lane[] = {0}, world_slots[WORLD_SUCCESSORS + 1] = {
                                              0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void world_derive(struct world_loop *loop)
{
    const struct derive_args args = {.facts = &loop->theory->facts,
                                     .rules = &loop->theory->rules,
                                     .constants = WORLD_CONSTANTS,
                                     .predicates = WORLD_PREDICATES,
                                     .atoms = WORLD_ATOMS,
                                     .successors = WORLD_SUCCESSORS,
                                     .visited_most = loop->shape.visited,
                                     .memory_pruning = loop->shape.memory_pruning,
                                     .end_action = loop->shape.end_action,
                                     .skip_unary = loop->shape.skip_unary,
                                     .live = 1,
                                     .lane_list = world_lane,
                                     .lane = &loop->lane,
                                     .state = loop->state,
                                     .successor = loop->successor[0],
                                     .hash = loop->hash,
                                     .visited = loop->visited[0],
                                     .visited_hash = loop->visited_hash,
                                     .scratch = loop->derive_scratch};
    expect(OK, derive_cpu(loop->pool, &args));
}

/* Notes that a choice compares this state; counts it as one to encode, or as one seen before. */
static void world_compare(const struct atom *state)
{
    static struct atom seen[WORLD_STATES][WORLD_ATOMS];
    if (world.work.encoded + world.work.recalled == 0) memset(seen, 0, sizeof(seen));
    uint64_t at = derive_state_hash(state, WORLD_ATOMS) % WORLD_STATES;
    while (seen[at][0].predicate && memcmp(seen[at], state, sizeof(seen[at])) != 0)
        at = (at + 1) % WORLD_STATES;
    world.work.recalled += seen[at][0].predicate > 0;
    world.work.encoded += seen[at][0].predicate == 0;
    memcpy(seen[at], state, sizeof(seen[at]));
    assert_true(world.work.encoded < WORLD_STATES);
}

/* Slot 0 is the state's, the next are its successors'. */
static void world_encode(struct world_loop *loop)
{
    struct atom key[WORLD_SUCCESSORS + 1][WORLD_ATOMS];
    memcpy(key[0], loop->state, sizeof(key[0]));
    memcpy(key[1], loop->successor, loop->lane.count * sizeof(key[0]));
    const struct encode_args args = {.weights = &loop->weights,
                                     .atoms = WORLD_ATOMS,
                                     .rows = loop->lane.count + 1,
                                     .slot = world_slots,
                                     .key = key[0],
                                     .code = loop->code,
                                     .scratch = loop->encode_scratch};
    expect(OK, encode_cpu(loop->pool, loop->kernel, &args));
    for (uint32_t row = 0; row < args.rows; row++) world_compare(key[row]);
}

static uint32_t world_choose(struct world_loop *loop, uint64_t stream, uint32_t place,
                             uint32_t step, float *logprob)
{
    float logit[WORLD_SUCCESSORS];
    uint32_t action;
    const struct choose_args args = {.policy =
                                         (enum policy)settings_choice(world.settings, SET_policy),
                                     .atoms = WORLD_ATOMS,
                                     .successors = WORLD_SUCCESSORS,
                                     .give_up = WORLD_PREDICATES + ATOM_GIVE_UP,
                                     .live = 1,
                                     .lane_list = world_lane,
                                     .count = &loop->lane.count,
                                     .successor = loop->successor[0],
                                     .action = &action,
                                     .logprob = logprob,
                                     .seed = 7,
                                     .stream = &stream,
                                     .place = &place,
                                     .step = &step,
                                     .kernel = loop->kernel,
                                     .weights = &loop->weights,
                                     .code = loop->code,
                                     .state_slot = world_slots,
                                     .successor_slot = world_slots + 1,
                                     .logit = logit};
    expect(OK, choose_cpu(loop->pool, &args));
    return action;
}

static void world_prove(struct world_loop *loop, uint32_t target, uint64_t place,
                        const struct triple *triple, struct outcome *out)
{
    static const char ends[] = {0, END_TRUE, END_FALSE, END_GIVE_UP};
    const uint64_t stream = items_stream(&loop->items, target);
    memset(loop->state, 0, sizeof(loop->state));
    loop->state[0] = (struct atom){triple->relation + 1, triple->head + 1, triple->tail + 1};
    loop->lane = (struct derive_lane){.root = loop->state[0], .next_variable = WORLD_CONSTANTS + 1};
    while (!out->end) {
        float logprob;
        world_derive(loop);
        world.work.lanes_live++;
        world.work.rows += loop->lane.count;
        if (loop->reads_network && loop->lane.count > 1) world_encode(loop);
        const uint32_t action = world_choose(loop, stream, (uint32_t)place, out->depth, &logprob);
        memcpy(loop->state, loop->successor[action], sizeof(loop->state));
        out->logprob += logprob;
        out->digest = outcome_digest(out->digest, action);
        out->depth++;
        if (loop->state[0].predicate > WORLD_PREDICATES)
            out->end = (uint8_t)ends[loop->state[0].predicate - WORLD_PREDICATES];
        else if (out->depth == WORLD_DEPTH)
            out->end = END_DEPTH;
    }
    world.work.pairs++;
}

/* Finds out what becomes of every search. */
static void world_search(void)
{
    static struct world_loop loop;
    uint32_t proved = 0;
    loop = (struct world_loop){0};
    world_open_loop(&loop);
    free(world.want);
    world.targets = loop.items.target_count;
    world.places = loop.items.places;
    world.work = (struct program_work){0};
    world.want = calloc(world.targets * world.places, sizeof(*world.want));
    assert_non_null(world.want);
    for (uint32_t target = 0; target < world.targets; target++)
        for (uint64_t place = 0; place < world.places; place++) {
            struct outcome *out = &world.want[target * world.places + place];
            struct triple triple;
            out->kind = (uint8_t)items_at(&loop.items, target, place, &triple);
            if (out->kind >= ITEM_TRUE) world_prove(&loop, target, place, &triple, out);
            proved += out->end == END_TRUE;
        }
    assert_true(proved > 0 && proved < world.work.pairs); /* or else it would show little */
    world_close_loop(&loop);
}

#endif
