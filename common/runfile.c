/* runfile - see runfile.h. */
#include "common/runfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

enum { VALUE_MAX = 4096, ORIGIN_MAX = 4096 + 32 };

/* The reading of one file. `event` is the current one; it is empty when there is none. */
struct reader {
    const char *path;
    char folder[VALUE_MAX];
    yaml_parser_t parser;
    yaml_event_t event;
    struct settings *settings;
    size_t line_of[SETTING_TOTAL]; /* where a key was given, from 1; 0: not yet */
};

/* Moves on to the next event. */
static enum err next(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event)) return OK;
    memset(&reader->event, 0, sizeof reader->event);
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    return err_note(parser->error == YAML_MEMORY_ERROR ? ERR_MEMORY : ERR_USAGE,
                    "run file: %s:%zu: %s; write lines of `key: value`", reader->path,
                    parser->problem_mark.line + 1, problem);
}

static size_t line_of(const struct reader *reader)
{
    return reader->event.start_mark.line + 1;
}

static enum err expected(const struct reader *reader, const char *what)
{
    static const char *const found[] = {
        [YAML_NO_EVENT] = "nothing",           [YAML_STREAM_START_EVENT] = "a start",
        [YAML_STREAM_END_EVENT] = "the end",   [YAML_DOCUMENT_START_EVENT] = "a second document",
        [YAML_DOCUMENT_END_EVENT] = "the end", [YAML_ALIAS_EVENT] = "an alias",
        [YAML_SCALAR_EVENT] = "a value",       [YAML_SEQUENCE_START_EVENT] = "a list",
        [YAML_SEQUENCE_END_EVENT] = "the end", [YAML_MAPPING_START_EVENT] = "nested keys",
        [YAML_MAPPING_END_EVENT] = "the end",
    };
    return err_note(ERR_USAGE, "run file: %s:%zu: found %s, expected %s", reader->path,
                    line_of(reader), found[reader->event.type], what);
}

/* Copies the scalar of the current event; refuses whatever is more than plain text. */
static enum err copy_scalar(const struct reader *reader, char out[VALUE_MAX])
{
    if (reader->event.type != YAML_SCALAR_EVENT)
        return expected(reader, "a value without keys or lists in it");
    const char *text = (const char *)reader->event.data.scalar.value;
    const size_t size = reader->event.data.scalar.length;
    if (reader->event.data.scalar.anchor || reader->event.data.scalar.tag)
        return err_note(ERR_USAGE, "run file: %s:%zu: found an anchor or a tag; leave it out",
                        reader->path, line_of(reader));
    if (size >= VALUE_MAX || strlen(text) != size)
        return err_note(ERR_USAGE, "run file: %s:%zu: the value is too long or holds a 0 byte",
                        reader->path, line_of(reader));
    memcpy(out, text, size + 1);
    return OK;
}

static bool takes_list(enum setting setting)
{
    const enum setting_type type = setting_rows[setting].type;
    return type == SETTING_CHOICES || type == SETTING_COUNTS;
}

/* Puts an item behind those in `list`, after a comma; false if it does not fit. */
static bool append(char list[VALUE_MAX], const char *item)
{
    const size_t used = strlen(list), comma = used > 0, size = strlen(item);
    if (used + comma + size >= VALUE_MAX) return false;
    if (comma) list[used] = ',';
    memcpy(list + used + comma, item, size + 1);
    return true;
}

/* A list of scalars, joined by commas. The current event is its start. */
static enum err read_list(struct reader *reader, enum setting setting, char out[VALUE_MAX])
{
    if (!takes_list(setting))
        return err_note(ERR_USAGE, "%s: %s:%zu: found a list, allowed: one value",
                        setting_rows[setting].name, reader->path, line_of(reader));
    if (reader->event.data.sequence_start.anchor || reader->event.data.sequence_start.tag)
        return err_note(ERR_USAGE, "run file: %s:%zu: found an anchor or a tag; leave it out",
                        reader->path, line_of(reader));
    enum err err = next(reader);
    while (!err && reader->event.type != YAML_SEQUENCE_END_EVENT) {
        char item[VALUE_MAX];
        err = copy_scalar(reader, item);
        if (!err && !append(out, item))
            err = err_note(ERR_USAGE, "%s: %s:%zu: the list is too long",
                           setting_rows[setting].name, reader->path, line_of(reader));
        if (!err) err = next(reader);
    }
    return err;
}

/* One `key: value`. The current event is the key; the next one after it becomes current. */
static enum err read_pair(struct reader *reader)
{
    char key[VALUE_MAX], value[VALUE_MAX] = "", origin[ORIGIN_MAX];
    const size_t line = line_of(reader);
    enum setting setting = SETTING_TOTAL;
    snprintf(origin, sizeof origin, "%s:%zu", reader->path, line);

    enum err err = copy_scalar(reader, key);
    if (!err) err = settings_find(key, origin, &setting);
    if (!err && reader->line_of[setting])
        err = err_note(ERR_USAGE, "%s: %s: given before, in line %zu; leave one out",
                       setting_rows[setting].name, origin, reader->line_of[setting]);
    if (!err) reader->line_of[setting] = line;

    if (!err) err = next(reader);
    if (!err && reader->event.type == YAML_SEQUENCE_START_EVENT)
        err = read_list(reader, setting, value);
    else if (!err)
        err = copy_scalar(reader, value);
    if (!err) err = settings_set(reader->settings, setting, value, reader->folder, origin);
    if (!err) err = next(reader);
    return err;
}

static enum err read_document(struct reader *reader)
{
    enum err err = next(reader);
    if (!err && reader->event.type == YAML_DOCUMENT_END_EVENT) return OK;
    if (!err && reader->event.type != YAML_MAPPING_START_EVENT)
        return expected(reader, "lines of `key: value`");
    if (!err && (reader->event.data.mapping_start.anchor || reader->event.data.mapping_start.tag))
        return err_note(ERR_USAGE, "run file: %s:%zu: found an anchor or a tag; leave it out",
                        reader->path, line_of(reader));
    if (!err) err = next(reader);
    while (!err && reader->event.type != YAML_MAPPING_END_EVENT) err = read_pair(reader);
    if (!err) err = next(reader); /* the end of the document */
    return err;
}

static enum err read_stream(struct reader *reader)
{
    enum err err = next(reader); /* the start of the stream */
    if (!err) err = next(reader);
    if (!err && reader->event.type == YAML_STREAM_END_EVENT) return OK; /* an empty file */
    if (!err) err = read_document(reader);
    if (!err) err = next(reader);
    if (!err && reader->event.type != YAML_STREAM_END_EVENT)
        err = expected(reader, "the end; a run file is one document");
    return err;
}

/* The folder that relative paths in the file are relative to. */
static void find_folder(struct reader *reader)
{
    const char *slash = strrchr(reader->path, '/');
    if (!slash)
        snprintf(reader->folder, sizeof reader->folder, ".");
    else
        snprintf(reader->folder, sizeof reader->folder, "%.*s", (int)(slash - reader->path + 1),
                 reader->path);
}

enum err runfile_read(const char *path, struct settings *settings)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return err_note(ERR_IO, "run file: %s: is a directory, pipe or device; name a file", path);
    FILE *file = fopen(path, "rb");
    if (!file || fgetc(file) == EOF) {
        const bool empty = file && !ferror(file);
        const int reason = errno;
        if (file) fclose(file);
        return empty ? OK : err_note(ERR_IO, "run file: %s: %s", path, strerror(reason));
    }
    rewind(file);

    struct reader *reader = calloc(1, sizeof *reader);
    enum err err = reader ? OK : err_note(ERR_MEMORY, "run file: %s: no memory", path);
    if (!err && !yaml_parser_initialize(&reader->parser))
        err = err_note(ERR_MEMORY, "run file: %s: no memory", path);
    if (!err) {
        reader->path = path;
        reader->settings = settings;
        find_folder(reader);
        yaml_parser_set_input_file(&reader->parser, file);
        err = read_stream(reader);
    }
    if (reader) {
        yaml_event_delete(&reader->event);
        yaml_parser_delete(&reader->parser);
    }
    free(reader);
    fclose(file);
    return err;
}
