/* Tests of reading lines: plain and compressed, whole and broken. */
#include "common/text.h"
#include "tests/files.h"

#include <zlib.h>
#include <zstd.h>

enum { BIG = 18 << 17 /* the last block of zstd must wait for room */ };

/* Reads all lines and joins them by '|'. */
static enum err read_all(const char *path, char *out, size_t size)
{
    struct text *text;
    char *line;
    size_t length, used = 0;
    enum err err = text_open(path, &text);
    while (!err) {
        err = text_line(text, &line, &length);
        if (err) break;
        assert_int_equal(length, strlen(line));
        assert_true(used + length + 2 < size);
        used += (size_t)snprintf(out + used, size - used, "%s|", line);
    }
    text_close(&text);
    return err;
}

static void expect_lines(const char *expected, const char *path)
{
    char lines[256] = "";
    expect(ERR_NONE, read_all(path, lines, sizeof lines));
    assert_string_equal(expected, lines);
}

static size_t pack_gzip(const char *text, size_t size, uint8_t *out, size_t room)
{
    z_stream gzip = {0};
    assert_int_equal(Z_OK, deflateInit2(&gzip, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY));
    gzip.next_in = (Bytef *)(uintptr_t)text;
    gzip.avail_in = (uInt)size;
    gzip.next_out = out;
    gzip.avail_out = (uInt)room;
    assert_int_equal(Z_STREAM_END, deflate(&gzip, Z_FINISH));
    deflateEnd(&gzip);
    return room - gzip.avail_out;
}

static size_t pack_zstd(const char *text, size_t size, uint8_t *out, size_t room)
{
    const size_t packed = ZSTD_compress(out, room, text, size, 3);
    assert_false(ZSTD_isError(packed));
    return packed;
}

typedef size_t pack(const char *text, size_t size, uint8_t *out, size_t room);

static pack *const packs[] = {pack_gzip, pack_zstd};

enum { PACKS = sizeof packs / sizeof packs[0] };

static void lines_end_in_either_way_or_not_at_all(void **state)
{
    (void)state;
    expect_lines("a|b||c\r|d|", file_text("f", "a\nb\r\n\nc\r\r\nd"));
    expect_lines("", file_text("f", ""));
    expect_lines("|", file_text("f", "\n"));
}

static void byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    expect_lines("a|b|", file_text("f", "\xef\xbb\xbf"
                                        "a\nb\n"));
    expect_lines("", file_text("f", "\xef\xbb\xbf"));
    expect_lines("\xef\xbb|", file_text("f", "\xef\xbb"));
}

static void compression_is_told_by_its_first_bytes(void **state)
{
    (void)state;
    uint8_t packed[1000];
    for (size_t i = 0; i < PACKS; i++) {
        const size_t size = packs[i]("a\nb\n", 4, packed, sizeof packed);
        expect_lines("a|b|", file_write("f.txt", packed, size));
    }
}

static void members_one_after_another_are_joined(void **state)
{
    (void)state;
    uint8_t packed[1000];
    for (size_t i = 0; i < PACKS; i++) {
        size_t size = packs[i]("a\nb", 3, packed, sizeof packed);
        size += packs[i]("", 0, packed + size, sizeof packed - size);
        size += packs[i]("c\n", 2, packed + size, sizeof packed - size);
        expect_lines("a|bc|", file_write("f", packed, size));
    }
}

/* Text of many megabytes from a few packed bytes comes in many pieces. */
static void big_texts_come_whole(void **state)
{
    (void)state;
    char *text = malloc(BIG);
    uint8_t *packed = malloc(BIG);
    assert_true(text && packed);
    for (size_t i = 0; i < BIG; i++) text[i] = i % 1000 == 999 ? '\n' : (char)('a' + i % 7);
    for (size_t i = 0; i <= PACKS; i++) {
        const char *path = i == PACKS ? file_write("f", text, BIG)
                                      : file_write("f", packed, packs[i](text, BIG, packed, BIG));
        struct text *lines;
        char *line;
        size_t size, count = 0;
        expect(OK, text_open(path, &lines));
        while (text_line(lines, &line, &size) == OK) {
            assert_memory_equal(text + 1000 * count, line, size);
            count++;
        }
        assert_int_equal(BIG / 1000 + 1, count);
        assert_int_equal(count, text_line_number(lines));
        text_close(&lines);
    }
    free(text);
    free(packed);
}

static void cut_compression_is_told(void **state)
{
    (void)state;
    char lines[1000];
    uint8_t packed[1000];
    for (size_t i = 0; i < PACKS; i++) {
        const size_t size = packs[i]("alpha\nbeta\ngamma\n", 17, packed, sizeof packed);
        for (size_t cut = 5; cut < size; cut++) {
            expect(ERR_INPUT, read_all(file_write("f", packed, cut), lines, sizeof lines));
            expect_note("cut short");
        }
    }
}

static void broken_compression_is_told(void **state)
{
    (void)state;
    char lines[1000];
    uint8_t packed[1000];
    size_t size = pack_gzip("alpha\nbeta\ngamma\n", 17, packed, sizeof packed);
    packed[size - 6] ^= 1; /* the checksum */
    expect(ERR_INPUT, read_all(file_write("f", packed, size), lines, sizeof lines));
    expect_note("gzip compression is broken");
    size = pack_zstd("alpha\nbeta\ngamma\n", 17, packed, sizeof packed);
    memset(packed + 6, 0xff, size - 6);
    expect(ERR_INPUT, read_all(file_write("f", packed, size), lines, sizeof lines));
    expect_note("zstd compression is broken");
}

static void zero_byte_is_refused_with_its_line(void **state)
{
    (void)state;
    char lines[100];
    expect(ERR_INPUT, read_all(file_write("f", "a\nb\0c\n", 6), lines, sizeof lines));
    expect_note("f:2: the line holds a 0 byte");
}

static void longest_line_is_taken_and_a_longer_one_refused(void **state)
{
    (void)state;
    char *bytes = malloc(TEXT_LINE_MAX + 3);
    char *lines = malloc(TEXT_LINE_MAX + 9);
    assert_true(bytes && lines);
    memset(bytes, 'x', TEXT_LINE_MAX + 3);
    bytes[TEXT_LINE_MAX] = '\n';
    expect(ERR_NONE, read_all(file_write("f", bytes, TEXT_LINE_MAX + 1), lines, TEXT_LINE_MAX + 9));
    assert_int_equal(TEXT_LINE_MAX + 1, strlen(lines));
    bytes[TEXT_LINE_MAX] = 'x';
    expect(ERR_INPUT,
           read_all(file_write("f", bytes, TEXT_LINE_MAX + 1), lines, TEXT_LINE_MAX + 9));
    expect_note("f:1: the line is longer than 1048576 bytes");
    free(bytes);
    free(lines);
}

static void missing_file_is_named(void **state)
{
    (void)state;
    struct text *text;
    expect(ERR_IO, text_open(file_path("missing"), &text));
    assert_null(text);
    expect_note("missing: cannot be opened: No such file");
    expect(ERR_IO, text_open(folder_path, &text));
    expect_note("cannot be read: Is a directory");
}

static void columns_are_cut_at_tabs(void **state)
{
    (void)state;
    char line[] = "a\t\tc d\te";
    char *column[3];
    assert_int_equal(4, text_columns(line, column, 3));
    assert_string_equal("a", column[0]);
    assert_string_equal("", column[1]);
    assert_string_equal("c d", column[2]);
    char empty[] = "";
    assert_int_equal(1, text_columns(empty, column, 3));
}

static void numbers_are_all_digits_and_in_range(void **state)
{
    (void)state;
    uint32_t number;
    assert_true(text_number("0", &number) && number == 0);
    assert_true(text_number("0042", &number) && number == 42);
    assert_true(text_number("4294967294", &number) && number == 4294967294);
    static const char *const others[] = {"",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "1.0",
                                         "0x1",
                                         "4294967295",
                                         "18446744073709551617",
                                         "99999999999999999999999"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(text_number(others[i], &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(lines_end_in_either_way_or_not_at_all),
        test_plain(byte_order_mark_is_passed_over),
        test_plain(compression_is_told_by_its_first_bytes),
        test_plain(members_one_after_another_are_joined),
        test_plain(big_texts_come_whole),
        test_plain(cut_compression_is_told),
        test_plain(broken_compression_is_told),
        test_plain(zero_byte_is_refused_with_its_line),
        test_plain(longest_line_is_taken_and_a_longer_one_refused),
        test_plain(missing_file_is_named),
        test_plain(columns_are_cut_at_tabs),
        test_plain(numbers_are_all_digits_and_in_range),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
