/* json - objects, texts and numbers. */
#include "coordinator/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 sequence at `text`, 0 if it is none (also: overlong, a surrogate). */
static size_t sequence(const unsigned char *text)
{
    if (text[0] < 0x80) return 1;
    const size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    const bool overlong =
        (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    const bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return overlong || beyond ? 0 : size;
}

static void quote(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    putc('"', out);
    while (*at) {
        const size_t size = sequence(at);
        if (size == 0)
            fputs("\\ufffd", out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, size, out);
        at += size ? size : 1;
    }
    putc('"', out);
}

/* The comma, line break and key that come before a value. */
static void lead(struct json *json, const char *key)
{
    if (json->filled) putc(',', json->out);
    if (json->depth > 0) fprintf(json->out, "\n%*s", 2 * json->depth, "");
    if (key) {
        quote(json->out, key);
        fputs(": ", json->out);
    }
    json->filled = true;
}

void json_begin(struct json *json, const char *key)
{
    lead(json, key);
    putc('{', json->out);
    json->depth++;
    json->filled = false;
}

void json_end(struct json *json)
{
    check(json->depth > 0);
    json->depth--;
    if (json->filled) fprintf(json->out, "\n%*s", 2 * json->depth, "");
    putc('}', json->out);
    if (json->depth == 0) putc('\n', json->out);
    json->filled = true;
}

void json_text(struct json *json, const char *key, const char *text)
{
    lead(json, key);
    if (text)
        quote(json->out, text);
    else
        fputs("null", json->out);
}

void json_count(struct json *json, const char *key, uint64_t count)
{
    lead(json, key);
    fprintf(json->out, "%" PRIu64, count);
}

void json_bool(struct json *json, const char *key, bool value)
{
    lead(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_number(struct json *json, const char *key, double value, int digits)
{
    char text[JSON_NUMBER_SIZE] = "null";
    if (isfinite(value)) json_digits(value, digits, text);
    lead(json, key);
    fputs(text, json->out);
}

void json_digits(double value, int digits, char text[JSON_NUMBER_SIZE])
{
    int few = digits > 0 ? digits : 15;
    const int most = digits > 0 ? digits : 17;
    do snprintf(text, JSON_NUMBER_SIZE, "%.*g", few, value);
    while (few++ < most && strtod(text, NULL) != value);
}
