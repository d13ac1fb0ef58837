/* export - see export.h. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "coordinator/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 16, PATH_SIZE = 4096 };

/* An export under way: bytes gather in `buffer` on their way to the sink. */
struct writer {
    enum export_format format;
    export_sink *sink;
    void *context;
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

static const char *const column_name[] = {"query", "side",  "head",       "relation", "tail",
                                          "above", "level", "candidates", "filtered", "nonfinite"};
enum { COLUMNS = sizeof column_name / sizeof *column_name, SIDE = 1, LABELS = 2, LABELS_END = 5 };

static enum err put_names(struct writer *writer, uint64_t count)
{
    (void)count;
    return put_line(writer, COLUMNS, column_name);
}

/* NumPy's format 1.0: magic, version, length, and a Python literal padded so that rows begin at
 * a multiple of 64 bytes. */
static enum err put_npy_header(struct writer *writer, uint64_t count)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    char text[512];
    int used = snprintf(text, sizeof text, "{'descr': [");
    for (size_t i = 0; i < COLUMNS; i++)
        if (i < LABELS || i >= LABELS_END)
            used += snprintf(text + used, sizeof text - (size_t)used, "('%s', '%s'), ",
                             column_name[i], i == SIDE ? "|S4" : "<i8");
    used += snprintf(text + used, sizeof text - (size_t)used,
                     "], 'fortran_order': False, 'shape': (%" PRIu64 ",), }", count);
    check(used > 0 && (size_t)used + ALIGNMENT < sizeof text);
    while ((used + PREFIX + 1) % ALIGNMENT) text[used++] = ' ';
    text[used++] = '\n';
    const char prefix[PREFIX] = {
        '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(used & 0xff), (char)(used >> 8)};
    const enum err err = put(writer, prefix, PREFIX);
    return err ? err : put(writer, text, (size_t)used);
}

static enum err put_npy_row(struct writer *writer, size_t columns, const char *const *values)
{
    enum err err = OK;
    for (size_t i = 0; i < columns && !err; i++) {
        if (i >= LABELS && i < LABELS_END) continue;
        if (i == SIDE) {
            err = put(writer, values[i], 4); /* "head" or "tail" */
            continue;
        }
        const uint64_t number = strtoull(values[i], NULL, 10);
        char bytes[8];
        for (int byte = 0; byte < 8; byte++) bytes[byte] = (char)(number >> 8 * byte & 0xff);
        err = put(writer, bytes, sizeof bytes);
    }
    return err;
}

/* One format: what comes first, given how many rows follow, and what each row becomes. */
static const struct format {
    const char *ending;
    enum err (*header)(struct writer *writer, uint64_t count);
    enum err (*row)(struct writer *writer, size_t columns, const char *const *values);
} formats[EXPORT_FORMATS] = {
    [EXPORT_TSV] = {".tsv", put_names, put_line},
    [EXPORT_CSV] = {".csv", put_names, put_line},
    [EXPORT_NPY] = {".npy", put_npy_header, put_npy_row},
};

static enum err visit_count(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    (void)columns, (void)names;
    *(uint64_t *)context = strtoull(values[0], NULL, 10);
    return OK;
}

static enum err visit_rank(void *context, size_t columns, const char *const *names,
                           const char *const *values)
{
    struct writer *writer = context;
    (void)names;
    return formats[writer->format].row(writer, columns, values);
}

enum err export_ranks(struct ledger *ledger, enum export_format format, export_sink *sink,
                      void *context)
{
    struct writer writer = {.format = format, .sink = sink, .context = context};
    uint64_t count = 0;
    enum err err = ledger_query(ledger, "select count(*) from rank", 0, visit_count, &count);
    if (!err) err = formats[format].header(&writer, count);
    /* Ranks only ever grow in number; a run at work may have more of them by now. */
    if (!err && count > 0)
        err = ledger_query(ledger,
                           "select query, side, head, relation, tail, above, level, candidates,"
                           " filtered, nonfinite from rank order by query, side limit ?1",
                           count, visit_rank, &writer);
    if (!err) err = flush(&writer);
    return err;
}

static enum err failed_write(const char *path)
{
    const int reason = errno;
    return err_note(reason == ENOSPC ? ERR_FULL : ERR_IO, "export: %s: %s", path, strerror(reason));
}

/* Where the bytes go: the file itself, or a draft that becomes the file when it is whole. */
struct file_sink {
    const char *path; /* what the user called it */
    FILE *file;
    char target[PATH_SIZE], draft[PATH_SIZE + 32]; /* "": no draft */
};

static enum err write_file(void *context, const char *bytes, size_t size)
{
    const struct file_sink *sink = context;
    return fwrite(bytes, 1, size, sink->file) == size ? OK : failed_write(sink->path);
}

/* A link stays one: its target is replaced. An old file's mode is kept. */
static enum err open_sink(const char *path, struct file_sink *sink)
{
    struct stat status;
    char *target = NULL;
    *sink = (struct file_sink){.path = path, .file = stdout};
    if (strcmp(path, "-") == 0) return OK;

    const bool there = stat(path, &status) == 0;
    if (there && S_ISREG(status.st_mode)) {
        target = realpath(path, NULL);
        if (!target || access(target, W_OK) != 0) sink->file = NULL;
    }
    if (sink->file && (!there || target)) {
        const int used = snprintf(sink->target, sizeof sink->target, "%s", target ? target : path);
        snprintf(sink->draft, sizeof sink->draft, "%s.%ld.part", sink->target, (long)getpid());
        if (used >= PATH_SIZE) errno = ENAMETOOLONG;
        if (used >= PATH_SIZE) sink->file = NULL;
    }
    if (sink->file) sink->file = fopen(*sink->draft ? sink->draft : path, "wbe");
    if (sink->file && target) (void)!fchmod(fileno(sink->file), status.st_mode & 0777);
    free(target);
    return sink->file ? OK : failed_write(path);
}

/* Ends the export with `err` as it stands so far; a draft takes its place, or goes. */
static enum err close_sink(struct file_sink *sink, enum err err)
{
    const bool standard = sink->file == stdout, draft = *sink->draft;
    if (!err && fflush(sink->file) != 0) err = failed_write(sink->path);
    if (!err && draft && fsync(fileno(sink->file)) != 0) err = failed_write(sink->path);
    if (!standard && fclose(sink->file) != 0 && !err) err = failed_write(sink->path);
    if (!err && draft && rename(sink->draft, sink->target) != 0) err = failed_write(sink->path);
    if (err && draft) remove(sink->draft);
    return err;
}

enum err export_ranks_file(struct ledger *ledger, enum export_format format, const char *path)
{
    struct file_sink sink;
    const enum err err = open_sink(path, &sink);
    return err ? err : close_sink(&sink, export_ranks(ledger, format, write_file, &sink));
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
    const size_t size = strlen(path);
    *out = EXPORT_TSV;
    if (strcmp(path, "-") == 0) return OK;
    for (size_t i = 0; i < EXPORT_FORMATS; i++) {
        *out = (enum export_format)i;
        if (size > 4 && strcasecmp(path + size - 4, formats[i].ending) == 0) return OK;
    }
    return err_note(ERR_USAGE, "export: %s: the name must end in .tsv, .csv or .npy, or be -",
                    path);
}
