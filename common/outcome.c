#include "common/outcome.h"

#include "common/items.h"

#include <math.h>
#include <string.h>

static uint8_t *store(uint64_t value, size_t size, uint8_t *bytes)
{
    for (size_t byte = 0; byte < size; byte++) *bytes++ = (uint8_t)(value >> 8 * byte);
    return bytes;
}

static uint64_t load(const uint8_t **bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t byte = 0; byte < size; byte++) value |= (uint64_t) * (*bytes)++ << 8 * byte;
    return value;
}

static uint32_t bits_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

void outcome_write(const struct outcome *outcome, uint8_t bytes[OUTCOME_BYTES])
{
    bytes = store(outcome->kind, 1, bytes);
    bytes = store(outcome->end, 1, bytes);
    bytes = store(outcome->depth, 2, bytes);
    bytes = store(bits_of(outcome->logprob), 4, bytes);
    (void)store(outcome->digest, 8, bytes);
}

void outcome_read(const uint8_t bytes[OUTCOME_BYTES], struct outcome *out)
{
    out->kind = (uint8_t)load(&bytes, 1);
    out->end = (uint8_t)load(&bytes, 1);
    out->depth = (uint16_t)load(&bytes, 2);
    const uint32_t bits = (uint32_t)load(&bytes, 4);
    memcpy(&out->logprob, &bits, sizeof bits);
    out->digest = load(&bytes, 8);
}

static enum err check_skipped(const struct outcome *outcome)
{
    if (!outcome->end && !outcome->depth && !bits_of(outcome->logprob) && !outcome->digest)
        return OK;
    return err_note(ERR_FORMAT, "outcome: of a place without a search, but not of zeros");
}

static enum err check_search(const struct outcome *outcome, uint64_t depth_most)
{
    static const uint8_t ends[] = {END_TRUE, END_FALSE, END_GIVE_UP, END_DEPTH};
    if (!memchr(ends, outcome->end, sizeof ends))
        return err_note(ERR_FORMAT, "outcome: end %u, expected one of T, F, E and D", outcome->end);
    const uint64_t depth_least = outcome->end == END_DEPTH ? depth_most : 1;
    if (outcome->depth < depth_least || outcome->depth > depth_most)
        return err_note(ERR_FORMAT, "outcome: depth %u, expected %llu to %llu with end %c",
                        outcome->depth, (unsigned long long)depth_least,
                        (unsigned long long)depth_most, outcome->end);
    if (!isfinite(outcome->logprob) || outcome->logprob > 0)
        return err_note(ERR_FORMAT, "outcome: log-probability %g, expected 0 or less, and finite",
                        (double)outcome->logprob);
    return OK;
}

enum err outcome_check(const struct outcome *outcome, uint64_t depth_most)
{
    if (outcome->kind == ITEM_NONE || outcome->kind == ITEM_KNOWN) return check_skipped(outcome);
    if (outcome->kind == ITEM_TRUE || outcome->kind == ITEM_CANDIDATE)
        return check_search(outcome, depth_most);
    return err_note(ERR_FORMAT, "outcome: kind %u, expected %u to %u", outcome->kind,
                    (unsigned)ITEM_NONE, (unsigned)ITEM_CANDIDATE);
}
