/* Tests of exports: order, bytes, quoting, and that the digest is of exactly these bytes. */
#include "coordinator/export.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void file_holds_the_same_bytes(void **state)
{
    char path[] = "/tmp/test_export.XXXXXX", text[1024] = "";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    expect(OK, export_ranks_file(*state, EXPORT_TSV, path));
    FILE *file = fdopen(descriptor, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(tsv));
    assert_string_equal(text, tsv);
    fclose(file);
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
        test_plain(format_follows_from_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
