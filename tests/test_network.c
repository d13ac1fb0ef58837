/* Tests of reading a policy network: every tensor is there, of its shape, and finite. */
#include "common/network.h"
#include "tests/files.h"

#include <math.h>

enum { CONSTANTS = 5, PREDICATES = 2, VARIABLES = 3, WIDTH = 3, HIDDEN = 4, TENSORS_MAX = 320 };

/* A tensor to be written: [rows][width], or a vector where width is 0, all numbers 0 but one. */
struct part {
    char name[48];
    uint32_t rows, width;
    float first; /* the first number */
};

static struct part part[TENSORS_MAX];
static size_t part_count;
static struct network network;

static void add(const char *name, uint32_t rows, uint32_t width)
{
    assert_true(part_count < TENSORS_MAX);
    struct part *to = &part[part_count++];
    *to = (struct part){.rows = rows, .width = width, .first = (float)part_count};
    (void)snprintf(to->name, sizeof to->name, "%s", name);
}

static void add_layer(const char *name, uint32_t out, uint32_t in, bool norm)
{
    static const char *const suffix[] = {"weight", "bias", "norm.weight", "norm.bias"};
    for (size_t i = 0; i < (norm ? 4 : 2); i++) {
        char full[48];
        (void)snprintf(full, sizeof full, "%.30s.%s", name, suffix[i]);
        add(full, out, i == 0 ? in : 0);
    }
}

/* A network that has nothing wrong with it; tests change what they are about. */
static void compose(unsigned blocks)
{
    part_count = 0;
    add("constants.weight", 1 + CONSTANTS + VARIABLES, WIDTH);
    add("predicates.weight", PREDICATES + 4, WIDTH);
    add_layer("input", HIDDEN, WIDTH, true);
    for (unsigned block = 0; block < blocks; block++) {
        char name[32];
        (void)snprintf(name, sizeof name, "block.%u", block);
        add_layer(name, HIDDEN, HIDDEN, true);
    }
    add_layer("head.0", HIDDEN, HIDDEN, false);
    add_layer("head.1", WIDTH, HIDDEN, false);
}

static struct part *find(const char *name)
{
    size_t i = 0;
    while (strcmp(part[i].name, name) != 0) assert_true(++i < part_count);
    return &part[i];
}

static int setup(void **state)
{
    (void)state;
    compose(2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    network_close(&network);
    assert_null(network.file);
    return 0;
}

static uint32_t numbers_of(const struct part *one)
{
    return one->rows * (one->width ? one->width : 1);
}

static const char *write_parts(void)
{
    static char bytes[1 << 16];
    size_t length = 8, data = 0;
    for (size_t i = 0; i < part_count; i++) {
        const size_t end = data + 4 * (size_t)numbers_of(&part[i]);
        char shape[32] = "";
        if (part[i].width) (void)snprintf(shape, sizeof shape, ",%u", part[i].width);
        length += (size_t)snprintf(bytes + length, sizeof bytes - length,
                                   "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[%u%s],"
                                   "\"data_offsets\":[%zu,%zu]}",
                                   i ? ',' : '{', part[i].name, part[i].rows, shape, data, end);
        data = end;
    }
    bytes[length++] = '}';
    assert_true(length + data <= sizeof bytes);
    for (size_t i = 0; i < 8; i++) bytes[i] = (char)((length - 8) >> 8 * i);
    memset(bytes + length, 0, data);
    for (size_t i = 0, at = length; i < part_count; at += 4 * (size_t)numbers_of(&part[i++]))
        memcpy(bytes + at, &part[i].first, sizeof part[i].first);
    return file_write("policy.safetensors", bytes, length + data);
}

static enum err open_network(void)
{
    network_close(&network);
    return network_open(write_parts(), CONSTANTS, PREDICATES, VARIABLES, true, &network);
}

static void expect_refused(const char *note)
{
    expect(ERR_INPUT, open_network());
    assert_null(network.file);
    expect_note("model: /tmp/millrace-test-");
    expect_note(note);
}

static void expect_first(const char *name, const struct table *table)
{
    float row[16];
    assert_true(table->width <= 16);
    table_row(table, 0, row);
    assert_true(row[0] == find(name)->first);
}

static void every_tensor_is_found_at_its_place(void **state)
{
    (void)state;
    expect(OK, open_network());
    assert_int_equal(WIDTH, network.width);
    assert_int_equal(HIDDEN, network.hidden);
    assert_int_equal(2, network.blocks);
    assert_int_equal(VARIABLES, network.variables);
    assert_false(network.normalised);
    assert_int_equal(1 + CONSTANTS + VARIABLES, network.constants.rows);
    expect_first("constants.weight", &network.constants);
    expect_first("predicates.weight", &network.predicates);
    expect_first("input.weight", &network.input.weight);
    expect_first("input.norm.bias", &network.input.norm_bias);
    expect_first("block.0.bias", &network.block[0].bias);
    expect_first("block.1.weight", &network.block[1].weight);
    expect_first("block.1.norm.weight", &network.block[1].norm_weight);
    expect_first("head.0.weight", &network.head[0].weight);
    expect_first("head.1.bias", &network.head[1].bias);
    assert_int_equal(0, network.head[1].norm_weight.rows);
}

static void vector_has_rows_of_one_number(void **state)
{
    (void)state;
    expect(OK, open_network());
    assert_int_equal(HIDDEN, network.input.bias.rows);
    assert_int_equal(1, network.input.bias.width);
}

static void blocks_are_counted(void **state)
{
    (void)state;
    static const unsigned counts[] = {0, 1, NETWORK_BLOCKS_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        compose(counts[i]);
        expect(OK, open_network());
        assert_int_equal(counts[i], network.blocks);
    }
    compose(NETWORK_BLOCKS_MAX + 1);
    expect_refused("tensor block.64.weight: unknown in a policy network");
    expect_note("n = 64 (at most 64)");
}

static void cost_of_a_state_is_that_of_the_layers(void **state)
{
    (void)state;
    const struct network first_public = {.width = 250, .hidden = 256, .blocks = 8};
    assert_int_equal(717824, network_macs(&first_public)); /* shared/reference/prover.md, A.8 */
    expect(OK, open_network());
    assert_int_equal(WIDTH * HIDDEN + 3 * HIDDEN * HIDDEN + HIDDEN * WIDTH, network_macs(&network));
}

static void spare_rows_of_constants_are_variables(void **state)
{
    (void)state;
    find("constants.weight")->rows = 1000;
    expect(OK, open_network());
    assert_int_equal(1000 - 1 - CONSTANTS, network.variables);
    find("constants.weight")->rows = CONSTANTS + VARIABLES;
    expect_refused("tensor constants.weight: 8 rows, expected at least 9, for padding, 5 constants "
                   "and the 3 variables of the rules");
}

static void every_missing_tensor_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < part_count; i++) {
        char note[96];
        compose(2);
        (void)snprintf(note, sizeof note, "no tensor %.47s; there is ", part[i].name);
        memmove(&part[i], &part[i + 1], (part_count - i - 1) * sizeof part[0]);
        part_count--;
        expect_refused(note);
        compose(2);
    }
}

static void every_tensor_of_another_shape_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < part_count; i++) {
        char note[96];
        (void)snprintf(note, sizeof note, "tensor %.47s: ", part[i].name);
        /* The first tables say how wide the others must be. */
        const bool free_width = strcmp(part[i].name, "constants.weight") == 0;
        const bool free_rows = strcmp(part[i].name, "input.weight") == 0;
        if (part[i].width) {
            part[i].width++;
            expect_refused(free_width ? "tensor predicates.weight: " : note);
            compose(2);
        }
        part[i].rows++;
        if (!free_width) expect_refused(free_rows ? "tensor input.bias: " : note);
        compose(2);
    }
    find("input.bias")->rows = 1;
    find("input.bias")->width = HIDDEN;
    expect_refused("tensor input.bias: 1 x 4 numbers, expected 4 x 1");
    compose(2);
    find("predicates.weight")->rows = PREDICATES + 1;
    expect_refused("tensor predicates.weight: 3 x 3 numbers, expected 6 x 3: rows for padding, 2 "
                   "predicates and 3 ends");
}

static void tables_too_wide_are_refused(void **state)
{
    (void)state;
    const struct part wide = {
        .name = "constants.weight", .rows = 9, .width = NETWORK_WIDTH_MAX + 1};
    char header[256], *bytes = calloc(1, 4 << 20);
    assert_non_null(bytes);
    const size_t size = 4 * (size_t)numbers_of(&wide);
    const int length = snprintf(header, sizeof header,
                                "{\"%s\":{\"dtype\":\"F32\",\"shape\":[%u,%u],"
                                "\"data_offsets\":[0,%zu]}}",
                                wide.name, wide.rows, wide.width, size);
    assert_true(length > 0 && 8 + (size_t)length + size <= 4 << 20);
    bytes[0] = (char)length;
    memcpy(bytes + 8, header, (size_t)length);
    const char *path = file_write("wide.safetensors", bytes, 8 + (size_t)length + size);
    free(bytes);
    expect(ERR_INPUT, network_open(path, CONSTANTS, PREDICATES, VARIABLES, false, &network));
    expect_note("tensor constants.weight: 65537 numbers in a row, expected at most 65536");
}

static void unknown_tensor_is_refused(void **state)
{
    (void)state;
    add("head.2.weight", 2, 2);
    expect_refused("tensor head.2.weight: unknown in a policy network");
    compose(2);
    add("block.3.weight", HIDDEN, HIDDEN); /* there is no block 2 */
    expect_refused("tensor block.3.weight: unknown in a policy network, of which blocks 0 to n - 1 "
                   "are there for n = 2");
    compose(2);
    add("Temperature", 1, 0);
    expect_refused("tensor Temperature: unknown");
}

static void number_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < part_count; i++) {
        char note[96];
        (void)snprintf(note, sizeof note, "tensor %.47s: row 0, column 0 is NaN or infinite",
                       part[i].name);
        part[i].first = i % 2 ? NAN : -INFINITY;
        expect_refused(note);
        expect(OK, network_open(write_parts(), CONSTANTS, PREDICATES, VARIABLES, false, &network));
        network_close(&network);
        part[i].first = 0;
    }
}

static void temperature_makes_it_normalised(void **state)
{
    (void)state;
    add("temperature", 1, 0);
    part[part_count - 1].first = 0.1f;
    expect(OK, open_network());
    assert_true(network.normalised);
    assert_true(network.temperature == 0.1f);
    network_close(&network);
    static const float wrong[] = {0, -1, INFINITY, NAN};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        part[part_count - 1].first = wrong[i];
        expect(ERR_INPUT,
               network_open(write_parts(), CONSTANTS, PREDICATES, VARIABLES, false, &network));
        expect_note("expected a finite number above 0");
    }
    part[part_count - 1].first = 1;
    part[part_count - 1].rows = 2;
    expect_refused("tensor temperature: 2 x 1 numbers, expected 1 x 1");
}

static void file_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const char npy[] = "\x93NUMPY\x01\x00\x3c\x00{'descr': '<f4', 'fortran_order': False, "
                              "'shape': (1, 1)}";
    uint8_t bytes[10 + 60 + 4] = {0};
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, npy, sizeof npy - 1);
    const char *path = file_write("table.npy", bytes, sizeof bytes);
    expect(ERR_INPUT, network_open(path, CONSTANTS, PREDICATES, VARIABLES, true, &network));
    expect_note("table.npy: an .npy holds one table");
    expect(ERR_IO, network_open(file_path("absent"), 1, 1, 0, true, &network));
    expect_note("model: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(every_tensor_is_found_at_its_place),
        test_case(vector_has_rows_of_one_number),
        test_case(blocks_are_counted),
        test_case(cost_of_a_state_is_that_of_the_layers),
        test_case(spare_rows_of_constants_are_variables),
        test_case(every_missing_tensor_is_refused),
        test_case(every_tensor_of_another_shape_is_refused),
        test_case(tables_too_wide_are_refused),
        test_case(unknown_tensor_is_refused),
        test_case(number_that_is_not_finite_is_refused),
        test_case(temperature_makes_it_normalised),
        test_case(file_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
