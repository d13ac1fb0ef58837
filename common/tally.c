#include "common/tally.h"

enum { COUNTS = 5 };

/* Where each of a target's counts lies, in the order of the bytes. */
static uint32_t *field(struct rank_count *count, size_t place)
{
    uint32_t *const fields[COUNTS] = {&count->above, &count->level, &count->candidates,
                                      &count->filtered, &count->nonfinite};
    return fields[place];
}

static uint32_t load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void tally_write(const struct rank_count *counts, uint64_t count, uint8_t *bytes)
{
    for (uint64_t target = 0; target < count; target++) {
        struct rank_count copy = counts[target];
        for (size_t place = 0; place < COUNTS; place++) {
            const uint32_t value = *field(&copy, place);
            for (int byte = 0; byte < 4; byte++) *bytes++ = (uint8_t)(value >> 8 * byte);
        }
    }
}

static enum err check_size(uint64_t size, uint64_t count)
{
    if (size / RANK_COUNT_BYTES == count && size % RANK_COUNT_BYTES == 0) return OK;
    return err_note(ERR_FORMAT, "tally: %llu bytes, expected %llu for %llu targets",
                    (unsigned long long)size, (unsigned long long)(count * RANK_COUNT_BYTES),
                    (unsigned long long)count);
}

/* A true answer without an embedding counts as compared beside the candidates of a block. */
static bool possible(const struct rank_count *count, uint64_t candidates)
{
    return (uint64_t)count->above + count->level <= count->candidates &&
           count->nonfinite <= count->candidates &&
           (uint64_t)count->candidates + count->filtered <= candidates + 1;
}

enum err tally_check(const uint8_t *bytes, uint64_t size, uint64_t count, uint64_t candidates)
{
    const enum err err = check_size(size, count);
    for (uint64_t target = 0; !err && target < count; target++) {
        struct rank_count sum = {0};
        for (size_t place = 0; place < COUNTS; place++)
            *field(&sum, place) = load(bytes + target * RANK_COUNT_BYTES + 4 * place);
        if (!possible(&sum, candidates))
            return err_note(ERR_FORMAT,
                            "tally: target %llu: its counts cannot be true of %llu "
                            "candidates",
                            (unsigned long long)target, (unsigned long long)candidates);
    }
    return err;
}

/* False if adding one target's counts would overflow. */
static bool fits(const uint8_t *bytes, struct rank_count count)
{
    for (size_t place = 0; place < COUNTS; place++)
        if (load(bytes + 4 * place) > UINT32_MAX - *field(&count, place)) return false;
    return true;
}

static void add(const uint8_t *bytes, struct rank_count *count)
{
    for (size_t place = 0; place < COUNTS; place++) *field(count, place) += load(bytes + 4 * place);
}

enum err tally_add(const uint8_t *bytes, uint64_t size, struct rank_count *counts, uint64_t count)
{
    const enum err err = check_size(size, count);
    if (err) return err;
    for (uint64_t target = 0; target < count; target++)
        if (!fits(bytes + target * RANK_COUNT_BYTES, counts[target]))
            return err_note(ERR_FORMAT, "tally: target %llu: the sum of its counts overflows",
                            (unsigned long long)target);
    for (uint64_t target = 0; target < count; target++)
        add(bytes + target * RANK_COUNT_BYTES, &counts[target]);
    return OK;
}
