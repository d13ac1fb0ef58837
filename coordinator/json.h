/*
 * json - writes JSON, value by value; and how numbers are printed wherever results are.
 *
 *     json_begin(&json, NULL) ... json_text, json_number, json_begin ... json_end(&json)
 *
 * Inside an object every value has a key; at the top it has none (NULL). Text that is not UTF-8
 * is mended with U+FFFD, so what is written always reads.
 *
 * Errors:  those of the file: look at ferror when all is written.
 */
#ifndef COORDINATOR_JSON_H
#define COORDINATOR_JSON_H

#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    int depth;
    bool filled; /* the object that is open has a value already */
};

void json_begin(struct json *json, const char *key);
void json_end(struct json *json);

void json_text(struct json *json, const char *key, const char *text); /* NULL: null */
void json_count(struct json *json, const char *key, uint64_t count);
void json_bool(struct json *json, const char *key, bool value);
/* `digits` as for json_digits; NaN and infinities are null. */
void json_number(struct json *json, const char *key, double value, int digits);

enum { JSON_NUMBER_SIZE = 32 };

/* A number with `digits` significant digits, or, if that is 0, with the fewest that read back as
 * the same number (17 at most). */
void json_digits(double value, int digits, char text[JSON_NUMBER_SIZE]);

#endif
