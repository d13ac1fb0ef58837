/*
 * wire - the messages of schema/wire.def as structs, and as bytes. The only user of msgpack-c,
 * which packs; reading is our own strict cursor, because a peer is never trusted.
 *
 * A message is a MessagePack array of fixed arity: magic, WIRE_VERSION, type, then the fields in
 * the order of schema/wire.def. A second frame may follow with raw bytes (a tally); it is not
 * part of this module. wire_decode allocates nothing: sizes are bounded by the message's size and
 * by the limits below, integers must be in range, texts must be UTF-8 without control characters,
 * and not a byte may follow.
 *
 * Owner:   texts and arrays of a decoded message borrow the frame they were read from, or the
 *          message itself. wire_encode gives bytes to free().
 * Errors:  wire_encode: ERR_MEMORY. Bytes of a text that a peer would refuse are sent as '?'.
 *          wire_decode: ERR_FORMAT with a note; ERR_STALE when magic fits but the version is
 *          another (the type is then set if it can be read, so that a HELLO can be answered by a
 *          STOP). A type that cannot be read is WIRE_TYPES.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include "common/digest.h"
#include "common/err.h"
#include "schema/wire.def"

#include <stdint.h>

enum {
    WIRE_MAGIC = 0x4d52, /* "MR" */
    WIRE_VERSION = 2,
    WIRE_TEXT_MAX = 4096,
    WIRE_LEASES_MAX = 256,
    WIRE_PAIRS_MAX = 128,
    WIRE_INPUTS_MAX = 16,
    WIRE_BYTES_MAX = 64 << 20, /* of a second frame */
};
#define WIRE_NO_COLUMN UINT64_MAX

/* Whose fault a failure is: the unit's (it fails anywhere), the worker's (lease it elsewhere), or
 * the input's (the run cannot go on). */
enum wire_blame { BLAME_UNIT, BLAME_WORKER, BLAME_INPUT, BLAMES };

/* Why a worker is told to stop: nothing is left; the coordinator is stopping and can be met
 * again; this worker is refused (version, run, broken protocol); the peer is not known, because
 * the coordinator was started anew or took it for gone: it shall say HELLO again. */
enum wire_stop_reason { STOP_DONE, STOP_DRAIN, STOP_REFUSED, STOP_UNKNOWN, STOPS };

struct wire_text {
    const char *at; /* not ended by 0 */
    uint32_t size;
};

struct wire_lease {
    uint64_t unit;
    uint64_t attempt;
};

struct wire_leases {
    uint32_t count;
    struct wire_lease at[WIRE_LEASES_MAX];
};

struct wire_pair {
    struct wire_text name, value;
};

struct wire_pairs {
    uint32_t count;
    struct wire_pair at[WIRE_PAIRS_MAX];
};

/* An input of the run, and where the coordinator's machine has it. A file there that still has
 * this identity needs no second digest. */
struct wire_input {
    struct wire_text role, path;
    uint64_t size_bytes;
    struct digest digest;
    uint64_t device, inode, mtime_ns, ctime_ns;
};

struct wire_inputs {
    uint32_t count;
    struct wire_input at[WIRE_INPUTS_MAX];
};

#define WIRE_TYPE_number uint64_t
#define WIRE_TYPE_attempt uint64_t /* of a lease; below 2^32 */
#define WIRE_TYPE_blame uint64_t   /* below BLAMES */
#define WIRE_TYPE_stop uint64_t    /* below STOPS */
#define WIRE_TYPE_text struct wire_text
#define WIRE_TYPE_digest struct digest
#define WIRE_TYPE_leases struct wire_leases
#define WIRE_TYPE_pairs struct wire_pairs
#define WIRE_TYPE_inputs struct wire_inputs

#define FIELD(type, name) WIRE_TYPE_##type name;
#define MESSAGE(name, NAME, from) \
    struct wire_##name {          \
        WIRE_##NAME(FIELD)        \
    };
WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
#undef FIELD

enum wire_type {
#define MESSAGE(name, NAME, from) WIRE_##NAME##_MESSAGE,
    WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
        WIRE_TYPES
};

struct wire {
    enum wire_type type;
    union {
#define MESSAGE(name, NAME, from) struct wire_##name name;
        WIRE_MESSAGES(MESSAGE)
#undef MESSAGE
    };
};

extern const char *const wire_name[WIRE_TYPES]; /* "HELLO" */

MUST enum err wire_encode(const struct wire *message, uint8_t **bytes, size_t *size);
MUST enum err wire_decode(const uint8_t *bytes, size_t size, struct wire *out);
/* What it says it is, unchecked otherwise; WIRE_TYPES if it is no message of this version. */
enum wire_type wire_peek(const uint8_t *bytes, size_t size);

struct wire_text wire_text(const char *text); /* borrows; cut at WIRE_TEXT_MAX */
/* Copies into `out` [size], always ended by 0, cut if need be. */
void wire_text_copy(const struct wire_text *text, char *out, size_t size);
bool wire_text_is(const struct wire_text *text, const char *word);

#endif
