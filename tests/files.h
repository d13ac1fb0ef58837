/*
 * files - a temporary folder for a test and the files that it writes there.
 *
 * folder_open and folder_close are a test's setup and teardown; folder_close removes the folder
 * with all its files.
 */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include "tests/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder_path[64];

__attribute__((unused)) static int folder_open(void **state)
{
    (void)state;
    (void)snprintf(folder_path, sizeof folder_path, "/tmp/millrace-test-XXXXXX");
    return mkdtemp(folder_path) == NULL;
}

/* The path of the folder's file of that name; four of them are kept at a time. */
__attribute__((unused)) static const char *file_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder_path, name);
    return path;
}

__attribute__((unused)) static int folder_close(void **state)
{
    (void)state;
    DIR *folder = opendir(folder_path);
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder))
        if (entry->d_name[0] != '.') unlink(file_path(entry->d_name));
    if (folder) closedir(folder);
    return rmdir(folder_path);
}

__attribute__((unused)) static const char *file_write(const char *name, const void *bytes,
                                                      size_t size)
{
    const char *path = file_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(size, fwrite(bytes, 1, size, file));
    assert_int_equal(0, fclose(file));
    return path;
}

__attribute__((unused)) static const char *file_text(const char *name, const char *text)
{
    return file_write(name, text, strlen(text));
}

/* The note of the last error says this. */
__attribute__((unused)) static void expect_note(const char *part)
{
    if (!strstr(err_text(), part)) print_error("note: %s\nlacks: %s\n", err_text(), part);
    assert_non_null(strstr(err_text(), part));
}

#endif
