/* Tests of exports: order, bytes, quoting, and that the digest is of exactly these bytes. */
#include "coordinator/export.h"
#include "tests/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int teardown(void **state)
{
    ledger_close((struct ledger **)state);
    return 0;
}

static enum err put(struct ledger *ledger, uint64_t query, const char *side, const char *head)
{
    const struct ledger_rank rank = {
        .query = query,
        .side = side,
        .head = head,
        .relation = "r",
        .tail = "t",
        .count = {.above = 1, .level = 2, .candidates = 3, .filtered = 4, .nonfinite = 5},
    };
    return ledger_put_rank(ledger, &rank);
}

/* Three queries, stored in another order than they are written. */
static int setup(void **state)
{
    struct ledger *ledger = NULL;
    enum err err = ledger_open(":memory:", &ledger);
    if (!err) err = ledger_begin(ledger);
    if (!err) err = put(ledger, 10, "head", "a, \"b\"");
    if (!err) err = put(ledger, 2, "tail", "c");
    if (!err) err = put(ledger, 2, "head", "c");
    if (!err) err = ledger_commit(ledger);
    *state = ledger;
    return err != OK;
}

static const char tsv[] =
    "query\tside\thead\trelation\ttail\tabove\tlevel\tcandidates\tfiltered\tnonfinite\n"
    "2\thead\tc\tr\tt\t1\t2\t3\t4\t5\n"
    "2\ttail\tc\tr\tt\t1\t2\t3\t4\t5\n"
    "10\thead\ta, \"b\"\tr\tt\t1\t2\t3\t4\t5\n";

struct bytes {
    char text[1024];
    size_t size;
    size_t most; /* the sink fails beyond */
};

static enum err gather(void *context, const char *bytes, size_t size)
{
    struct bytes *gathered = context;
    if (gathered->size + size > gathered->most) return err_note(ERR_FULL, "full");
    memcpy(gathered->text + gathered->size, bytes, size);
    gathered->size += size;
    return OK;
}

static void rows_go_by_query_and_head_before_tail(void **state)
{
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    expect(OK, export_ranks(*state, EXPORT_TSV, gather, &bytes));
    assert_string_equal(bytes.text, tsv);
}

static void commas_and_quotes_are_quoted_in_csv(void **state)
{
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    expect(OK, export_ranks(*state, EXPORT_CSV, gather, &bytes));
    assert_non_null(strstr(bytes.text, "query,side,head,relation,tail,"));
    assert_non_null(strstr(bytes.text, "10,head,\"a, \"\"b\"\"\",r,t,1,2,3,4,5\n"));
}

static void digest_is_of_the_bytes_of_the_tsv(void **state)
{
    struct digest wanted, found;
    digest_bytes(tsv, strlen(tsv), &wanted);
    expect(OK, export_ranks_digest(*state, &found));
    assert_true(digest_equal(&wanted, &found));
}

static void read_whole(const char *path, char text[1024])
{
    memset(text, 0, 1024);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, 1023, file) > 0);
    assert_int_equal(fclose(file), 0);
}

static void file_holds_the_same_bytes(void **state)
{
    char path[] = "/tmp/test_export.XXXXXX", text[1024];
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && close(descriptor) == 0);
    expect(OK, export_ranks_file(*state, EXPORT_TSV, path));
    read_whole(path, text);
    assert_string_equal(text, tsv);
    remove(path);
}

static void more_rows_than_the_buffer_holds_are_all_written(void **state)
{
    enum { QUERIES = 5000 };
    char label[64];
    struct digest_state *sum = NULL;
    struct digest wanted, found;
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = 0;
    expect(OK, digest_open(&sum));
    digest_add(sum, tsv, strlen(tsv));
    expect(OK, ledger_begin(*state));
    for (uint64_t query = 100; query < 100 + QUERIES; query++) {
        char line[256];
        expect(OK, put(*state, query, "tail", label));
        snprintf(line, sizeof line, "%d\ttail\t%s\tr\tt\t1\t2\t3\t4\t5\n", (int)query, label);
        digest_add(sum, line, strlen(line));
    }
    expect(OK, ledger_commit(*state));
    digest_close(&sum, &wanted);
    expect(OK, export_ranks_digest(*state, &found));
    assert_true(digest_equal(&wanted, &found));
}

static void sink_that_fails_ends_the_export(void **state)
{
    struct bytes bytes = {.most = 20};
    expect(ERR_FULL, export_ranks(*state, EXPORT_TSV, gather, &bytes));
    assert_string_equal(err_text(), "full");
}

static void file_that_cannot_be_written_is_named(void **state)
{
    expect(ERR_FULL, export_ranks_file(*state, EXPORT_TSV, "/dev/full"));
    assert_string_equal(err_text(), "export: /dev/full: No space left on device");
    expect(ERR_IO, export_ranks_file(*state, EXPORT_TSV, "/nowhere/ranks.tsv"));
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (const struct dirent *at; (at = readdir(open));) count += at->d_name[0] != '.';
    assert_int_equal(closedir(open), 0);
    return count;
}

/* A limit on the size of files stands for a disk that is full. */
static void file_stays_as_it_was_when_the_export_fails(void **state)
{
    char folder[] = "/tmp/test_export.XXXXXX", path[64], text[1024];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ranks.tsv", folder);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs("old", file) > 0 && fclose(file) == 0);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    small = (struct rlimit){8, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect(ERR_IO, export_ranks_file(*state, EXPORT_TSV, path));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    read_whole(path, text);
    assert_string_equal(text, "old");
    assert_int_equal(files_in(folder), 1);

    expect(OK, export_ranks_file(*state, EXPORT_TSV, path));
    read_whole(path, text);
    assert_string_equal(text, tsv);
    assert_int_equal(files_in(folder), 1);
    remove(path);
    remove(folder);
}

static void link_stays_a_link_to_the_file(void **state)
{
    char folder[] = "/tmp/test_export.XXXXXX", path[64], link[64], text[1024];
    struct stat status;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ranks.tsv", folder);
    snprintf(link, sizeof link, "%s/newest.tsv", folder);
    FILE *file = fopen(path, "w");
    assert_true(file && fclose(file) == 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink(path, link), 0);
    expect(OK, export_ranks_file(*state, EXPORT_TSV, link));
    read_whole(path, text);
    assert_string_equal(text, tsv);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    remove(link);
    remove(path);
    remove(folder);
}

static void format_follows_from_the_name(void **state)
{
    enum export_format format;
    (void)state;
    expect(OK, export_format_of("a.csv", &format));
    assert_int_equal(format, EXPORT_CSV);
    expect(OK, export_format_of("a.b.TSV", &format));
    assert_int_equal(format, EXPORT_TSV);
    expect(OK, export_format_of("-", &format));
    assert_int_equal(format, EXPORT_TSV);
    expect(OK, export_format_of("ranks.npy", &format));
    assert_int_equal(format, EXPORT_NPY);
    expect(ERR_USAGE, export_format_of("a.txt", &format));
    expect(ERR_USAGE, export_format_of(".tsv", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(rows_go_by_query_and_head_before_tail),
        test_case(commas_and_quotes_are_quoted_in_csv),
        test_case(digest_is_of_the_bytes_of_the_tsv),
        test_case(file_holds_the_same_bytes),
        test_case(more_rows_than_the_buffer_holds_are_all_written),
        test_case(sink_that_fails_ends_the_export),
        test_case(file_that_cannot_be_written_is_named),
        test_case(file_stays_as_it_was_when_the_export_fails),
        test_case(link_stays_a_link_to_the_file),
        test_plain(format_follows_from_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
