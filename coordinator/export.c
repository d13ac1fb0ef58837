/* export - see export.h. */
#include "coordinator/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BUFFER_BYTES = 1 << 16 };

/* An export under way: bytes gather in `buffer` on their way to the sink. */
struct writer {
    enum export_format format;
    export_sink *sink;
    void *context;
    bool header; /* is written */
    size_t used;
    char buffer[BUFFER_BYTES];
};

static enum err flush(struct writer *writer)
{
    enum err err = writer->used ? writer->sink(writer->context, writer->buffer, writer->used) : OK;
    writer->used = 0;
    return err;
}

static enum err put(struct writer *writer, const char *bytes, size_t size)
{
    enum err err = OK;
    while (size > 0 && !err) {
        const size_t room = BUFFER_BYTES - writer->used, part = size < room ? size : room;
        memcpy(writer->buffer + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        size -= part;
        if (writer->used == BUFFER_BYTES) err = flush(writer);
    }
    return err;
}

static enum err put_quoted(struct writer *writer, const char *text)
{
    enum err err = put(writer, "\"", 1);
    for (; *text && !err; text++)
        err = *text == '"' ? put(writer, "\"\"", 2) : put(writer, text, 1);
    if (!err) err = put(writer, "\"", 1);
    return err;
}

static enum err put_line(struct writer *writer, size_t columns, const char *const *values)
{
    const bool csv = writer->format == EXPORT_CSV;
    enum err err = OK;
    for (size_t i = 0; i < columns && !err; i++) {
        const char *value = values[i] ? values[i] : "";
        if (i > 0) err = put(writer, csv ? "," : "\t", 1);
        if (!err && csv && value[strcspn(value, ",\"\r\n")])
            err = put_quoted(writer, value);
        else if (!err)
            err = put(writer, value, strlen(value));
    }
    if (!err) err = put(writer, "\n", 1);
    return err;
}

static enum err visit_rank(void *context, size_t columns, const char *const *names,
                           const char *const *values)
{
    (void)names;
    return put_line(context, columns, values);
}

enum err export_ranks(struct ledger *ledger, enum export_format format, export_sink *sink,
                      void *context)
{
    static const char *const header[] = {"query", "side",  "head",       "relation", "tail",
                                         "above", "level", "candidates", "filtered", "nonfinite"};
    struct writer writer = {.format = format, .sink = sink, .context = context};
    enum err err = put_line(&writer, sizeof header / sizeof *header, header);
    if (!err)
        err = ledger_query(ledger,
                           "select query, side, head, relation, tail, above, level, candidates,"
                           " filtered, nonfinite from rank order by query, side",
                           0, visit_rank, &writer);
    if (!err) err = flush(&writer);
    return err;
}

static enum err failed_write(const char *path)
{
    const int reason = errno;
    return err_note(reason == ENOSPC ? ERR_FULL : ERR_IO, "export: %s: %s", path, strerror(reason));
}

struct file_sink {
    const char *path;
    FILE *file;
};

static enum err write_file(void *context, const char *bytes, size_t size)
{
    const struct file_sink *sink = context;
    return fwrite(bytes, 1, size, sink->file) == size ? OK : failed_write(sink->path);
}

enum err export_ranks_file(struct ledger *ledger, enum export_format format, const char *path)
{
    const bool standard = strcmp(path, "-") == 0;
    struct file_sink sink = {path, standard ? stdout : fopen(path, "wb")};
    if (!sink.file) return failed_write(path);

    enum err err = export_ranks(ledger, format, write_file, &sink);
    if (!err && fflush(sink.file) != 0) err = failed_write(path);
    if (!standard && fclose(sink.file) != 0 && !err) err = failed_write(path);
    return err;
}

static enum err write_digest(void *context, const char *bytes, size_t size)
{
    digest_add(context, bytes, size);
    return OK;
}

enum err export_ranks_digest(struct ledger *ledger, struct digest *out)
{
    struct digest_state *state = NULL;
    enum err err = digest_open(&state);
    if (!err) err = export_ranks(ledger, EXPORT_TSV, write_digest, state);
    if (state) digest_close(&state, out);
    return err;
}

enum err export_format_of(const char *path, enum export_format *out)
{
    static const struct {
        const char *ending;
        enum export_format format;
    } formats[] = {{".tsv", EXPORT_TSV}, {".csv", EXPORT_CSV}};
    const size_t size = strlen(path);
    *out = EXPORT_TSV;
    if (strcmp(path, "-") == 0) return OK;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        *out = formats[i].format;
        if (size > 4 && strcasecmp(path + size - 4, formats[i].ending) == 0) return OK;
    }
    return err_note(ERR_USAGE, "export: %s: the name must end in .tsv or .csv, or be -", path);
}
