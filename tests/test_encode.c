/* Tests of the encode step: a code is what the header says, bit for bit, whatever the instruction
 * set, the shape of the network, the number of rows and of threads. */
#include "tests/encode_reference.h"
#include "tests/test.h"
#include "worker/step/encode.h"
#include "worker/step/isa.h"

#include <string.h>

enum { ROWS_MOST = 330, SLOTS = 350, ATOMS = 4 };
enum { CONSTANTS = 17, VARIABLES = 6, PREDICATES = 5 };

struct shape {
    uint32_t width, hidden, blocks;
    bool normalised;
};

static const struct shape shapes[] = {
    {10, 24, 2, false}, {33, 7, 1, true}, {32, 64, 1, false}, {1, 1, 0, false}, {50, 95, 3, true}};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* A network, states in slots that are not in the order of the rows, and their codes. */
struct world {
    struct made_network made;
    void *memory;
    struct encode_weights weights;
    struct encode_args args;
    struct atom key[SLOTS * ATOMS];
    uint32_t slot[ROWS_MOST];
    float *code, *want; /* [SLOTS][padded] */
};

static void *aligned(uint64_t bytes)
{
    void *out = NULL;
    assert_int_equal(0, posix_memalign(&out, 64, bytes + 64));
    return out;
}

static uint32_t number_below(uint64_t *random, uint32_t limit)
{
    return (uint32_t)(16777216 * (1 + made_number(random))) % limit;
}

/* One to ATOMS atoms; some are ends. */
static void make_states(struct world *world)
{
    uint64_t random = 11;
    memset(world->key, 0, sizeof(world->key));
    for (uint32_t s = 0; s < SLOTS; s++) {
        struct atom *state = world->key + s * ATOMS;
        if (s % 9 == 8) state[0].predicate = PREDICATES + 1 + s % ATOM_ENDS;
        for (uint32_t a = 0; s % 9 != 8 && a <= s % ATOMS; a++)
            state[a] = (struct atom){1 + number_below(&random, PREDICATES),
                                     1 + number_below(&random, CONSTANTS + VARIABLES),
                                     1 + number_below(&random, CONSTANTS + VARIABLES)};
    }
    for (uint32_t i = 0; i < ROWS_MOST; i++) world->slot[i] = (i * 9 + 3) % SLOTS;
}

/* What is wanted is known for the first `rows` rows. */
static void open_world(const struct shape *shape, uint32_t threads, uint32_t rows,
                       struct world *world)
{
    *world = (struct world){.memory = NULL};
    assert_true(made_network_open(shape->width, shape->hidden, shape->blocks, CONSTANTS, VARIABLES,
                                  PREDICATES, &world->made));
    struct network *network = &world->made.network;
    network->normalised = shape->normalised;
    network->temperature = 0.1f;
    make_states(world);
    world->memory = aligned(encode_weights_bytes(network));
    encode_pack(network, ATOMS, PREDICATES, world->memory, &world->weights);
    const size_t padded = encode_padded(shape->width);
    world->code = aligned(SLOTS * padded * sizeof(float));
    world->want = aligned(SLOTS * padded * sizeof(float));
    memset(world->want, 0, SLOTS * padded * sizeof(float));
    for (uint32_t i = 0; i < rows; i++)
        reference_code(network, PREDICATES + 1, world->key + world->slot[i] * ATOMS, ATOMS,
                       world->want + world->slot[i] * padded);
    world->args = (struct encode_args){.weights = &world->weights,
                                       .atoms = ATOMS,
                                       .slot = world->slot,
                                       .key = world->key,
                                       .code = world->code,
                                       .scratch = aligned(threads * encode_scratch_bytes(network))};
}

static void close_world(struct world *world)
{
    made_network_close(&world->made);
    free(world->memory);
    free(world->code);
    free(world->want);
    free(world->args.scratch);
}

/* Encodes the first rows; all slots must then be right, or as they were. */
static void expect_codes(struct world *world, struct pool *pool, const char *set, uint32_t rows)
{
    const struct encode_kernel *kernel;
    if (encode_kernel_find(set, &kernel)) return;
    const size_t padded = encode_padded(world->weights.width);
    memset(world->code, 0x55, SLOTS * padded * sizeof(float));
    world->args.rows = rows;
    expect(OK, encode_cpu(pool, kernel, &world->args));
    bool encoded[SLOTS] = {false};
    for (uint32_t i = 0; i < rows; i++) encoded[world->slot[i]] = true;
    float untouched;
    memset(&untouched, 0x55, sizeof(untouched));
    for (size_t i = 0; i < SLOTS * padded; i++) {
        const float want = encoded[i / padded] ? world->want[i] : untouched;
        if (memcmp(&world->code[i], &want, sizeof(want)) != 0)
            fail_msg("%s, width %u, hidden %u, %u rows: slot %zu, number %zu: %a, expected %a", set,
                     world->weights.width, world->weights.hidden, rows, i / padded, i % padded,
                     (double)world->code[i], (double)want);
    }
}

static void every_set_gives_the_bits_of_the_header(void **state)
{
    (void)state;
    struct pool *pool;
    expect(OK, pool_open(1, &pool));
    for (int s = 0; s < SHAPES; s++) {
        struct world world;
        open_world(&shapes[s], 1, 50, &world);
        for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++)
            for (uint32_t rows = 0; rows <= 50; rows++)
                expect_codes(&world, pool, isa_name[isa], rows);
        close_world(&world);
    }
    pool_close(&pool);
}

static void the_published_size_gives_the_bits_of_the_header(void **state)
{
    (void)state;
    struct pool *pool;
    struct world world;
    const struct shape shape = {250, 256, 2, false};
    expect(OK, pool_open(1, &pool));
    open_world(&shape, 1, 101, &world);
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++)
        expect_codes(&world, pool, isa_name[isa], isa == ISA_base ? 7 : 101);
    close_world(&world);
    pool_close(&pool);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 7}, rows[] = {1, 2, 3, 6, 8, 50, 97, 193, ROWS_MOST};
    for (int t = 0; t < 3; t++) {
        struct pool *pool;
        struct world world;
        expect(OK, pool_open(threads[t], &pool));
        open_world(&shapes[1], threads[t], ROWS_MOST, &world);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            expect_codes(&world, pool, "", rows[i]);
        close_world(&world);
        pool_close(&pool);
    }
}

static void codes_are_what_plain_arithmetic_says(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        struct world world;
        open_world(&shapes[s], 1, 50, &world);
        const struct network *network = &world.made.network;
        double worst = 0;
        for (uint32_t i = 0; i < 50; i++) {
            const uint32_t slot = world.slot[i];
            double plain[REFERENCE_WIDTH];
            plain_code(network, PREDICATES + 1, world.key + slot * ATOMS, ATOMS, plain);
            for (uint32_t k = 0; k < network->width; k++) {
                const float got = world.want[slot * encode_padded(network->width) + k];
                worst = fmax(worst, fabs((double)got - plain[k]) / (1 + fabs(plain[k])));
            }
        }
        assert_true(worst < 1e-4);
        close_world(&world);
    }
}

static void a_variable_without_an_embedding_is_refused(void **state)
{
    (void)state;
    struct pool *pool;
    struct world world;
    const struct encode_kernel *kernel;
    expect(OK, pool_open(1, &pool));
    expect(OK, encode_kernel_find("", &kernel));
    open_world(&shapes[0], 1, 0, &world);
    world.args.rows = 20;
    struct atom *state_of_7 = world.key + world.slot[7] * ATOMS;
    state_of_7[0].second = CONSTANTS + VARIABLES;
    expect(OK, encode_cpu(pool, kernel, &world.args));
    state_of_7[0].second = CONSTANTS + VARIABLES + 1;
    expect(ERR_INPUT, encode_cpu(pool, kernel, &world.args));
    assert_non_null(strstr(err_text(), "24 rows, but a search has a variable number 24"));
    state_of_7[0].second = 1;
    state_of_7[0].first = UINT32_MAX;
    expect(ERR_INPUT, encode_cpu(pool, kernel, &world.args));
    close_world(&world);
    pool_close(&pool);
}

/* Encodes a few rows, and gives the code of one of them. */
static const float *encode_few(struct world *world, struct pool *pool,
                               const struct encode_kernel *kernel)
{
    world->args.rows = 5;
    expect(OK, encode_cpu(pool, kernel, &world->args));
    return world->code + world->slot[2] * encode_padded(world->weights.width);
}

/* Numbers that overflow give codes that are none; what pads them stays zero. */
static void what_is_no_number_stays_none(void **state)
{
    (void)state;
    struct pool *pool;
    expect(OK, pool_open(1, &pool));
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        const struct encode_kernel *kernel;
        if (encode_kernel_find(isa_name[isa], &kernel)) continue;
        struct world world;
        open_world(&shapes[0], 1, 0, &world);
        float *last = (float *)(uintptr_t)world.weights.head[1].bias;
        last[3] = NAN;
        last[4] = INFINITY;
        const float *code = encode_few(&world, pool, kernel);
        assert_true(isnan(code[3]) && isinf(code[4]) && isfinite(code[5]));
        ((float *)(uintptr_t)world.weights.head[0].bias)[0] = INFINITY;
        code = encode_few(&world, pool, kernel);
        assert_true(!isfinite(code[5]));
        for (uint32_t k = world.weights.width; k < encode_padded(world.weights.width); k++)
            assert_true(code[k] == 0);
        close_world(&world);
    }
    pool_close(&pool);
}

/* Overflow in the middle must not become zeros: a rectified NaN is one, and so is a direction whose
 * length is not finite. */
static void overflow_in_the_middle_shows(void **state)
{
    (void)state;
    struct pool *pool;
    expect(OK, pool_open(1, &pool));
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        const struct encode_kernel *kernel;
        if (encode_kernel_find(isa_name[isa], &kernel)) continue;
        struct world world;
        open_world(&shapes[1], 1, 0, &world);
        world.weights.normalised = true;
        float *last = (float *)(uintptr_t)world.weights.head[1].bias;
        last[0] = 1e30f;
        const float *code = encode_few(&world, pool, kernel);
        for (uint32_t k = 0; k < world.weights.width; k++) assert_true(isnan(code[k]));
        for (uint32_t k = world.weights.width; k < encode_padded(world.weights.width); k++)
            assert_true(code[k] == 0);
        last[0] = 0;
        ((float *)(uintptr_t)world.weights.input.bias)[0] = NAN;
        code = encode_few(&world, pool, kernel);
        for (uint32_t k = 0; k < world.weights.width; k++) assert_true(isnan(code[k]));
        close_world(&world);
    }
    pool_close(&pool);
}

static void a_code_without_a_length_is_not_divided_by_it(void **state)
{
    (void)state;
    struct pool *pool;
    expect(OK, pool_open(1, &pool));
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        const struct encode_kernel *kernel;
        if (encode_kernel_find(isa_name[isa], &kernel)) continue;
        struct world world;
        open_world(&shapes[1], 1, 0, &world);
        const struct encode_layer *last = &world.weights.head[1];
        memset((float *)(uintptr_t)last->panel, 0,
               (size_t)last->in * encode_padded(last->out) * sizeof(float));
        memset((float *)(uintptr_t)last->bias, 0, last->out * sizeof(float));
        const float *code = encode_few(&world, pool, kernel);
        for (uint32_t k = 0; k < world.weights.width; k++) assert_true(code[k] == 0);
        close_world(&world);
    }
    pool_close(&pool);
}

static void every_set_gives_the_bits_of_a_product(void **state)
{
    (void)state;
    float a[200], b[200];
    uint64_t random = 5;
    for (int i = 0; i < 200; i++) {
        a[i] = made_number(&random);
        b[i] = made_number(&random);
    }
    a[130] = -0x1p-100f; /* times b, a number too small: -0 */
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        const struct encode_kernel *kernel;
        if (encode_kernel_find(isa_name[isa], &kernel)) continue;
        for (uint32_t count = 0; count <= 200; count++) {
            const float want = reference_sum(a, b, count), got = kernel->dot(a, b, count);
            assert_memory_equal(&want, &got, sizeof(want));
        }
        const float tiny[3] = {-0x1p-100f, 0, 0}, small[3] = {0x1p-100f, 0, 0};
        const float want = reference_sum(tiny, small, 3), got = kernel->dot(tiny, small, 3);
        assert_memory_equal(&want, &got, sizeof(want));
    }
}

static void an_unknown_set_is_a_usage_error(void **state)
{
    (void)state;
    const struct encode_kernel *kernel;
    expect(ERR_USAGE, encode_kernel_find("mmx", &kernel));
    assert_non_null(strstr(err_text(), "MILLRACE_ISA: mmx"));
    assert_null(kernel);
    expect(OK, encode_kernel_find("base", &kernel));
    assert_string_equal("base", kernel->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_set_gives_the_bits_of_the_header),
        test_plain(the_published_size_gives_the_bits_of_the_header),
        test_plain(threads_change_no_bit),
        test_plain(codes_are_what_plain_arithmetic_says),
        test_plain(a_variable_without_an_embedding_is_refused),
        test_plain(what_is_no_number_stays_none),
        test_plain(overflow_in_the_middle_shows),
        test_plain(a_code_without_a_length_is_not_divided_by_it),
        test_plain(every_set_gives_the_bits_of_a_product),
        test_plain(an_unknown_set_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
