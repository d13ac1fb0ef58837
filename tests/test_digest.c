/* Tests of SHA-256 over bytes and files. */
#include "common/digest.h"
#include "tests/files.h"

static const char abc_hex[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void digest_of_abc_is_the_standards(void **state)
{
    (void)state;
    struct digest digest;
    char hex[DIGEST_HEX];
    digest_bytes("abc", 3, &digest);
    digest_hex(&digest, hex);
    assert_string_equal(abc_hex, hex);
}

static void digest_in_parts_is_that_of_the_whole(void **state)
{
    (void)state;
    struct digest_state *making;
    struct digest parts, whole;
    expect(OK, digest_open(&making));
    digest_add(making, "a", 1);
    digest_add(making, "", 0);
    digest_add(making, "bc", 2);
    digest_close(&making, &parts);
    assert_null(making);
    digest_bytes("abc", 3, &whole);
    assert_true(digest_equal(&parts, &whole));
}

static void digest_may_be_given_up(void **state)
{
    (void)state;
    struct digest_state *making;
    expect(OK, digest_open(&making));
    digest_close(&making, NULL);
    digest_close(&making, NULL);
}

static void digest_of_a_file_is_that_of_its_bytes(void **state)
{
    (void)state;
    const size_t size = 300001;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 7 + i / 256);
    struct digest of_file, of_bytes;
    expect(OK, digest_file(file_write("big", bytes, size), &of_file));
    digest_bytes(bytes, size, &of_bytes);
    assert_true(digest_equal(&of_file, &of_bytes));
    bytes[size - 1]++;
    digest_bytes(bytes, size, &of_bytes);
    assert_false(digest_equal(&of_file, &of_bytes));
    free(bytes);
}

static void missing_file_is_named(void **state)
{
    (void)state;
    struct digest digest;
    expect(ERR_IO, digest_file(file_path("missing"), &digest));
    expect_note(file_path("missing"));
    expect(ERR_IO, digest_file(folder_path, &digest));
    expect_note("cannot be read");
}

static void hex_is_read_back(void **state)
{
    (void)state;
    struct digest read, made;
    digest_bytes("abc", 3, &made);
    expect(OK, digest_from_hex(abc_hex, &read));
    assert_true(digest_equal(&read, &made));
}

static void broken_hex_is_refused(void **state)
{
    (void)state;
    struct digest digest;
    char hex[80];
    (void)snprintf(hex, sizeof hex, "%.63s", abc_hex);
    expect(ERR_FORMAT, digest_from_hex(hex, &digest));
    (void)snprintf(hex, sizeof hex, "%s0", abc_hex);
    expect(ERR_FORMAT, digest_from_hex(hex, &digest));
    (void)snprintf(hex, sizeof hex, "%.63sg", abc_hex);
    expect(ERR_FORMAT, digest_from_hex(hex, &digest));
    expect_note("64 hexadecimal digits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(digest_of_abc_is_the_standards),
        test_plain(digest_in_parts_is_that_of_the_whole),
        test_plain(digest_may_be_given_up),
        test_plain(digest_of_a_file_is_that_of_its_bytes),
        test_plain(missing_file_is_named),
        test_plain(hex_is_read_back),
        test_plain(broken_hex_is_refused),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
