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
    expect(OK, export_rows(*state, EXPORT_RANKS, EXPORT_TSV, gather, &bytes));
    assert_string_equal(bytes.text, tsv);
}

static void commas_and_quotes_are_quoted_in_csv(void **state)
{
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    expect(OK, export_rows(*state, EXPORT_RANKS, EXPORT_CSV, gather, &bytes));
    assert_non_null(strstr(bytes.text, "query,side,head,relation,tail,"));
    assert_non_null(strstr(bytes.text, "10,head,\"a, \"\"b\"\"\",r,t,1,2,3,4,5\n"));
}

static void digest_is_of_the_bytes_of_the_tsv(void **state)
{
    struct digest wanted, found;
    digest_bytes(tsv, strlen(tsv), &wanted);
    expect(OK, export_digest(*state, EXPORT_RANKS, &found));
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
    expect(OK, export_file(*state, EXPORT_RANKS, EXPORT_TSV, path));
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
    expect(OK, export_digest(*state, EXPORT_RANKS, &found));
    assert_true(digest_equal(&wanted, &found));
}

/* Outcomes, stored in another order than they are written. */
static void put_outcomes(struct ledger *ledger)
{
    const struct ledger_outcome rows[] = {
        {10, 0, "both", "a, b", "r", "t", {.end = END_GIVE_UP, .depth = 1, .logprob = -0.0f}},
        {2, 10, "head", "d", "r", "t", {.end = END_DEPTH, .depth = 20, .logprob = -1e-30f}},
        {2, 2, "head", "c", "r", "t", {.end = END_FALSE, .depth = 1, .logprob = -1.0f / 3}},
        {2, 0, "tail", "b", "r", "t", {.end = END_TRUE, .depth = 2, .digest = 0xabc}},
        {2, 0, "head", "b", "r", "t", {.end = END_TRUE, .depth = 3, .logprob = -12345.678f}},
    };
    expect(OK, ledger_begin(ledger));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(OK, ledger_put_outcome(ledger, &rows[i]));
    expect(OK, ledger_commit(ledger));
}

static const char outcomes_tsv[] =
    "query\tside\tcandidate\thead\trelation\ttail\tproved\tdepth\tend\tlogprob\tdigest\n"
    "2\thead\t0\tb\tr\tt\t1\t3\tT\t-12345.6777\t0000000000000000\n"
    "2\thead\t2\tc\tr\tt\t0\t1\tF\t-0.333333343\t0000000000000000\n"
    "2\thead\t10\td\tr\tt\t0\t20\tD\t-1e-30\t0000000000000000\n"
    "2\ttail\t0\tb\tr\tt\t1\t2\tT\t0\t0000000000000abc\n"
    "10\tboth\t0\ta, b\tr\tt\t0\t1\tE\t0\t0000000000000000\n";

static void outcomes_go_by_query_side_and_candidate(void **state)
{
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    struct digest wanted, found;
    put_outcomes(*state);
    expect(OK, export_rows(*state, EXPORT_OUTCOMES, EXPORT_TSV, gather, &bytes));
    assert_string_equal(bytes.text, outcomes_tsv);
    digest_bytes(outcomes_tsv, strlen(outcomes_tsv), &wanted);
    expect(OK, export_digest(*state, EXPORT_OUTCOMES, &found));
    assert_true(digest_equal(&wanted, &found));

    bytes = (struct bytes){.most = sizeof bytes.text - 1};
    expect(OK, export_rows(*state, EXPORT_OUTCOMES, EXPORT_CSV, gather, &bytes));
    assert_non_null(strstr(bytes.text, "\n10,both,0,\"a, b\",r,t,0,1,E,0,"));
}

static void logprob_reads_back_as_itself(void **state)
{
    static const float numbers[] = {-1.17549435e-38f, -1.40129846e-45f, -3.40282347e38f,
                                    -0.1f,            -16777215.0f,     -0.693147182f};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct bytes bytes = {.most = sizeof bytes.text - 1};
        const struct ledger_outcome row = {
            1, 0, "head", "a", "r", "b", {.end = END_TRUE, .depth = 1, .logprob = numbers[i]}};
        expect(OK, ledger_put_outcome(*state, &row));
        expect(OK, export_rows(*state, EXPORT_OUTCOMES, EXPORT_TSV, gather, &bytes));
        assert_true(strtof(strstr(bytes.text, "T\t") + 2, NULL) == numbers[i]);
    }
}

/* The header says what the bytes are, and they are the numbers of the rows. */
static void outcomes_are_an_array_of_numbers(void **state)
{
    enum { ROW = 8 + 4 + 8 + 8 + 8 + 1 + 4 + 16 };
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    put_outcomes(*state);
    expect(OK, export_rows(*state, EXPORT_OUTCOMES, EXPORT_NPY, gather, &bytes));
    assert_non_null(strstr(bytes.text + 10,
                           "{'descr': [('query', '<i8'), ('side', '|S4'), ('candidate', '<i8'), "
                           "('proved', '<i8'), ('depth', '<i8'), ('end', '|S1'), "
                           "('logprob', '<f4'), ('digest', '|S16'), ], 'fortran_order': False, "
                           "'shape': (5,), }"));
    const char *second = bytes.text + bytes.size - 4 * ROW;
    assert_memory_equal(second, "\2\0\0\0\0\0\0\0head\2\0\0\0\0\0\0\0", 20);
    assert_memory_equal(second + 20, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0F", 17);
    assert_memory_equal(second + 37, "\xab\xaa\xaa\xbe" "0000000000000000", 20);
}

static void row_without_a_value_is_refused(void **state)
{
    struct bytes bytes = {.most = sizeof bytes.text - 1};
    const struct ledger_outcome row = {1, 0, "head", NULL, "r", "b", {.end = END_TRUE}};
    expect(OK, ledger_put_outcome(*state, &row));
    expect(ERR_FORMAT, export_rows(*state, EXPORT_OUTCOMES, EXPORT_TSV, gather, &bytes));
}

static void sink_that_fails_ends_the_export(void **state)
{
    struct bytes bytes = {.most = 20};
    expect(ERR_FULL, export_rows(*state, EXPORT_RANKS, EXPORT_TSV, gather, &bytes));
    assert_string_equal(err_text(), "full");
}

static void file_that_cannot_be_written_is_named(void **state)
{
    expect(ERR_FULL, export_file(*state, EXPORT_RANKS, EXPORT_TSV, "/dev/full"));
    assert_string_equal(err_text(), "export: /dev/full: No space left on device");
    expect(ERR_IO, export_file(*state, EXPORT_RANKS, EXPORT_TSV, "/nowhere/ranks.tsv"));
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
    expect(ERR_IO, export_file(*state, EXPORT_RANKS, EXPORT_TSV, path));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    read_whole(path, text);
    assert_string_equal(text, "old");
    assert_int_equal(files_in(folder), 1);

    expect(OK, export_file(*state, EXPORT_RANKS, EXPORT_TSV, path));
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
    expect(OK, export_file(*state, EXPORT_RANKS, EXPORT_TSV, link));
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
        test_case(outcomes_go_by_query_side_and_candidate),
        test_case(logprob_reads_back_as_itself),
        test_case(outcomes_are_an_array_of_numbers),
        test_case(row_without_a_value_is_refused),
        test_case(sink_that_fails_ends_the_export),
        test_case(file_that_cannot_be_written_is_named),
        test_case(file_stays_as_it_was_when_the_export_fails),
        test_case(link_stays_a_link_to_the_file),
        test_plain(format_follows_from_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
