/*
 * reporting - helpers for tests of reports: what is written, as text and as a tree, and what is
 * found in it.
 */
#ifndef TESTS_REPORTING_H
#define TESTS_REPORTING_H

#include "coordinator/report.h"
#include "tests/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t hits[] = {1, 10};

__attribute__((unused)) static void set(struct ledger *ledger, const char *key, const char *value)
{
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_set(ledger, key, value));
    expect(OK, ledger_commit(ledger));
}

/* The report as text: free it. */
static char *report(struct ledger *ledger, enum report_format format, uint64_t by)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    const struct report_config config = {format, by, hits, sizeof hits / sizeof *hits, out};
    expect(OK, report_write(ledger, &config));
    fclose(out);
    return text;
}

__attribute__((unused)) static json_t *report_tree(struct ledger *ledger, uint64_t by)
{
    char *text = report(ledger, REPORT_JSON, by);
    json_error_t error;
    json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!tree) fail_msg("line %d: %s in\n%s", error.line, error.text, text);
    free(text);
    return tree;
}

/* The value at a path of keys separated by slashes. */
static json_t *at(json_t *tree, const char *path)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    char *rest = copy;
    for (char *key = strtok_r(rest, "/", &rest); key; key = strtok_r(NULL, "/", &rest)) {
        tree = json_object_get(tree, key);
        if (!tree) fail_msg("there is no %s of %s", key, path);
    }
    return tree;
}

__attribute__((unused)) static void assert_number(json_t *tree, const char *path, double want)
{
    const double got = json_number_value(at(tree, path));
    if (got != want) fail_msg("%s: want %.17g, got %.17g", path, want, got);
}

__attribute__((unused)) static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

__attribute__((unused)) static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

__attribute__((unused)) static void assert_starts(const char *text, const char *part)
{
    if (strncmp(text, part, strlen(part)) != 0)
        fail_msg("\"%s\" is not at the start of:\n%s", part, text);
}

#endif
