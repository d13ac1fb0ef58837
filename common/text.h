/*
 * text - the lines of a text file: plain, gzip or zstd. The only user of zlib and libzstd.
 *
 * What the file is compressed with is told by its first bytes, not by its name. Lines end in
 * \n or \r\n; a byte order mark at the start is passed over; the last line may lack its end.
 *
 * Owner:   text_open gives, text_close takes. A line is borrowed until the next text_line.
 * Errors:  ERR_IO when the file cannot be read (with its reason); ERR_INPUT when its compression
 *          is broken or cut short, a line is longer than TEXT_LINE_MAX, or holds a 0 byte (with
 *          file and line). Notes begin with the path: callers put in front what the file is.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/err.h"

#include <stdint.h>

enum { TEXT_LINE_MAX = 1 << 20 };

struct text;

MUST enum err text_open(const char *path, struct text **out);
void text_close(struct text **text);

/* The next line, without its end, followed by a 0; `size` is its length. ERR_NONE at the end. */
MUST enum err text_line(struct text *text, char **line, size_t *size);

const char *text_path(const struct text *text);
uint64_t text_line_number(const struct text *text); /* of the line last given, from 1 */

/* Cuts `line` at its tabs into at most `most` columns; returns how many there are in all. */
size_t text_columns(char *line, char **columns, size_t most);

/* The word as a number; false unless it is all decimal digits and below UINT32_MAX. */
bool text_number(const char *word, uint32_t *out);

#endif
