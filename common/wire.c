/* wire - packing through msgpack-c, reading through a cursor of our own. */
#include "common/wire.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 128, INPUT_FIELDS = 8, FRONT_FIELDS = 3 /* magic, version, type */ };

const char *const wire_name[WIRE_TYPES] = {
#define MESSAGE(name, NAME, from) #NAME,
    WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
};

/* The length of the well-formed character at `at` [size], 0 if there is none: neither overlong
 * nor a surrogate (Unicode 15, table 3-7), and not a control character. */
static size_t character_size(const uint8_t *at, size_t size)
{
    if (at[0] < 0x80) return at[0] >= 0x20 && at[0] != 0x7f;
    const size_t need = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size < need) return 0;
    for (size_t i = 1; i < need; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    const bool bad = (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xe0 && at[1] < 0xa0) ||
                     (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
                     (at[0] == 0xf4 && at[1] > 0x8f);
    return bad ? 0 : need;
}

/* How many bytes at the start of `at` [size] are well-formed text. */
static size_t clean_size(const uint8_t *at, size_t size)
{
    size_t clean = 0;
    while (clean < size) {
        const size_t step = character_size(at + clean, size - clean);
        if (!step) return clean;
        clean += step;
    }
    return clean;
}

/* ---- packing: pack_TYPE for each type of a field; 0, or -1 without memory -------------------- */

static int pack_number(msgpack_packer *packer, const uint64_t *number)
{
    return msgpack_pack_uint64(packer, *number);
}

static int pack_attempt(msgpack_packer *packer, const uint64_t *attempt)
{
    check(*attempt <= UINT32_MAX);
    return pack_number(packer, attempt);
}

static int pack_blame(msgpack_packer *packer, const uint64_t *blame)
{
    check(*blame < BLAMES);
    return pack_number(packer, blame);
}

static int pack_stop(msgpack_packer *packer, const uint64_t *stop)
{
    check(*stop < STOPS);
    return pack_number(packer, stop);
}

static int pack_text(msgpack_packer *packer, const struct wire_text *text)
{
    const uint8_t *at = (const uint8_t *)text->at;
    check(text->size <= WIRE_TEXT_MAX);
    int failed = msgpack_pack_str(packer, text->size);
    for (size_t done = 0; !failed && done < text->size;) {
        const size_t clean = clean_size(at + done, text->size - done);
        if (clean) failed = msgpack_pack_str_body(packer, at + done, clean);
        done += clean;
        if (!failed && done < text->size) {
            failed = msgpack_pack_str_body(packer, "?", 1);
            done++;
        }
    }
    return failed;
}

static int pack_digest(msgpack_packer *packer, const struct digest *digest)
{
    const int failed = msgpack_pack_bin(packer, DIGEST_BYTES);
    return failed ? failed : msgpack_pack_bin_body(packer, digest->byte, DIGEST_BYTES);
}

static int pack_leases(msgpack_packer *packer, const struct wire_leases *leases)
{
    check(leases->count <= WIRE_LEASES_MAX);
    int failed = msgpack_pack_array(packer, 2 * (size_t)leases->count);
    for (uint32_t i = 0; !failed && i < leases->count; i++) {
        failed = pack_number(packer, &leases->at[i].unit);
        if (!failed) failed = pack_attempt(packer, &leases->at[i].attempt);
    }
    return failed;
}

static int pack_pairs(msgpack_packer *packer, const struct wire_pairs *pairs)
{
    check(pairs->count <= WIRE_PAIRS_MAX);
    int failed = msgpack_pack_array(packer, 2 * (size_t)pairs->count);
    for (uint32_t i = 0; !failed && i < pairs->count; i++) {
        failed = pack_text(packer, &pairs->at[i].name);
        if (!failed) failed = pack_text(packer, &pairs->at[i].value);
    }
    return failed;
}

static int pack_input(msgpack_packer *packer, const struct wire_input *input)
{
    int failed = msgpack_pack_array(packer, INPUT_FIELDS);
    if (!failed) failed = pack_text(packer, &input->role);
    if (!failed) failed = pack_text(packer, &input->path);
    if (!failed) failed = pack_number(packer, &input->size_bytes);
    if (!failed) failed = pack_digest(packer, &input->digest);
    if (!failed) failed = pack_number(packer, &input->device);
    if (!failed) failed = pack_number(packer, &input->inode);
    if (!failed) failed = pack_number(packer, &input->mtime_ns);
    if (!failed) failed = pack_number(packer, &input->ctime_ns);
    return failed;
}

static int pack_inputs(msgpack_packer *packer, const struct wire_inputs *inputs)
{
    check(inputs->count <= WIRE_INPUTS_MAX);
    int failed = msgpack_pack_array(packer, inputs->count);
    for (uint32_t i = 0; !failed && i < inputs->count; i++)
        failed = pack_input(packer, &inputs->at[i]);
    return failed;
}

/* ---- reading: read_TYPE for each type of a field; false when the bytes are not of that type -- */

struct cursor {
    const uint8_t *at, *end;
};

static bool take(struct cursor *cursor, size_t size, const uint8_t **out)
{
    if ((size_t)(cursor->end - cursor->at) < size) return false;
    *out = cursor->at;
    cursor->at += size;
    return true;
}

static bool take_big_endian(struct cursor *cursor, size_t size, uint64_t *out)
{
    const uint8_t *at;
    uint64_t value = 0;
    if (!take(cursor, size, &at)) return false;
    for (size_t i = 0; i < size; i++) value = value << 8 | at[i];
    *out = value;
    return true;
}

/* How MessagePack marks a kind of value: small ones in the first byte, `first | value` up to
 * `first | most`; larger ones behind one of four bytes `wide`, which take 1, 2, 4, 8 bytes. 0 is
 * none: as a first byte it is a small number, and numbers stand there with `most` 0x7f. */
struct form {
    uint8_t first, most, wide[4];
};

static const struct form number_form = {0x00, 0x7f, {0xcc, 0xcd, 0xce, 0xcf}};
static const struct form text_form = {0xa0, 0x1f, {0xd9, 0xda, 0xdb, 0}};
static const struct form array_form = {0x90, 0x0f, {0, 0xdc, 0xdd, 0}};
static const struct form bytes_form = {0, 0, {0xc4, 0xc5, 0xc6, 0}};

/* The value, or the length, of what comes next, if it is of that form. */
static bool take_form(struct cursor *cursor, const struct form *form, uint64_t *out)
{
    const uint8_t *mark;
    if (!take(cursor, 1, &mark)) return false;
    if (form->most && (*mark & ~form->most & 0xff) == form->first) {
        *out = *mark & form->most;
        return true;
    }
    for (size_t i = 0; *mark && i < 4; i++)
        if (*mark == form->wide[i]) return take_big_endian(cursor, (size_t)1 << i, out);
    return false;
}

static bool read_number(struct cursor *cursor, uint64_t *out)
{
    return take_form(cursor, &number_form, out);
}

static bool read_attempt(struct cursor *cursor, uint64_t *out)
{
    return read_number(cursor, out) && *out <= UINT32_MAX;
}

static bool read_blame(struct cursor *cursor, uint64_t *out)
{
    return read_number(cursor, out) && *out < BLAMES;
}

static bool read_stop(struct cursor *cursor, uint64_t *out)
{
    return read_number(cursor, out) && *out < STOPS;
}

static bool read_text(struct cursor *cursor, struct wire_text *out)
{
    const uint8_t *at;
    uint64_t size;
    if (!take_form(cursor, &text_form, &size) || size > WIRE_TEXT_MAX) return false;
    if (!take(cursor, (size_t)size, &at) || clean_size(at, (size_t)size) != size) return false;
    out->at = (const char *)at;
    out->size = (uint32_t)size;
    return true;
}

static bool read_digest(struct cursor *cursor, struct digest *out)
{
    const uint8_t *at;
    uint64_t size;
    if (!take_form(cursor, &bytes_form, &size) || size != DIGEST_BYTES) return false;
    if (!take(cursor, DIGEST_BYTES, &at)) return false;
    memcpy(out->byte, at, DIGEST_BYTES);
    return true;
}

static bool read_array(struct cursor *cursor, uint64_t most, uint64_t *out)
{
    return take_form(cursor, &array_form, out) && *out <= most;
}

static bool read_leases(struct cursor *cursor, struct wire_leases *out)
{
    uint64_t count;
    out->count = 0;
    if (!read_array(cursor, 2 * WIRE_LEASES_MAX, &count) || count % 2 != 0) return false;
    while (out->count < count / 2) {
        struct wire_lease *lease = &out->at[out->count++];
        if (!read_number(cursor, &lease->unit) || !read_attempt(cursor, &lease->attempt))
            return false;
    }
    return true;
}

static bool read_pairs(struct cursor *cursor, struct wire_pairs *out)
{
    uint64_t count;
    out->count = 0;
    if (!read_array(cursor, 2 * WIRE_PAIRS_MAX, &count) || count % 2 != 0) return false;
    while (out->count < count / 2) {
        struct wire_pair *pair = &out->at[out->count++];
        if (!read_text(cursor, &pair->name) || !read_text(cursor, &pair->value)) return false;
    }
    return true;
}

static bool read_input(struct cursor *cursor, struct wire_input *out)
{
    uint64_t fields;
    return read_array(cursor, INPUT_FIELDS, &fields) && fields == INPUT_FIELDS &&
           read_text(cursor, &out->role) && read_text(cursor, &out->path) &&
           read_number(cursor, &out->size_bytes) && read_digest(cursor, &out->digest) &&
           read_number(cursor, &out->device) && read_number(cursor, &out->inode) &&
           read_number(cursor, &out->mtime_ns) && read_number(cursor, &out->ctime_ns);
}

static bool read_inputs(struct cursor *cursor, struct wire_inputs *out)
{
    uint64_t count;
    out->count = 0;
    if (!read_array(cursor, WIRE_INPUTS_MAX, &count)) return false;
    while (out->count < count)
        if (!read_input(cursor, &out->at[out->count++])) return false;
    return true;
}

/* ---- messages: made from the rows of schema/wire.def ----------------------------------------- */

#define FIELD(type, field) \
    if (!failed) failed = pack_##type(packer, &message->field);
#define MESSAGE(name, NAME, from)                                                    \
    static int pack_##name##_fields(msgpack_packer *packer, const struct wire *wire) \
    {                                                                                \
        const struct wire_##name *message = &wire->name;                             \
        int failed = 0;                                                              \
        WIRE_##NAME(FIELD);                                                          \
        return failed;                                                               \
    }
WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD

#define FIELD(type, field) &&read_##type(cursor, &message->field)
#define MESSAGE(name, NAME, from)                                              \
    static bool read_##name##_fields(struct cursor *cursor, struct wire *wire) \
    {                                                                          \
        struct wire_##name *message = &wire->name;                             \
        return true WIRE_##NAME(FIELD);                                        \
    }
WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD

static const struct {
    size_t fields;
    int (*pack)(msgpack_packer *packer, const struct wire *wire);
    bool (*read)(struct cursor *cursor, struct wire *wire);
} messages[WIRE_TYPES] = {
#define FIELD(type, field) +1
#define MESSAGE(name, NAME, from) \
    {FRONT_FIELDS WIRE_##NAME(FIELD), pack_##name##_fields, read_##name##_fields},
    WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD
};

enum err wire_encode(const struct wire *message, uint8_t **bytes, size_t *size)
{
    check(message->type < WIRE_TYPES);
    /* msgpack-c would begin with 8 KiB; most messages are far smaller. */
    msgpack_sbuffer buffer = {.data = malloc(FIRST_BYTES), .alloc = FIRST_BYTES};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);

    int failed = buffer.data ? 0 : -1;
    if (!failed) failed = msgpack_pack_array(&packer, messages[message->type].fields);
    if (!failed) failed = msgpack_pack_uint64(&packer, WIRE_MAGIC);
    if (!failed) failed = msgpack_pack_uint64(&packer, WIRE_VERSION);
    if (!failed) failed = msgpack_pack_uint64(&packer, message->type);
    if (!failed) failed = messages[message->type].pack(&packer, message);

    if (failed) {
        free(buffer.data);
        buffer = (msgpack_sbuffer){0};
    }
    *bytes = (uint8_t *)buffer.data;
    *size = buffer.size;
    return failed ? err_note(ERR_MEMORY, "wire: no memory for a message") : OK;
}

/* Magic, version and type; leaves the cursor at the first field. */
static enum err read_front(struct cursor *cursor, uint64_t *arity, uint64_t *type)
{
    uint64_t magic, version;
    *type = WIRE_TYPES;
    *arity = 0;
    if (!read_array(cursor, UINT32_MAX, arity) || !read_number(cursor, &magic) ||
        magic != WIRE_MAGIC || !read_number(cursor, &version))
        return err_note(ERR_FORMAT, "wire: not a message of millrace");
    if (!read_number(cursor, type) || *type >= WIRE_TYPES) *type = WIRE_TYPES;
    if (version != WIRE_VERSION)
        return err_note(ERR_STALE,
                        "wire: version %llu of the protocol, here it is %d; use the "
                        "same millrace on both sides",
                        (unsigned long long)version, WIRE_VERSION);
    return *type < WIRE_TYPES ? OK : err_note(ERR_FORMAT, "wire: a message of unknown type");
}

enum err wire_decode(const uint8_t *bytes, size_t size, struct wire *out)
{
    struct cursor cursor = {bytes, bytes + size};
    uint64_t arity, type;
    const enum err err = read_front(&cursor, &arity, &type);
    out->type = (enum wire_type)type;
    if (err) return err;
    if (arity != messages[type].fields || !messages[type].read(&cursor, out))
        return err_note(ERR_FORMAT, "wire: %s: a field is missing or not what it should be",
                        wire_name[type]);
    if (cursor.at != cursor.end)
        return err_note(ERR_FORMAT, "wire: %s: bytes follow its last field", wire_name[type]);
    return OK;
}

enum wire_type wire_peek(const uint8_t *bytes, size_t size)
{
    struct cursor cursor = {bytes, bytes + size};
    uint64_t arity, magic, version, type;
    if (!read_array(&cursor, UINT32_MAX, &arity) || !read_number(&cursor, &magic) ||
        !read_number(&cursor, &version) || !read_number(&cursor, &type))
        return WIRE_TYPES;
    const bool ours = magic == WIRE_MAGIC && version == WIRE_VERSION && type < WIRE_TYPES;
    return ours ? (enum wire_type)type : WIRE_TYPES;
}

/* ---- texts ----------------------------------------------------------------------------------- */

struct wire_text wire_text(const char *text)
{
    return (struct wire_text){text, (uint32_t)strnlen(text, WIRE_TEXT_MAX)};
}

void wire_text_copy(const struct wire_text *text, char *out, size_t size)
{
    check(size > 0);
    const size_t count = text->size < size ? text->size : size - 1;
    if (count) memcpy(out, text->at, count);
    out[count] = 0;
}

bool wire_text_is(const struct wire_text *text, const char *word)
{
    return strlen(word) == text->size && (!text->size || !memcmp(text->at, word, text->size));
}
