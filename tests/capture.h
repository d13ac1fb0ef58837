/*
 * capture - what a test's code prints on one of its own standard streams, as text.
 *
 *     capture_begin(stderr) --> ... --> capture_end(text, sizeof text)
 */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include "tests/test.h"

#include <stdio.h>
#include <unistd.h>

static struct {
    FILE *stream, *file;
    int before;
} capture;

static void capture_begin(FILE *stream)
{
    capture.stream = stream;
    capture.file = tmpfile();
    fflush(stream);
    capture.before = dup(fileno(stream));
    assert_true(capture.file && capture.before >= 0);
    assert_true(dup2(fileno(capture.file), fileno(stream)) >= 0);
}

static void capture_end(char *text, size_t size)
{
    fflush(capture.stream);
    assert_true(dup2(capture.before, fileno(capture.stream)) >= 0);
    close(capture.before);
    rewind(capture.file);
    text[fread(text, 1, size - 1, capture.file)] = 0;
    fclose(capture.file);
}

#endif
