/*
 * digest - SHA-256, of bytes and of files. The only user of libcrypto.
 *
 * Errors:  ERR_IO when a file cannot be read, with a note naming it.
 * Threads: a struct digest_state belongs to one thread; the rest may be called from any.
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/err.h"

#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX = 65 /* with the final 0 */ };

struct digest {
    uint8_t byte[DIGEST_BYTES];
};

/* A digest in the making: open gives it, add as often as wished, close takes it and answers. */
struct digest_state;
MUST enum err digest_open(struct digest_state **out);
void digest_add(struct digest_state *state, const void *bytes, size_t size);
void digest_close(struct digest_state **state, struct digest *out); /* out may be NULL */

void digest_bytes(const void *bytes, size_t size, struct digest *out);
MUST enum err digest_file(const char *path, struct digest *out);

bool digest_equal(const struct digest *a, const struct digest *b);
void digest_hex(const struct digest *digest, char hex[DIGEST_HEX]); /* lower case */
MUST enum err digest_from_hex(const char *hex, struct digest *out); /* ERR_FORMAT */

#endif
