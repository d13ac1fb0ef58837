/* words - numbers as people read them. */
#ifndef COORDINATOR_WORDS_H
#define COORDINATOR_WORDS_H

#include <stdint.h>

enum { WORDS_SIZE = 40 };

/* 1234567 as "1,234,567"; gives `words` back. */
const char *words_thousands(uint64_t number, char words[WORDS_SIZE]);

/* 1234567 as "1.2 MiB": one place behind the point, whatever the size; gives `words` back. */
const char *words_bytes(uint64_t bytes, char words[WORDS_SIZE]);

#endif
