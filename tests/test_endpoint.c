/* Tests of endpoint: addresses that are taken or refused, and folders that come and go. */
#include "coordinator/endpoint.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64]; /* of the test, and $TMPDIR while it runs */

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_endpoint-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    unsetenv("XDG_RUNTIME_DIR");
    return setenv("TMPDIR", folder, 1);
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(folder); /* fails, and so the test, if anything was left */
}

static char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static char *address_in_folder(const char *name)
{
    static char address[300];
    snprintf(address, sizeof address, "ipc://%s", in_folder(name));
    return address;
}

static bool there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* A socket at `path`; with `listening`, one that answers. Gives its descriptor. */
static int make_socket(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    const int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(handle, (struct sockaddr *)&address, sizeof address), 0);
    if (listening) assert_int_equal(listen(handle, 1), 0);
    return handle;
}

static void a_folder_of_our_own_is_private_and_goes_away(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    struct stat status;
    char own[256];
    expect(OK, endpoint_open(NULL, &endpoint));
    snprintf(own, sizeof own, "%s", endpoint_folder(endpoint));
    assert_int_equal(stat(own, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_memory_equal(own, folder, strlen(folder));
    assert_memory_equal(endpoint_address(endpoint), "ipc:///", 7);
    close(make_socket(endpoint_address(endpoint) + strlen("ipc://"), false));
    endpoint_close(&endpoint);
    assert_false(there(own));
}

static void a_folder_too_long_for_a_socket_is_passed_over(void **state)
{
    (void)state;
    char long_name[100], long_path[256];
    struct endpoint *endpoint;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    snprintf(long_path, sizeof long_path, "%s", in_folder(long_name));
    assert_int_equal(mkdir(long_path, 0700), 0);
    setenv("TMPDIR", long_path, 1);
    expect(OK, endpoint_open(NULL, &endpoint));
    assert_memory_equal(endpoint_folder(endpoint), "/tmp/millrace-", 14);
    endpoint_close(&endpoint);
    assert_int_equal(rmdir(long_path), 0);
}

static void an_address_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    char long_path[200];
    struct endpoint *endpoint;
    memset(long_path, 'x', sizeof long_path - 1);
    memcpy(long_path, "ipc:///", 7);
    long_path[sizeof long_path - 1] = 0;
    const char *const bad[] = {"tcp://127.0.0.1:5555", "udp://x", "",       "ipc://", "ipc://*",
                               "ipc://@abstract",      "/path",   long_path};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(ERR_USAGE, endpoint_open(bad[i], &endpoint));
        assert_null(endpoint);
    }
}

static void tcp_is_refused_for_want_of_keys(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    expect(ERR_USAGE, endpoint_open("tcp://127.0.0.1:*", &endpoint));
    assert_non_null(strstr(err_text(), "needs CURVE keys"));
}

static void a_file_in_the_way_is_not_removed(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    write_file(in_folder("precious"));
    expect(ERR_USAGE, endpoint_open(address_in_folder("precious"), &endpoint));
    assert_true(there(in_folder("precious")));
    unlink(in_folder("precious"));
}

static void a_socket_that_answers_is_busy(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    const int listener = make_socket(in_folder("socket"), true);
    expect(ERR_BUSY, endpoint_open(address_in_folder("socket"), &endpoint));
    close(listener);
    expect(OK, endpoint_open(address_in_folder("socket"), &endpoint)); /* left by a dead one */
    assert_string_equal(endpoint_folder(endpoint), "");
    endpoint_close(&endpoint);
    assert_false(there(in_folder("socket")));
}

static void the_address_is_told_in_a_file_until_the_end(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    char line[300] = "";
    expect(OK, endpoint_open(address_in_folder("socket"), &endpoint));
    expect(OK, endpoint_tell(endpoint, in_folder("db.endpoint")));
    FILE *file = fopen(in_folder("db.endpoint"), "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    assert_string_equal(line, endpoint_address(endpoint));
    endpoint_close(&endpoint);
    assert_false(there(in_folder("db.endpoint")));
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct endpoint *endpoint;
    expect(OK, endpoint_open(address_in_folder("socket"), &endpoint));
    expect(ERR_IO, endpoint_tell(endpoint, in_folder("nowhere/db.endpoint")));
    endpoint_close(&endpoint);
}

static void the_folder_of_a_killed_coordinator_is_swept(void **state)
{
    (void)state;
    char own[256];
    snprintf(own, sizeof own, "%s", in_folder("millrace-aB3xY9"));
    assert_int_equal(mkdir(own, 0700), 0);
    close(make_socket(in_folder("millrace-aB3xY9/workers"), false));
    endpoint_sweep(own);
    assert_false(there(own));
}

static void only_folders_like_ours_are_swept(void **state)
{
    (void)state;
    const char *const others[] = {"millrace-abc", "millrace-abcdefg", "other-abcdef",
                                  "millrace-ab.def"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(mkdir(in_folder(others[i]), 0700), 0);
        endpoint_sweep(in_folder(others[i]));
        assert_int_equal(rmdir(in_folder(others[i])), 0);
    }
    assert_int_equal(mkdir(in_folder("millrace-open00"), 0755), 0); /* we make them 0700 */
    endpoint_sweep(in_folder("millrace-open00"));
    assert_int_equal(rmdir(in_folder("millrace-open00")), 0);
    endpoint_sweep("");
    endpoint_sweep("millrace-abcdef");
}

static void what_others_put_into_our_folder_stays(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("millrace-aB3xY9"), 0700), 0);
    write_file(in_folder("millrace-aB3xY9/precious"));
    endpoint_sweep(in_folder("millrace-aB3xY9"));
    assert_int_equal(unlink(in_folder("millrace-aB3xY9/precious")), 0);
    assert_int_equal(rmdir(in_folder("millrace-aB3xY9")), 0);
}

static void a_link_to_a_folder_is_not_followed(void **state)
{
    (void)state;
    char target[256];
    assert_int_equal(mkdir(in_folder("target"), 0700), 0);
    snprintf(target, sizeof target, "%s", in_folder("target"));
    write_file(in_folder("target/workers"));
    assert_int_equal(symlink(target, in_folder("millrace-aB3xY9")), 0);
    endpoint_sweep(in_folder("millrace-aB3xY9"));
    assert_int_equal(unlink(in_folder("millrace-aB3xY9")), 0);
    assert_int_equal(unlink(in_folder("target/workers")), 0);
    assert_int_equal(rmdir(in_folder("target")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(a_folder_of_our_own_is_private_and_goes_away),
        test_case(a_folder_too_long_for_a_socket_is_passed_over),
        test_case(an_address_that_cannot_be_used_is_refused),
        test_case(tcp_is_refused_for_want_of_keys),
        test_case(a_file_in_the_way_is_not_removed),
        test_case(a_socket_that_answers_is_busy),
        test_case(the_address_is_told_in_a_file_until_the_end),
        test_case(a_file_that_cannot_be_written_is_an_error),
        test_case(the_folder_of_a_killed_coordinator_is_swept),
        test_case(only_folders_like_ours_are_swept),
        test_case(what_others_put_into_our_folder_stays),
        test_case(a_link_to_a_folder_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
