#include "coordinator/words.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *words_thousands(uint64_t number, char words[WORDS_SIZE])
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) words[at++] = ',';
        words[at++] = digits[i];
    }
    words[at] = 0;
    return words;
}

const char *words_bytes(uint64_t bytes, char words[WORDS_SIZE])
{
    static const char prefix[] = " KMGTPE";
    double number = (double)bytes;
    size_t i = 0;
    for (; number >= 1024 && i + 2 < sizeof prefix; i++) number /= 1024;
    if (i > 0)
        snprintf(words, WORDS_SIZE, "%.1f %ciB", number, prefix[i]);
    else
        snprintf(words, WORDS_SIZE, "%.0f bytes", number);
    return words;
}
