/* Tests of processors: a share is at least one thread, and what is asked for is given. */
#include "common/processors.h"
#include "tests/test.h"

static void share_is_never_nothing(void **state)
{
    (void)state;
    assert_true(processors_count() >= 1);
    assert_int_equal(processors_share(0, 1), processors_count());
    assert_int_equal(processors_share(0, 1000000), 1);
    assert_int_equal(processors_share(0, 0), processors_count());
}

static void threads_asked_for_are_given(void **state)
{
    (void)state;
    assert_int_equal(processors_share(7, 3), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(share_is_never_nothing),
        test_plain(threads_asked_for_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
