#include "common/digest.h"

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 17 };

struct digest_state {
    EVP_MD_CTX *context;
};

enum err digest_open(struct digest_state **out)
{
    struct digest_state *state = calloc(1, sizeof *state);
    if (state) state->context = EVP_MD_CTX_new();
    const bool ready =
        state && state->context && EVP_DigestInit_ex(state->context, EVP_sha256(), NULL) == 1;
    if (!ready) digest_close(&state, NULL);
    *out = state;
    return ready ? OK : err_note(ERR_MEMORY, "digest: not enough memory for a SHA-256");
}

void digest_add(struct digest_state *state, const void *bytes, size_t size)
{
    check(EVP_DigestUpdate(state->context, bytes, size) == 1);
}

void digest_close(struct digest_state **state, struct digest *out)
{
    if (!*state) return;
    if (out) check(EVP_DigestFinal_ex((*state)->context, out->byte, NULL) == 1);
    EVP_MD_CTX_free((*state)->context);
    free(*state);
    *state = NULL;
}

void digest_bytes(const void *bytes, size_t size, struct digest *out)
{
    check(EVP_Digest(bytes, size, out->byte, NULL, EVP_sha256(), NULL) == 1);
}

static enum err add_file(struct digest_state *state, int file, const char *path, void *buffer)
{
    for (;;) {
        const ssize_t got = read(file, buffer, READ_SIZE);
        if (got == 0) return OK;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_note(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        digest_add(state, buffer, (size_t)got);
    }
}

enum err digest_file(const char *path, struct digest *out)
{
    struct digest_state *state = NULL;
    *out = (struct digest){0};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    void *buffer = malloc(READ_SIZE);

    enum err err = OK;
    if (file < 0) err = err_note(ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (!err && !buffer) err = err_note(ERR_MEMORY, "%s: not enough memory to read it", path);
    if (!err) err = digest_open(&state);
    if (!err) err = add_file(state, file, path, buffer);

    digest_close(&state, err ? NULL : out);
    free(buffer);
    if (file >= 0) close(file);
    return err;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->byte, b->byte, DIGEST_BYTES) == 0;
}

void digest_hex(const struct digest *digest, char hex[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        hex[2 * i] = digits[digest->byte[i] >> 4];
        hex[2 * i + 1] = digits[digest->byte[i] & 15];
    }
    hex[DIGEST_HEX - 1] = 0;
}

/* The value of a hexadecimal digit, -1 if it is none. */
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

enum err digest_from_hex(const char *hex, struct digest *out)
{
    *out = (struct digest){0};
    bool valid = strlen(hex) == DIGEST_HEX - 1;
    struct digest digest = {0};
    for (size_t i = 0; valid && i < DIGEST_BYTES; i++) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        valid = high >= 0 && low >= 0;
        if (valid) digest.byte[i] = (uint8_t)(high << 4 | low);
    }
    if (!valid)
        return err_note(ERR_FORMAT, "digest: `%.80s` is not a SHA-256 of 64 hexadecimal digits",
                        hex);
    *out = digest;
    return OK;
}
