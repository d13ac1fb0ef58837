/*
 * fuzz_wire - libFuzzer's way into wire_decode: whatever bytes come, they are read or refused, and
 * what was read can be said again. Not built with the rest:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_POSIX_C_SOURCE=200809L -I. \
 *         tests/fuzz_wire.c common/wire.c common/err.c -lmsgpackc -o fuzz_wire
 *     ./fuzz_wire -max_total_time=60
 */
#include "common/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire message;
    uint8_t *bytes;
    size_t again;
    (void)wire_peek(data, size);
    if (wire_decode(data, size, &message) != OK) return 0;
    if (wire_encode(&message, &bytes, &again) != OK) return 0;
    check(wire_decode(bytes, again, &message) == OK);
    free(bytes);
    return 0;
}
