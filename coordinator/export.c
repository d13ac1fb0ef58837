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

enum { BUFFER_BYTES = 1 << 16, PATH_SIZE = 4096, COLUMNS_MAX = 12, NUMBER_SIZE = 32 };

const char *const export_what_name[EXPORT_WHATS] = {"ranks", "outcomes"};

/* How a column is written; the width is that of the .npy form. */
enum column_type { LABEL, WORD, NUMBER, REAL };

struct column {
    const char *name;
    enum column_type type;
    size_t width; /* of a WORD */
};

/* clang-format off */
static const struct column rank_columns[] = {
    {"query", NUMBER, 0}, {"side", WORD, 4}, {"head", LABEL, 0}, {"relation", LABEL, 0},
    {"tail", LABEL, 0}, {"above", NUMBER, 0}, {"level", NUMBER, 0}, {"candidates", NUMBER, 0},
    {"filtered", NUMBER, 0}, {"nonfinite", NUMBER, 0},
};
static const struct column outcome_columns[] = {
    {"query", NUMBER, 0}, {"side", WORD, 4}, {"candidate", NUMBER, 0}, {"head", LABEL, 0},
    {"relation", LABEL, 0}, {"tail", LABEL, 0}, {"proved", NUMBER, 0}, {"depth", NUMBER, 0},
    {"end", WORD, 1}, {"logprob", REAL, 0}, {"digest", WORD, 16},
};
/* clang-format on */

/* The columns are selected by their names. */
static const struct kind {
    const struct column *column; /* [columns] */
    size_t columns;
    const char *count, *from; /* SQL */
} kinds[EXPORT_WHATS] = {
    [EXPORT_RANKS] = {rank_columns, sizeof rank_columns / sizeof *rank_columns,
                      "select count(*) from rank", "from rank order by query, side limit ?1"},
    [EXPORT_OUTCOMES] = {outcome_columns, sizeof outcome_columns / sizeof *outcome_columns,
                         "select count(*) from outcome",
                         "from outcome order by query, side, candidate limit ?1"},
};

/* An export under way: bytes gather in `buffer` on their way to the sink. */
struct writer {
    const struct kind *kind;
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

static enum err put_value(struct writer *writer, const char *value)
{
    if (writer->format == EXPORT_CSV && value[strcspn(value, ",\"\r\n")])
        return put_quoted(writer, value);
    return put(writer, value, strlen(value));
}

static enum err put_line(struct writer *writer, const char *const *values)
{
    const char *separator = writer->format == EXPORT_CSV ? "," : "\t";
    enum err err = OK;
    for (size_t i = 0; i < writer->kind->columns && !err; i++) {
        if (i > 0) err = put(writer, separator, 1);
        if (!err) err = put_value(writer, values[i]);
    }
    if (!err) err = put(writer, "\n", 1);
    return err;
}

/* ---- text -------------------------------------------------------------------------------- */

static enum err put_names(struct writer *writer, uint64_t count)
{
    const char *names[COLUMNS_MAX];
    (void)count;
    for (size_t i = 0; i < writer->kind->columns; i++) names[i] = writer->kind->column[i].name;
    return put_line(writer, names);
}

/* A number of 32 bits, from text that tells it from all others. SQLite keeps no sign of a zero. */
static float read_real(const char *text)
{
    return (float)strtod(text, NULL);
}

static enum err put_row(struct writer *writer, const char *const *values)
{
    const char *texts[COLUMNS_MAX];
    char number[NUMBER_SIZE]; /* no kind has two REAL columns */
    for (size_t i = 0; i < writer->kind->columns; i++) {
        texts[i] = values[i];
        if (writer->kind->column[i].type != REAL) continue;
        snprintf(number, sizeof number, "%.9g", (double)read_real(values[i]));
        texts[i] = number;
    }
    return put_line(writer, texts);
}

/* ---- .npy -------------------------------------------------------------------------------- */

static void name_type(const struct column *column, char text[NUMBER_SIZE])
{
    if (column->type == WORD)
        snprintf(text, NUMBER_SIZE, "|S%zu", column->width);
    else
        snprintf(text, NUMBER_SIZE, "%s", column->type == REAL ? "<f4" : "<i8");
}

/* NumPy's format 1.0: magic, version, length, and a Python literal padded so that rows begin at
 * a multiple of 64 bytes. */
static enum err put_npy_header(struct writer *writer, uint64_t count)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    char text[512], type[NUMBER_SIZE];
    int used = snprintf(text, sizeof text, "{'descr': [");
    for (size_t i = 0; i < writer->kind->columns; i++) {
        const struct column *column = &writer->kind->column[i];
        if (column->type == LABEL) continue;
        name_type(column, type);
        used +=
            snprintf(text + used, sizeof text - (size_t)used, "('%s', '%s'), ", column->name, type);
    }
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

static enum err put_bytes(struct writer *writer, uint64_t number, size_t size)
{
    char bytes[8];
    for (size_t byte = 0; byte < size; byte++) bytes[byte] = (char)(number >> 8 * byte & 0xff);
    return put(writer, bytes, size);
}

static enum err put_npy_value(struct writer *writer, const struct column *column, const char *value)
{
    if (column->type == NUMBER) return put_bytes(writer, strtoull(value, NULL, 10), 8);
    if (column->type == REAL) {
        const float real = read_real(value);
        uint32_t bits;
        memcpy(&bits, &real, sizeof bits);
        return put_bytes(writer, bits, sizeof bits);
    }
    char word[NUMBER_SIZE] = "";
    memcpy(word, value, strnlen(value, column->width));
    return put(writer, word, column->width);
}

static enum err put_npy_row(struct writer *writer, const char *const *values)
{
    enum err err = OK;
    for (size_t i = 0; i < writer->kind->columns && !err; i++)
        if (writer->kind->column[i].type != LABEL)
            err = put_npy_value(writer, &writer->kind->column[i], values[i]);
    return err;
}

/* ---- exporting --------------------------------------------------------------------------- */

/* One format: what comes first, given how many rows follow, and what each row becomes. */
static const struct format {
    const char *ending;
    enum err (*header)(struct writer *writer, uint64_t count);
    enum err (*row)(struct writer *writer, const char *const *values);
} formats[EXPORT_FORMATS] = {
    [EXPORT_TSV] = {".tsv", put_names, put_row},
    [EXPORT_CSV] = {".csv", put_names, put_row},
    [EXPORT_NPY] = {".npy", put_npy_header, put_npy_row},
};

static enum err visit_count(void *context, size_t columns, const char *const *names,
                            const char *const *values)
{
    (void)columns, (void)names;
    *(uint64_t *)context = strtoull(values[0], NULL, 10);
    return OK;
}

static enum err visit_row(void *context, size_t columns, const char *const *names,
                          const char *const *values)
{
    struct writer *writer = context;
    (void)names;
    for (size_t i = 0; i < columns; i++)
        if (!values[i])
            return err_note(ERR_FORMAT,
                            "export: a row lacks its %s; check the database with "
                            "`pragma integrity_check`",
                            writer->kind->column[i].name);
    return formats[writer->format].row(writer, values);
}

static enum err put_rows(struct ledger *ledger, struct writer *writer, uint64_t count)
{
    char sql[512] = "select ";
    for (size_t i = 0; i < writer->kind->columns; i++) {
        const size_t used = strlen(sql);
        snprintf(sql + used, sizeof sql - used, "%s%s ", i ? ", " : "",
                 writer->kind->column[i].name);
    }
    const size_t used = strlen(sql);
    check((size_t)snprintf(sql + used, sizeof sql - used, "%s", writer->kind->from) <
          sizeof sql - used);
    return ledger_query(ledger, sql, count, visit_row, writer);
}

enum err export_rows(struct ledger *ledger, enum export_what what, enum export_format format,
                     export_sink *sink, void *context)
{
    check(what < EXPORT_WHATS && format < EXPORT_FORMATS);
    struct writer writer = {
        .kind = &kinds[what], .format = format, .sink = sink, .context = context};
    uint64_t count = 0;
    enum err err = ledger_query(ledger, writer.kind->count, 0, visit_count, &count);
    if (!err) err = formats[format].header(&writer, count);
    /* Rows only ever grow in number; a run at work may have more of them by now. */
    if (!err && count > 0) err = put_rows(ledger, &writer, count);
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

enum err export_file(struct ledger *ledger, enum export_what what, enum export_format format,
                     const char *path)
{
    struct file_sink sink;
    const enum err err = open_sink(path, &sink);
    return err ? err : close_sink(&sink, export_rows(ledger, what, format, write_file, &sink));
}

static enum err write_digest(void *context, const char *bytes, size_t size)
{
    digest_add(context, bytes, size);
    return OK;
}

enum err export_digest(struct ledger *ledger, enum export_what what, struct digest *out)
{
    struct digest_state *state = NULL;
    enum err err = digest_open(&state);
    if (!err) err = export_rows(ledger, what, EXPORT_TSV, write_digest, state);
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
