/* test - cmocka with its headers, and the two macros that tests here are written with. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Compares error names, so that a failure reads as words, and shows the note. */
#define expect(want, got)                                                \
    do {                                                                 \
        const enum err expect_got = (got);                               \
        if (expect_got != (want)) print_error("note: %s\n", err_text()); \
        assert_string_equal(err_name(want), err_name(expect_got));       \
    } while (0)

/* A test with the file's own setup and teardown, or without. */
#define test_case(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define test_plain(name) cmocka_unit_test(name)

#endif
