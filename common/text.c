#include "common/text.h"

#include <zlib.h>
#include <zstd.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 17,               /* read from the file at once */
    SPACE = TEXT_LINE_MAX + CHUNK, /* for lines: the longest, and what is read after it */
};

struct text {
    const struct codec *codec;
    char *path;
    int file;
    bool file_ended; /* read() has said so */
    bool ended;      /* and all of it is in `space` */
    bool frame_open; /* a compressed frame has begun and not ended */
    uint8_t *packed; /* [CHUNK], bytes as they stand in the file */
    size_t packed_at, packed_end;
    char *space; /* [SPACE + 1], text; the lines not yet given lie in start .. end */
    size_t start, end;
    uint64_t line;
    z_stream gzip;
    ZSTD_DStream *zstd;
};

/* How a file is packed. `unpack` turns packed bytes into text, as far as there is room: it moves
 * packed_at and end. Both libraries hold back the end of a frame until all of its text is out, so
 * no text is left when all input is taken. */
struct codec {
    const char *name;
    uint8_t magic[4];
    size_t magic_size;
    bool (*open)(struct text *text);
    bool (*unpack)(struct text *text); /* false: broken */
    void (*close)(struct text *text);
};

static bool plain_open(struct text *text)
{
    (void)text;
    return true;
}

static bool plain_unpack(struct text *text)
{
    const size_t packed = text->packed_end - text->packed_at;
    const size_t room = SPACE - text->end;
    const size_t size = packed < room ? packed : room;
    memcpy(text->space + text->end, text->packed + text->packed_at, size);
    text->packed_at += size;
    text->end += size;
    return true;
}

static void plain_close(struct text *text)
{
    (void)text;
}

static bool gzip_open(struct text *text)
{
    return inflateInit2(&text->gzip, 15 + 16) == Z_OK; /* a window of 2^15, the gzip form */
}

/* A file may hold several members, one after another: their texts are joined. */
static bool gzip_unpack(struct text *text)
{
    z_stream *gzip = &text->gzip;
    gzip->next_in = text->packed + text->packed_at;
    gzip->avail_in = (uInt)(text->packed_end - text->packed_at);
    gzip->next_out = (Bytef *)text->space + text->end;
    gzip->avail_out = (uInt)(SPACE - text->end);
    int state = Z_OK;
    while (state == Z_OK && gzip->avail_in > 0 && gzip->avail_out > 0) {
        state = inflate(gzip, Z_NO_FLUSH);
        text->frame_open = state != Z_STREAM_END;
        if (state == Z_STREAM_END) state = inflateReset(gzip);
    }
    text->packed_at = text->packed_end - gzip->avail_in;
    text->end = SPACE - gzip->avail_out;
    return state == Z_OK || state == Z_BUF_ERROR;
}

static void gzip_close(struct text *text)
{
    (void)inflateEnd(&text->gzip); /* It only says whether all of the stream was read. */
}

static bool zstd_open(struct text *text)
{
    text->zstd = ZSTD_createDStream();
    return text->zstd && !ZSTD_isError(ZSTD_initDStream(text->zstd));
}

static bool zstd_unpack(struct text *text)
{
    ZSTD_inBuffer in = {text->packed, text->packed_end, text->packed_at};
    ZSTD_outBuffer out = {text->space, SPACE, text->end};
    size_t left = 0;
    while (!ZSTD_isError(left) && in.pos < in.size && out.pos < out.size) {
        left = ZSTD_decompressStream(text->zstd, &out, &in);
        text->frame_open = left != 0;
    }
    text->packed_at = in.pos;
    text->end = out.pos;
    return !ZSTD_isError(left);
}

static void zstd_close(struct text *text)
{
    (void)ZSTD_freeDStream(text->zstd); /* It never fails. */
}

static const struct codec codecs[] = {
    {"gzip", {0x1f, 0x8b}, 2, gzip_open, gzip_unpack, gzip_close},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_open, zstd_unpack, zstd_close},
    {"plain", {0}, 0, plain_open, plain_unpack, plain_close},
};

/* Fills `packed` again as far as the file gives it at once. */
static enum err read_packed(struct text *text)
{
    text->packed_at = text->packed_end = 0;
    while (text->packed_end < CHUNK && !text->file_ended) {
        const ssize_t got =
            read(text->file, text->packed + text->packed_end, CHUNK - text->packed_end);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_note(ERR_IO, "%s: cannot be read: %s", text->path, strerror(errno));
        text->file_ended = got == 0;
        text->packed_end += (size_t)got;
    }
    return OK;
}

/* Brings more text behind the lines that wait, or finds the end. */
static enum err fill(struct text *text)
{
    memmove(text->space, text->space + text->start, text->end - text->start);
    text->end -= text->start;
    text->start = 0;

    const size_t before = text->end;
    while (text->end == before && !text->ended) {
        const enum err err = text->packed_at == text->packed_end ? read_packed(text) : OK;
        if (err) return err;
        const bool valid = text->codec->unpack(text);
        const bool stuck = text->end == before && text->packed_at < text->packed_end;
        if (!valid || stuck)
            return err_note(ERR_INPUT, "%s:%llu: its %s compression is broken", text->path,
                            (unsigned long long)text->line + 1, text->codec->name);
        text->ended = text->end == before && text->file_ended;
    }
    if (text->ended && text->frame_open)
        return err_note(ERR_INPUT, "%s:%llu: the file is cut short: its %s compression has no end",
                        text->path, (unsigned long long)text->line + 1, text->codec->name);
    return OK;
}

/* Tells the codec by the first bytes, and passes over a byte order mark. */
static enum err begin(struct text *text)
{
    enum err err = read_packed(text);
    if (err) return err;
    const struct codec *codec = codecs;
    while (text->packed_end < codec->magic_size ||
           memcmp(text->packed, codec->magic, codec->magic_size) != 0)
        codec++;
    text->codec = codec;
    if (!codec->open(text))
        return err_note(ERR_MEMORY, "%s: not enough memory to unpack it", text->path);
    while (!err && !text->ended && text->end < 3) err = fill(text);
    if (!err && text->end >= 3 && memcmp(text->space, "\xef\xbb\xbf", 3) == 0) text->start = 3;
    return err;
}

enum err text_open(const char *path, struct text **out)
{
    *out = NULL;
    struct text *text = calloc(1, sizeof *text);
    if (!text) return err_note(ERR_MEMORY, "%s: not enough memory to read it", path);
    text->path = strdup(path);
    text->packed = malloc(CHUNK);
    text->space = malloc(SPACE + 1);
    text->file = open(path, O_RDONLY | O_CLOEXEC);

    enum err err = OK;
    if (text->file < 0) err = err_note(ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (!err && (!text->path || !text->packed || !text->space))
        err = err_note(ERR_MEMORY, "%s: not enough memory to read it", path);
    if (!err) err = begin(text);

    if (err) text_close(&text);
    *out = text;
    return err;
}

void text_close(struct text **text)
{
    struct text *self = *text;
    if (!self) return;
    if (self->codec) self->codec->close(self);
    if (self->file >= 0) close(self->file);
    free(self->path);
    free(self->packed);
    free(self->space);
    free(self);
    *text = NULL;
}

enum err text_line(struct text *text, char **line, size_t *size)
{
    *line = NULL;
    *size = 0;
    char *end = NULL;
    size_t searched = 0;
    for (;;) {
        const size_t waiting = text->end - text->start;
        end = memchr(text->space + text->start + searched, '\n', waiting - searched);
        if (end || text->ended || waiting > TEXT_LINE_MAX) break;
        searched = waiting;
        const enum err err = fill(text);
        if (err) return err;
    }
    char *first = text->space + text->start;
    char *last = end ? end : text->space + text->end;
    if (!end && first == last) return ERR_NONE;

    text->line++;
    if (last - first > TEXT_LINE_MAX)
        return err_note(ERR_INPUT, "%s:%llu: the line is longer than %d bytes", text->path,
                        (unsigned long long)text->line, TEXT_LINE_MAX);
    if (memchr(first, 0, (size_t)(last - first)))
        return err_note(ERR_INPUT, "%s:%llu: the line holds a 0 byte; is this a text file?",
                        text->path, (unsigned long long)text->line);
    text->start = (size_t)(last - text->space) + (end != NULL);
    if (last > first && last[-1] == '\r') last--;
    *last = 0;
    *line = first;
    *size = (size_t)(last - first);
    return OK;
}

const char *text_path(const struct text *text)
{
    return text->path;
}

uint64_t text_line_number(const struct text *text)
{
    return text->line;
}

size_t text_columns(char *line, char **columns, size_t most)
{
    size_t count = 0;
    for (char *column = line; column; count++) {
        char *tab = strchr(column, '\t');
        if (count < most) {
            columns[count] = column;
            if (tab) *tab = 0;
        }
        column = tab ? tab + 1 : NULL;
    }
    return count;
}

bool text_number(const char *word, uint32_t *out)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (; word[digits] >= '0' && word[digits] <= '9' && value < UINT32_MAX; digits++)
        value = 10 * value + (uint64_t)(word[digits] - '0');
    const bool number = digits > 0 && !word[digits] && value < UINT32_MAX;
    *out = number ? (uint32_t)value : 0;
    return number;
}
