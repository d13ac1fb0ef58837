/* Tests of wire: every message as bytes and back, and bytes that no honest peer sends. */
#include "common/wire.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

/* ---- one of each message -------------------------------------------------------------------- */

static const struct wire_text words = {"Käse, naïve 漢字 😀", sizeof "Käse, naïve 漢字 😀" - 1};

static void fill_number(uint64_t *out, uint64_t *next)
{
    *out = *next;
    *next = *next * 6364136223846793005u + 1442695040888963407u; /* small ones and huge ones */
}

static void fill_attempt(uint64_t *out, uint64_t *next)
{
    fill_number(out, next);
    *out &= UINT32_MAX;
}

static void fill_blame(uint64_t *out, uint64_t *next)
{
    (void)next;
    *out = BLAME_INPUT;
}

static void fill_stop(uint64_t *out, uint64_t *next)
{
    (void)next;
    *out = STOP_UNKNOWN;
}

static void fill_text(struct wire_text *out, uint64_t *next)
{
    (void)next;
    *out = words;
}

static void fill_digest(struct digest *out, uint64_t *next)
{
    for (int i = 0; i < DIGEST_BYTES; i++) out->byte[i] = (uint8_t)((*next)++);
}

static void fill_leases(struct wire_leases *out, uint64_t *next)
{
    out->count = 20; /* more than the short form of an array holds */
    for (uint32_t i = 0; i < out->count; i++) {
        fill_number(&out->at[i].unit, next);
        fill_attempt(&out->at[i].attempt, next);
    }
}

static void fill_pairs(struct wire_pairs *out, uint64_t *next)
{
    (void)next;
    out->count = 3;
    for (uint32_t i = 0; i < out->count; i++)
        out->at[i] = (struct wire_pair){wire_text("scorer"), words};
}

static void fill_inputs(struct wire_inputs *out, uint64_t *next)
{
    out->count = 2;
    for (uint32_t i = 0; i < out->count; i++) {
        struct wire_input *input = &out->at[i];
        *input = (struct wire_input){.role = wire_text("train"), .path = words};
        fill_digest(&input->digest, next);
        fill_number(&input->size_bytes, next);
        fill_number(&input->device, next);
        fill_number(&input->inode, next);
        fill_number(&input->mtime_ns, next);
        fill_number(&input->ctime_ns, next);
    }
}

/* A message of that type with something in every field; what is not a field is zeros. */
static void fill(enum wire_type type, struct wire *out)
{
    uint64_t next = 7;
    memset(out, 0, sizeof *out);
    out->type = type;
    switch (type) {
#define FIELD(field_type, field) fill_##field_type(&message->field, &next);
#define MESSAGE(name, NAME, from)                 \
    case WIRE_##NAME##_MESSAGE: {                 \
        struct wire_##name *message = &out->name; \
        WIRE_##NAME(FIELD) break;                 \
    }
        WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD
    case WIRE_TYPES:
        break;
    }
}

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes encoded(enum wire_type type)
{
    struct wire message;
    struct bytes bytes;
    fill(type, &message);
    expect(OK, wire_encode(&message, &bytes.at, &bytes.size));
    return bytes;
}

/* Decodes from a copy that ends where its memory ends, so that a sanitizer sees a byte too far. */
static enum err decode_alone(const uint8_t *bytes, size_t size, struct wire *out)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size) memcpy(copy, bytes, size);
    const enum err err = wire_decode(copy, size, out);
    (void)wire_peek(copy, size);
    free(copy);
    return err;
}

#define for_each_type(type) for (enum wire_type type = 0; type < WIRE_TYPES; type++)

/* ---- honest messages ------------------------------------------------------------------------ */

static void every_message_survives_the_way(void **state)
{
    (void)state;
    for_each_type(type)
    {
        struct bytes first = encoded(type), second;
        struct wire message;
        expect(OK, wire_decode(first.at, first.size, &message));
        assert_int_equal(message.type, type);
        assert_int_equal(wire_peek(first.at, first.size), type);
        expect(OK, wire_encode(&message, &second.at, &second.size));
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.at, second.at, first.size);
        free(first.at);
        free(second.at);
    }
}

static void numbers_of_every_size_survive(void **state)
{
    (void)state;
    const uint64_t numbers[] = {
        0,       1,          0x7f,       0x80,       0xff,           0x100,     0xffff,
        0x10000, UINT32_MAX, 1ull << 32, 1ull << 53, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct wire message = {.type = WIRE_ASK_MESSAGE, .ask = {numbers[i], WIRE_NO_COLUMN}};
        struct bytes bytes;
        expect(OK, wire_encode(&message, &bytes.at, &bytes.size));
        expect(OK, wire_decode(bytes.at, bytes.size, &message));
        assert_true(message.ask.credit == numbers[i]);
        assert_true(message.ask.column == WIRE_NO_COLUMN);
        free(bytes.at);
    }
}

static void the_longest_lists_survive(void **state)
{
    (void)state;
    char *text = malloc(WIRE_TEXT_MAX + 2);
    memset(text, 'x', WIRE_TEXT_MAX + 1);
    text[WIRE_TEXT_MAX + 1] = 0;
    struct wire *message = calloc(1, sizeof *message);
    message->type = WIRE_WELCOME_MESSAGE;
    message->welcome.settings.count = WIRE_PAIRS_MAX;
    for (uint32_t i = 0; i < WIRE_PAIRS_MAX; i++)
        message->welcome.settings.at[i] = (struct wire_pair){wire_text("name"), wire_text(text)};
    message->welcome.inputs.count = WIRE_INPUTS_MAX;
    for (uint32_t i = 0; i < WIRE_INPUTS_MAX; i++)
        message->welcome.inputs.at[i].path = message->welcome.inputs.at[i].role = wire_text("p");
    struct bytes bytes;
    expect(OK, wire_encode(message, &bytes.at, &bytes.size));
    expect(OK, wire_decode(bytes.at, bytes.size, message));
    assert_int_equal(message->welcome.settings.at[WIRE_PAIRS_MAX - 1].value.size, WIRE_TEXT_MAX);
    assert_int_equal(message->welcome.inputs.count, WIRE_INPUTS_MAX);
    free(bytes.at);
    free(message);
    free(text);
}

static void a_text_over_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[16 + WIRE_TEXT_MAX] = {0x95, 0xcd, 0x4d, 0x52, WIRE_VERSION, WIRE_BYE_MESSAGE};
    struct wire message;
    for (uint32_t over = 0; over < 2; over++) {
        const uint32_t size = WIRE_TEXT_MAX + over;
        memcpy(bytes + 6, (const uint8_t[]){0xda, (uint8_t)(size >> 8), (uint8_t)size}, 3);
        memset(bytes + 9, 'x', size);
        bytes[9 + size] = 0x90;
        expect(over ? ERR_FORMAT : OK, decode_alone(bytes, 10 + size, &message));
    }
}

static void bytes_that_are_no_text_are_sent_as_question_marks(void **state)
{
    (void)state;
    struct wire message = {.type = WIRE_BYE_MESSAGE,
                           .bye.reason = wire_text("a\xff"
                                                   "b\nc\xc3")};
    struct bytes bytes;
    expect(OK, wire_encode(&message, &bytes.at, &bytes.size));
    expect(OK, wire_decode(bytes.at, bytes.size, &message));
    assert_true(wire_text_is(&message.bye.reason, "a?b?c?"));
    free(bytes.at);
}

static void a_text_is_copied_cut_and_compared(void **state)
{
    (void)state;
    char out[4];
    const struct wire_text text = wire_text("abcdef"), empty = {NULL, 0};
    wire_text_copy(&text, out, sizeof out);
    assert_string_equal(out, "abc");
    wire_text_copy(&empty, out, sizeof out);
    assert_string_equal(out, "");
    assert_true(wire_text_is(&text, "abcdef"));
    assert_false(wire_text_is(&text, "abcde"));
    assert_false(wire_text_is(&text, "abcdeg"));
    assert_true(wire_text_is(&empty, ""));
}

/* ---- other versions ------------------------------------------------------------------------- */

/* The version stands behind the array's mark and the magic number's three bytes. */
enum { VERSION_AT = 4, TYPE_AT = 5 };

static void another_version_is_told_apart_and_its_type_is_read(void **state)
{
    (void)state;
    struct bytes bytes = encoded(WIRE_HELLO_MESSAGE);
    struct wire message;
    assert_int_equal(bytes.at[VERSION_AT], WIRE_VERSION);
    bytes.at[VERSION_AT] = WIRE_VERSION + 1;
    expect(ERR_STALE, wire_decode(bytes.at, bytes.size, &message));
    assert_int_equal(message.type, WIRE_HELLO_MESSAGE);
    assert_int_equal(wire_peek(bytes.at, bytes.size), WIRE_TYPES);
    bytes.at[TYPE_AT] = WIRE_TYPES + 5;
    expect(ERR_STALE, wire_decode(bytes.at, bytes.size, &message));
    assert_int_equal(message.type, WIRE_TYPES);
    free(bytes.at);
}

static void another_magic_is_no_message(void **state)
{
    (void)state;
    struct bytes bytes = encoded(WIRE_HELLO_MESSAGE);
    struct wire message;
    bytes.at[2] ^= 1;
    expect(ERR_FORMAT, wire_decode(bytes.at, bytes.size, &message));
    assert_int_equal(message.type, WIRE_TYPES);
    free(bytes.at);
}

/* ---- hostile bytes -------------------------------------------------------------------------- */

static void every_message_cut_short_is_refused(void **state)
{
    (void)state;
    for_each_type(type)
    {
        struct bytes bytes = encoded(type);
        struct wire message;
        for (size_t size = 0; size < bytes.size; size++)
            expect(ERR_FORMAT, decode_alone(bytes.at, size, &message));
        free(bytes.at);
    }
}

static void a_byte_too_many_is_refused(void **state)
{
    (void)state;
    for_each_type(type)
    {
        struct bytes bytes = encoded(type);
        struct wire message;
        bytes.at = realloc(bytes.at, bytes.size + 1);
        bytes.at[bytes.size] = 0;
        expect(ERR_FORMAT, decode_alone(bytes.at, bytes.size + 1, &message));
        free(bytes.at);
    }
}

/* Whatever is accepted keeps within the limits, and can be said again. */
static void accepted_is_well_formed(const uint8_t *bytes, size_t size)
{
    struct wire message;
    struct bytes again;
    if (wire_decode(bytes, size, &message) != OK) return;
    expect(OK, wire_encode(&message, &again.at, &again.size));
    expect(OK, wire_decode(again.at, again.size, &message));
    free(again.at);
}

static void every_changed_byte_is_read_or_refused(void **state)
{
    (void)state;
    for_each_type(type)
    {
        struct bytes bytes = encoded(type);
        struct wire message;
        for (size_t i = 0; i < bytes.size; i++) {
            const uint8_t before = bytes.at[i];
            for (unsigned change = 1; change < 256; change++) {
                bytes.at[i] = (uint8_t)(before ^ change);
                (void)!decode_alone(bytes.at, bytes.size, &message);
                accepted_is_well_formed(bytes.at, bytes.size);
            }
            bytes.at[i] = before;
        }
        free(bytes.at);
    }
}

/* What follows the type of a BYE: its reason, then its leases. */
static enum err decode_bye(const uint8_t *fields, size_t size)
{
    uint8_t bytes[512] = {0x95, 0xcd, 0x4d, 0x52, WIRE_VERSION, WIRE_BYE_MESSAGE};
    struct wire message;
    memcpy(bytes + 6, fields, size);
    return decode_alone(bytes, 6 + size, &message);
}

#define bye(...) decode_bye((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void lengths_that_lie_are_refused(void **state)
{
    (void)state;
    expect(OK, bye(0xa1, 'x', 0x90));
    expect(OK, bye(0xd9, 1, 'x', 0xdc, 0, 0)); /* longer forms than need be are MessagePack too */
    expect(ERR_FORMAT, bye(0xdb, 0xff, 0xff, 0xff, 0xff, 'x', 0x90));
    expect(ERR_FORMAT, bye(0xdb, 0x00, 0x00, 0x10, 0x01, 'x', 0x90)); /* a byte over the limit */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0xdd, 0xff, 0xff, 0xff, 0xff));
    expect(ERR_FORMAT, bye(0xa1, 'x', 0xdd, 0x08, 0x00, 0x00, 0x00));
    expect(ERR_FORMAT, bye(0xa1, 'x', 0xdc, 0x02, 0x02)); /* 257 leases */
}

static void values_of_another_kind_are_refused(void **state)
{
    (void)state;
    expect(OK, bye(0xa1, 'x', 0x92, 5, 1));
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x91, 5)); /* half a lease */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x91));
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x92, 0xff, 1));                         /* a negative unit */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x92, 0xd0, 5, 1));                      /* a signed one */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x92, 0xca, 0, 0, 0, 0, 1));             /* a float */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x92, 5, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0)); /* attempt 2^32 */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x82, 5, 1, 5, 1));                      /* a map */
    expect(ERR_FORMAT, bye(0xc4, 1, 'x', 0x90)); /* bytes for a text */
    expect(ERR_FORMAT, bye(0xc0, 0x90));         /* nil */
    expect(ERR_FORMAT, bye(0xa1, 'x', 0xc0));
    expect(ERR_FORMAT, bye(0xa1, 'x', 0x00)); /* a number where a list belongs */
    expect(ERR_FORMAT, bye(0x00, 0x90));
}

static void texts_that_are_not_clean_utf_8_are_refused(void **state)
{
    (void)state;
    expect(OK, bye(0xa2, 0xc2, 0xa0, 0x90));
    expect(OK, bye(0xa4, 0xf4, 0x8f, 0xbf, 0xbf, 0x90));         /* the last character */
    expect(ERR_FORMAT, bye(0xa4, 0xf4, 0x90, 0x80, 0x80, 0x90)); /* beyond it */
    expect(ERR_FORMAT, bye(0xa1, 0x00, 0x90));
    expect(ERR_FORMAT, bye(0xa1, '\n', 0x90));
    expect(ERR_FORMAT, bye(0xa1, 0x1b, 0x90)); /* would steer a terminal */
    expect(ERR_FORMAT, bye(0xa1, 0x7f, 0x90));
    expect(ERR_FORMAT, bye(0xa2, 0xc2, 0x9b, 0x90)); /* so would this */
    expect(ERR_FORMAT, bye(0xa2, 0xc0, 0xaf, 0x90)); /* overlong */
    expect(ERR_FORMAT, bye(0xa3, 0xe0, 0x80, 0xaf, 0x90));
    expect(ERR_FORMAT, bye(0xa4, 0xf0, 0x80, 0x80, 0xaf, 0x90));
    expect(ERR_FORMAT, bye(0xa3, 0xed, 0xa0, 0x80, 0x90)); /* a surrogate */
    expect(ERR_FORMAT, bye(0xa1, 0xc3, 0x90));             /* cut short by the list */
    expect(ERR_FORMAT, bye(0xa1, 0x80, 0x90));
}

static void a_blame_or_reason_out_of_range_is_refused(void **state)
{
    (void)state;
    const uint8_t front[] = {0xcd, 0x4d, 0x52, WIRE_VERSION};
    struct wire message;
    uint8_t fail[16] = {0x97}, stop[16] = {0x95};
    memcpy(fail + 1, front, sizeof front);
    memcpy(stop + 1, front, sizeof front);
    memcpy(fail + 5, (const uint8_t[]){WIRE_FAIL_MESSAGE, 1, 1, BLAMES - 1, 0xa0}, 5);
    memcpy(stop + 5, (const uint8_t[]){WIRE_STOP_MESSAGE, STOPS - 1, 0xa0}, 3);
    expect(OK, decode_alone(fail, 10, &message));
    expect(OK, decode_alone(stop, 8, &message));
    fail[8] = BLAMES;
    stop[6] = STOPS;
    expect(ERR_FORMAT, decode_alone(fail, 10, &message));
    expect(ERR_FORMAT, decode_alone(stop, 8, &message));
}

static void another_number_of_fields_is_refused(void **state)
{
    (void)state;
    for_each_type(type)
    {
        struct bytes bytes = encoded(type);
        struct wire message;
        bytes.at[0]++;
        expect(ERR_FORMAT, decode_alone(bytes.at, bytes.size, &message));
        bytes.at[0] -= 2;
        expect(ERR_FORMAT, decode_alone(bytes.at, bytes.size, &message));
        free(bytes.at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(every_message_survives_the_way),
        test_plain(numbers_of_every_size_survive),
        test_plain(the_longest_lists_survive),
        test_plain(a_text_over_the_limit_is_refused),
        test_plain(bytes_that_are_no_text_are_sent_as_question_marks),
        test_plain(a_text_is_copied_cut_and_compared),
        test_plain(another_version_is_told_apart_and_its_type_is_read),
        test_plain(another_magic_is_no_message),
        test_plain(every_message_cut_short_is_refused),
        test_plain(a_byte_too_many_is_refused),
        test_plain(every_changed_byte_is_read_or_refused),
        test_plain(lengths_that_lie_are_refused),
        test_plain(values_of_another_kind_are_refused),
        test_plain(texts_that_are_not_clean_utf_8_are_refused),
        test_plain(a_blame_or_reason_out_of_range_is_refused),
        test_plain(another_number_of_fields_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
