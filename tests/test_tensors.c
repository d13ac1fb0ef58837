/* Tests of tables in files: safetensors and .npy, whole, broken and lying. */
#include "common/tensors.h"
#include "tests/files.h"

#include <math.h>

/* Writes a safetensors file of that header and `size` bytes of data. */
static const char *write_safetensors(const char *header, const void *data, size_t size)
{
    static uint8_t bytes[1 << 18];
    const size_t length = strlen(header);
    assert_true(8 + length + size <= sizeof bytes);
    for (size_t i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)length >> 8 * i);
    memcpy(bytes + 8, header, length);
    if (size) memcpy(bytes + 8 + length, data, size);
    return file_write("model", bytes, 8 + length + size);
}

/* Writes an .npy of that version and dictionary. */
static const char *write_npy(unsigned version, const char *dictionary, const void *data,
                             size_t size)
{
    uint8_t bytes[4096] = "\x93NUMPY";
    const size_t length = strlen(dictionary);
    const size_t length_size = version == 1 ? 2 : 4;
    bytes[6] = (uint8_t)version;
    for (size_t i = 0; i < length_size; i++) bytes[8 + i] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + 8 + length_size, dictionary, length);
    memcpy(bytes + 8 + length_size + length, data, size);
    return file_write("table.npy", bytes, 8 + length_size + length + size);
}

static const float six[] = {1, 2, 3, 4, 5, 6};

static void table_of_safetensors_is_read_by_rows(void **state)
{
    (void)state;
    struct tensors *tensors;
    struct table table;
    float row[3];
    /* The length of this header leaves the data unaligned. */
    expect(OK, tensors_open(
                   write_safetensors("{\"__metadata__\":{\"a\":\"b\"},\"t\":{\"dtype\":\"F32\","
                                     "\"shape\":[2,3],\"data_offsets\":[0,24]}} ",
                                     six, 24),
                   &tensors));
    assert_false(tensors_single(tensors));
    expect(OK, tensors_table(tensors, "t", &table));
    assert_int_equal(2, table.rows);
    assert_int_equal(3, table.width);
    table_row(&table, 1, row);
    assert_memory_equal(six + 3, row, sizeof row);
    tensors_close(&tensors);
    assert_null(tensors);
}

static void more_dimensions_are_folded_into_the_row(void **state)
{
    (void)state;
    struct tensors *tensors;
    struct table table;
    expect(OK, tensors_open(write_safetensors("{\"b\":{\"dtype\":\"F16\",\"shape\":[2,2,3],"
                                              "\"data_offsets\":[0,24]},\"a\":{\"dtype\":\"F64\","
                                              "\"shape\":[3],\"data_offsets\":[24,48]}}",
                                              (uint8_t[48]){0}, 48),
                            &tensors));
    expect(OK, tensors_table(tensors, "b", &table));
    assert_int_equal(2, table.rows);
    assert_int_equal(6, table.width);
    expect(OK, tensors_table(tensors, "a", &table));
    assert_int_equal(3, table.rows);
    assert_int_equal(1, table.width);
    tensors_close(&tensors);
}

static void single_number_is_a_table_of_one(void **state)
{
    (void)state;
    struct tensors *tensors;
    struct table table;
    float number;
    expect(OK, tensors_open(write_safetensors("{\"s\":{\"dtype\":\"F32\",\"shape\":[],"
                                              "\"data_offsets\":[0,4]},\"z\":{\"dtype\":\"F32\","
                                              "\"shape\":[1,1],\"data_offsets\":[4,8]}}",
                                              six, 8),
                            &tensors));
    for (size_t place = 0; place < tensors_count(tensors); place++) {
        expect(OK, tensors_table(tensors, tensors_name(tensors, place), &table));
        assert_int_equal(1, table.rows);
        assert_int_equal(1, table.width);
        table_row(&table, 0, &number);
        assert_true(number == six[place]);
    }
    assert_int_equal(2, tensors_count(tensors));
    assert_string_equal("s", tensors_name(tensors, 0));
    assert_string_equal("z", tensors_name(tensors, 1));
    tensors_close(&tensors);
}

static void missing_tensor_is_answered_with_the_names(void **state)
{
    (void)state;
    struct tensors *tensors;
    struct table table;
    expect(OK,
           tensors_open(write_safetensors("{\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\""
                                          ":[0,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[3],"
                                          "\"data_offsets\":[12,24]}}",
                                          six, 24),
                        &tensors));
    expect(ERR_INPUT, tensors_table(tensors, "c", &table));
    expect_note("model: no tensor c; there is b, a");
    tensors_close(&tensors);
}

static void tensor_that_is_no_table_is_refused_when_asked_for(void **state)
{
    (void)state;
    struct tensors *tensors;
    struct table table;
    expect(OK,
           tensors_open(write_safetensors(
                            "{\"n\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                            "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]},"
                            "\"z\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[12,12]},"
                            "\"x\":{\"dtype\":\"X9\",\"shape\":[7],\"data_offsets\":[12,24]}}",
                            six, 24),
                        &tensors));
    expect(ERR_INPUT, tensors_table(tensors, "n", &table));
    expect_note("tensor n: dtype I64, expected F64, F32, F16 or BF16");
    expect(ERR_INPUT, tensors_table(tensors, "x", &table));
    expect_note("tensor x: dtype X9");
    expect(ERR_INPUT, tensors_table(tensors, "z", &table));
    expect_note("tensor z: it is empty");
    tensors_close(&tensors);
}

struct broken {
    const char *text; /* header or dictionary */
    size_t size;      /* of the data */
    const char *note;
};

#define F32_TENSOR(name, shape, first, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" first "," end "]}"

static void lying_safetensors_are_refused(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"{" F32_TENSOR("t", "2,3", "0", "24") "}", 20,
         "tensor t: its data is bytes 0 to 24, but the file holds 20 bytes of data"},
        {"{" F32_TENSOR("t", "2,3", "0", "24") "}", 28, "28 bytes of data, expected 24"},
        {"{" F32_TENSOR("t", "2,4", "0", "24") "}", 24,
         "tensor t: 24 bytes of data, expected 32 for its shape and dtype"},
        {"{" F32_TENSOR("t", "2,3", "24", "0") "}", 24, "its data is bytes 24 to 0"},
        {"{" F32_TENSOR("t", "2,3", "-8", "16") "}", 24, "not all whole numbers"},
        {"{" F32_TENSOR("t", "2,1.5", "0", "12") "}", 12, "not all whole numbers"},
        {"{" F32_TENSOR("t", "-2,-3", "0", "24") "}", 24, "not all whole numbers"},
        {"{" F32_TENSOR("t", "4294967296,4294967296", "0", "0") "}", 0, "its shape overflows"},
        {"{" F32_TENSOR("t", "4611686018427387904,1", "0", "0") "}", 0, "its shape overflows"},
        {"{" F32_TENSOR("a", "3", "0", "12") "," F32_TENSOR("b", "3", "8", "20") "}", 20,
         "tensor b: its data overlaps"},
        {"{" F32_TENSOR("a", "1", "0", "4") "," F32_TENSOR("b", "1", "8", "12") "}", 12,
         "tensor b: there is a gap before its data"},
        {"{" F32_TENSOR("a", "1", "0", "4") "," F32_TENSOR("a", "1", "4", "8") "}", 8,
         "not a JSON object: duplicate object key"},
        {"[1,2]", 0, "not a JSON object: it is of another type"},
        {"{\"t\":", 0, "not a JSON object"},
        {"{} x", 0, "not a JSON object"},
        {"{\"t\":7}", 0, "tensor t: its entry lacks"},
        {"{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor t: its entry lacks"},
        {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "tensor t: its entry lacks"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4,
         "its entry lacks"},
    };
    struct tensors *tensors;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        const uint8_t data[64] = {0};
        expect(ERR_INPUT,
               tensors_open(write_safetensors(broken[i].text, data, broken[i].size), &tensors));
        assert_null(tensors);
        expect_note(broken[i].note);
        expect_note("model: ");
    }
}

static void file_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct tensors *tensors;
    expect(ERR_INPUT, tensors_open(file_text("empty", ""), &tensors));
    expect(ERR_INPUT, tensors_open(file_text("text", "[3.5, 2.5]\n[1.0]\n"), &tensors));
    expect_note("is this a .safetensors or .npy file?");
    expect(ERR_INPUT, tensors_open(file_write("long", "\1\0\0\0\0\0\0\0", 8), &tensors));
    expect_note("a header of 1 bytes in a file of 8");
    expect(ERR_IO, tensors_open(file_path("missing"), &tensors));
    expect_note("No such file");
    expect(ERR_IO, tensors_open(folder_path, &tensors));
    expect_note("not a regular file");
}

/* From the version to before the length of the name; 22 bytes. */
#define ZIP_FIELDS "\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void what_models_are_also_saved_as_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *note;
    } files[] = {
        {"PK\3\4\0\0\10\10", 8, "is a PyTorch zip archive, not safetensors; convert it with "},
        {"PK\3\4" ZIP_FIELDS "\5\0\0\0e.npy", 35, "is an .npz archive"},
        {"PK\3\4" ZIP_FIELDS "\6\0\0\0e.npy", 35, "is a PyTorch zip"},
        {"\x80\2\x8a\nl\xfc\x9c\x46", 8, "is a pickle, not safetensors"},
        {"\x80\4\x95\1\0\0\0\1", 8, "is a pickle, not safetensors"},
        {"\x1f\x8b\10\0\0\0\0\1", 8, "is compressed with gzip"},
        {"\x1f\x8b", 2, "is compressed with gzip"},
        {"\x89HDF\r\n\32\n", 8, "is an HDF5 file"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct tensors *tensors;
        const char *path = file_write("foreign", files[i].bytes, files[i].size);
        expect(ERR_INPUT, tensors_open(path, &tensors));
        expect_note(files[i].note);
    }
}

/* A header of 640 bytes begins as a pickle does. */
static void length_that_looks_like_another_kind_is_a_length(void **state)
{
    (void)state;
    struct tensors *tensors;
    char header[641] = "{}";
    memset(header + 2, ' ', sizeof header - 3);
    expect(OK, tensors_open(write_safetensors(header, "", 0), &tensors));
    tensors_close(&tensors);
}

/* Every cut of a valid file is refused, and none reads beyond its end. */
static void cut_files_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct tensors *tensors;
    const char *const paths[] = {
        write_safetensors("{" F32_TENSOR("t", "2,3", "0", "24") "}", six, 24),
        write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", six, 24)};
    for (size_t i = 0; i < 2; i++) {
        FILE *file = fopen(paths[i], "rb");
        assert_non_null(file);
        const size_t size = fread(bytes, 1, sizeof bytes, file);
        assert_int_equal(0, fclose(file));
        for (size_t cut = 0; cut < size; cut++)
            expect(ERR_INPUT, tensors_open(file_write("cut", bytes, cut), &tensors));
        expect(OK, tensors_open(file_write("cut", bytes, size), &tensors));
        tensors_close(&tensors);
    }
}

static void npy_is_read_in_all_its_versions(void **state)
{
    (void)state;
    static const char *const dictionaries[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
        "{'shape':(2,3),\"fortran_order\":False,'descr':'f4'}",
        " { 'shape' : ( 2 , 3 , ) , 'descr' : '<f4' , 'fortran_order' : False , } ",
    };
    struct tensors *tensors;
    struct table table;
    float row[3];
    for (unsigned version = 1; version <= 3; version++)
        for (size_t i = 0; i < 3; i++) {
            expect(OK, tensors_open(write_npy(version, dictionaries[i], six, 24), &tensors));
            assert_true(tensors_single(tensors));
            expect(OK, tensors_table(tensors, "any name", &table));
            assert_int_equal(2, table.rows);
            assert_int_equal(3, table.width);
            table_row(&table, 1, row);
            assert_memory_equal(six + 3, row, sizeof row);
            tensors_close(&tensors);
        }
    expect(OK,
           tensors_open(write_npy(1, "{'descr':'<f8','fortran_order':False,'shape':(3,)}", six, 24),
                        &tensors));
    expect(OK, tensors_table(tensors, "", &table));
    assert_int_equal(TENSOR_F64, table.type);
    assert_int_equal(3, table.rows);
    tensors_close(&tensors);
}

static void lying_npy_is_refused(void **state)
{
    (void)state;
    static const struct broken broken[] = {
        {"{'descr':'<f4','fortran_order':False,'shape':(2,3)}", 20,
         "20 bytes of data, expected 24 for its shape and type"},
        {"{'descr':'<f4','fortran_order':False,'shape':(2,3)}", 25,
         "25 bytes of data, expected 24"},
        {"{'descr':'<f4','fortran_order':True,'shape':(2,3)}", 24, "its columns come first"},
        {"{'descr':'>f4','fortran_order':False,'shape':(2,3)}", 24, "type '>f4', expected '<f4'"},
        {"{'descr':'<i4','fortran_order':False,'shape':(2,3)}", 24, "type '<i4', expected '<f4'"},
        {"{'descr':'|O','fortran_order':False,'shape':(2,3)}", 24, "type '|O', expected '<f4'"},
        {"{'descr':[('a','<f4')],'fortran_order':False,'shape':(6,)}", 24, "not one number type"},
        {"{'descr':'<f4','fortran_order':0,'shape':(2,3)}", 24, "neither True nor False"},
        {"{'descr':'<f4','fortran_order':False,'shape':[2,3]}", 24, "not a tuple"},
        {"{'descr':'<f4','fortran_order':False,'shape':(6)}", 24, "not a tuple"},
        {"{'descr':'<f4','fortran_order':False,'shape':(-2,-3)}", 24, "not a tuple"},
        {"{'descr':'<f4','fortran_order':False,'shape':(2,3)", 24, "the .npy header is broken"},
        {"{'descr':'<f4','fortran_order':False}", 24, "the .npy header is broken"},
        {"{'descr':'<f4','descr':'<f4','fortran_order':False,'shape':(6,)}", 24,
         "header is broken"},
        {"{'descr':'<f4','fortran_order':False,'shape':(6,),'x':1}", 24, "header is broken"},
        {"{'descr':'<f4','fortran_order':False,'shape':(6,)} + f()", 24, "header is broken"},
        {"", 24, "header is broken"},
        {"{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}", 24,
         "not a tuple"},
        {"{'descr':'<f4','fortran_order':False,'shape':(4294967296,4294967296)}", 0, "overflows"},
    };
    struct tensors *tensors;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        const uint8_t data[64] = {0};
        expect(ERR_INPUT,
               tensors_open(write_npy(1, broken[i].text, data, broken[i].size), &tensors));
        assert_null(tensors);
        expect_note(broken[i].note);
        expect_note("table.npy: ");
    }
    expect(ERR_INPUT, tensors_open(write_npy(4, "{}", six, 24), &tensors));
    expect_note(".npy version 4, expected 1 to 3");
    expect(ERR_INPUT, tensors_open(file_write("long", "\x93NUMPY\1\0\7\0{}", 12), &tensors));
    expect_note("an .npy header of 7 bytes, but the file has only 2 more");
}

/* What a half means, by its definition. */
static double half_value(unsigned half)
{
    const int exponent = (int)(half >> 10 & 31);
    const double part = (half & 0x3ff) / 1024.0;
    const double size = exponent == 0 ? ldexp(part, -14) : ldexp(1 + part, exponent - 15);
    return half >> 15 ? -size : size;
}

static void every_half_widens_exactly(void **state)
{
    (void)state;
    static uint16_t halves[1 << 16];
    static float floats[1 << 16];
    for (unsigned half = 0; half < 1 << 16; half++) halves[half] = (uint16_t)half;
    const struct table table = {halves, TENSOR_F16, 1, 1 << 16};
    table_row(&table, 0, floats);
    for (unsigned half = 0; half < 1 << 16; half++) {
        const float got = floats[half];
        const bool special = (half >> 10 & 31) == 31;
        if (special && half & 0x3ff)
            assert_true(isnan(got));
        else if (special)
            assert_true(isinf(got));
        else
            assert_true((double)got == half_value(half));
        assert_int_equal(half >> 15, signbit(got) != 0);
    }
}

static void other_types_widen_or_round_once(void **state)
{
    (void)state;
    const uint16_t brains[] = {0x3f80, 0xc000, 0x0001, 0x7f80, 0x8000};
    const double doubles[] = {1, 1 + 0x1p-24 + 0x1p-50, -1e-60, 1e300, -0x1p-149};
    float row[5];
    table_row(&(struct table){brains, TENSOR_BF16, 1, 5}, 0, row);
    assert_true(row[0] == 1 && row[1] == -2 && row[2] == 0x1p-133f && isinf(row[3]) &&
                signbit(row[4]));
    table_row(&(struct table){doubles, TENSOR_F64, 1, 5}, 0, row);
    assert_true(row[0] == 1 && row[1] == 1 + 0x1p-23f && row[2] == 0 && isinf(row[3]) &&
                row[4] == -0x1p-149f);
}

/* What is infinite as fp32 is so for those who read it. */
static void first_number_that_is_not_finite_is_found(void **state)
{
    (void)state;
    const float numbers[] = {3.40282347e38f, -3.40282347e38f, 0, -INFINITY, NAN};
    uint64_t row, column;
    expect(OK, table_find_nonfinite(&(struct table){numbers, TENSOR_F32, 1, 5}, &row, &column));
    assert_int_equal(3, column);
    expect(OK, table_find_nonfinite(&(struct table){numbers + 4, TENSOR_F32, 1, 1}, &row, &column));
    expect(ERR_NONE,
           table_find_nonfinite(&(struct table){numbers, TENSOR_F32, 3, 1}, &row, &column));
    const double doubles[] = {1e38, 1e39};
    expect(OK, table_find_nonfinite(&(struct table){doubles, TENSOR_F64, 2, 1}, &row, &column));
    assert_int_equal(1, row);
}

static void first_nan_is_found(void **state)
{
    (void)state;
    enum { ROWS = 50, WIDTH = 61 };
    static float numbers[ROWS * WIDTH];
    const struct table table = {numbers, TENSOR_F32, ROWS, WIDTH};
    uint64_t row, column;
    numbers[7] = INFINITY;
    numbers[8] = -INFINITY;
    expect(ERR_NONE, table_find_nan(&table, &row, &column));
    for (size_t place = ROWS * WIDTH; place-- > 0;) {
        numbers[place] = place % 2 ? NAN : -NAN;
        expect(OK, table_find_nan(&table, &row, &column));
        assert_int_equal(place, row * WIDTH + column);
        assert_true(column < WIDTH);
    }
    const uint16_t halves[] = {0x7c00, 0xfc00, 0x7c01};
    expect(OK, table_find_nan(&(struct table){halves, TENSOR_F16, 3, 1}, &row, &column));
    assert_int_equal(2, row);
    const double doubles[] = {1e300, NAN};
    expect(OK, table_find_nan(&(struct table){doubles, TENSOR_F64, 1, 2}, &row, &column));
    assert_int_equal(1, column);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(table_of_safetensors_is_read_by_rows),
        test_plain(more_dimensions_are_folded_into_the_row),
        test_plain(single_number_is_a_table_of_one),
        test_plain(missing_tensor_is_answered_with_the_names),
        test_plain(tensor_that_is_no_table_is_refused_when_asked_for),
        test_plain(lying_safetensors_are_refused),
        test_plain(file_of_another_kind_is_refused),
        test_plain(what_models_are_also_saved_as_is_named),
        test_plain(length_that_looks_like_another_kind_is_a_length),
        test_plain(cut_files_are_refused),
        test_plain(npy_is_read_in_all_its_versions),
        test_plain(lying_npy_is_refused),
        test_plain(every_half_widens_exactly),
        test_plain(other_types_widen_or_round_once),
        test_plain(first_nan_is_found),
        test_plain(first_number_that_is_not_finite_is_found),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
