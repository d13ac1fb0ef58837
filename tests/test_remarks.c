/* Tests of remarks: all are counted, those of the first lines kept. */
#include "common/remarks.h"
#include "tests/test.h"

#include <string.h>

static void those_of_the_first_lines_are_kept_in_order(void **state)
{
    (void)state;
    static const uint64_t lines[] = {9, 4, 7, 4, 8, 6, 1, 30, 5};
    static const char *const words[] = {"d", "b", "x", "c", "x", "f", "a", "x", "e"};
    struct remarks remarks = {0};
    for (size_t i = 0; i < 9; i++) {
        remarks_add(&remarks, lines[i], words[i]);
        assert_int_equal(i + 1, remarks.count);
        assert_int_equal(i < REMARKS_KEPT ? i + 1 : REMARKS_KEPT, remarks_kept(&remarks));
    }
    static const uint64_t kept[] = {1, 4, 4, 5, 6};
    static const char *const kept_words[] = {"a", "b", "c", "e", "f"};
    for (size_t i = 0; i < REMARKS_KEPT; i++) {
        assert_int_equal(kept[i], remarks.first[i].line);
        assert_string_equal(kept_words[i], remarks.first[i].word);
    }
}

static void long_word_is_cut_off(void **state)
{
    (void)state;
    char word[2 * REMARK_WORD_SIZE];
    struct remarks remarks = {0};
    memset(word, 'w', sizeof word);
    word[sizeof word - 1] = 0;
    remarks_add(&remarks, 1, word);
    assert_int_equal(REMARK_WORD_SIZE - 1, strlen(remarks.first[0].word));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(those_of_the_first_lines_are_kept_in_order),
        test_plain(long_word_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
