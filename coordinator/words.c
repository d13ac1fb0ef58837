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
