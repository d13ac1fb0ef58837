/* Tests of the ledger's file: who may open it, what survives a death, and what is refused. */
#include "coordinator/ledger.h"
#include "tests/files.h"
#include "tests/test.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

enum { HOUR_MS = 3600 * 1000, EXT4 = 0xef53, NFS = 0x6969, FUSE = 0x65735546 };

static int setup(void **state)
{
    return folder_open(state);
}

static int teardown(void **state)
{
    return folder_close(state);
}

/* In the place of libc's: no test machine has every file system. */
static unsigned file_system = EXT4;
int statfs(const char *path, struct statfs *out)
{
    struct stat status;
    *out = (struct statfs){.f_type = (__typeof__(out->f_type))file_system};
    return stat(path, &status);
}

static struct ledger *open_at(const char *path)
{
    struct ledger *ledger;
    expect(OK, ledger_open(path, &ledger));
    return ledger;
}

static struct lease lease_one(struct ledger *ledger, uint64_t *worker)
{
    struct lease lease;
    expect(OK, ledger_add_worker(ledger, 0, "one", "host", "cpu", 1, 1, worker));
    expect(OK, ledger_lease(ledger, *worker, UINT64_MAX, true, 0, HOUR_MS, &lease));
    return lease;
}

static enum err count_call(void *context, size_t columns, const char *const *names,
                           const char *const *values)
{
    (void)columns, (void)names, (void)values;
    ++*(int *)context;
    return OK;
}

/* How many rows a query has. */
static int rows_of(struct ledger *ledger, const char *sql)
{
    int rows = 0;
    expect(OK, ledger_query(ledger, sql, 0, count_call, &rows));
    return rows;
}

/* ---- what survives ----------------------------------------------------------------------- */

static void everything_committed_is_there_after_reopening(void **state)
{
    (void)state;
    const char *path = file_path("run.db");
    struct ledger *ledger = open_at(path);
    uint64_t worker;
    struct ledger_counts counts;
    assert_false(ledger_planned(ledger));
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_plan(ledger, 3, 2));
    const struct lease lease = lease_one(ledger, &worker);
    expect(OK, ledger_finish(ledger, lease.unit, lease.attempt, worker, 1, "exact", NULL, 0));
    expect(OK, ledger_commit(ledger));
    ledger_close(&ledger);
    assert_int_equal(access(file_path("run.db-wal"), F_OK), -1); /* folded in */

    ledger = open_at(path);
    assert_true(ledger_planned(ledger));
    ledger_counts(ledger, &counts);
    assert_int_equal(counts.total, 6);
    assert_int_equal(counts.unit[UNIT_DONE], 1);
    assert_int_equal(ledger_state(ledger, lease.unit), UNIT_DONE);
    assert_int_equal(rows_of(ledger, "SELECT 1 FROM tally WHERE length(bytes) = 0"), 1);
    ledger_close(&ledger);
}

static void turn_without_commit_leaves_nothing(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db"));
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_plan(ledger, 3, 2));
    ledger_rollback(ledger);
    ledger_rollback(ledger); /* without effect outside a turn */
    ledger_close(&ledger);
    ledger = open_at(file_path("run.db"));
    assert_false(ledger_planned(ledger));
    ledger_close(&ledger);
}

/* Commits a plan and a lease and dies without a word, as by kill -9. */
static void die_with_a_lease(const char *path)
{
    const pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger;
        struct lease lease;
        uint64_t worker;
        enum err err = ledger_open(path, &ledger);
        if (!err) err = ledger_begin(ledger);
        if (!err) err = ledger_plan(ledger, 2, 1);
        if (!err) err = ledger_add_worker(ledger, 0, "one", "host", "cpu", 1, 1, &worker);
        if (!err) err = ledger_lease(ledger, worker, UINT64_MAX, true, 0, HOUR_MS, &lease);
        if (!err) err = ledger_commit(ledger);
        _exit(err ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void leases_of_a_dead_coordinator_are_lost(void **state)
{
    (void)state;
    const char *path = file_path("run.db");
    struct lease lease;
    uint64_t worker;
    die_with_a_lease(path);
    struct ledger *ledger = open_at(path);
    assert_int_equal(ledger_state(ledger, 0), UNIT_READY);
    assert_int_equal(rows_of(ledger, "SELECT 1 FROM attempt WHERE outcome = 'lost'"), 1);
    expect(OK, ledger_add_worker(ledger, 0, "two", "host", "cpu", 2, 1, &worker));
    assert_int_equal(worker, 2);
    expect(OK, ledger_lease(ledger, worker, UINT64_MAX, true, 0, HOUR_MS, &lease));
    assert_int_equal(lease.attempt, 2); /* never given twice */
    ledger_close(&ledger);
}

static void worker_keeps_its_lease_over_a_restart(void **state)
{
    (void)state;
    const char *path = file_path("run.db");
    uint64_t worker;
    die_with_a_lease(path);
    struct ledger *ledger = open_at(path);
    expect(OK, ledger_add_worker(ledger, 0, "one", "host", "cpu", 1, 1, &worker));
    expect(OK, ledger_adopt(ledger, 0, 1, worker, 5, HOUR_MS));
    assert_int_equal(ledger_state(ledger, 0), UNIT_LEASED);
    assert_int_equal(rows_of(ledger, "SELECT 1 FROM attempt WHERE outcome IS NULL"), 1);
    expect(OK, ledger_finish(ledger, 0, 1, worker, 6, "exact", NULL, 0));
    ledger_close(&ledger);
}

static void complete_rows_without_ranks_are_given_again(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db"));
    uint64_t worker, row;
    expect(OK, ledger_plan(ledger, 1, 1));
    const struct lease lease = lease_one(ledger, &worker);
    expect(OK, ledger_finish(ledger, lease.unit, lease.attempt, worker, 1, "exact", NULL, 0));
    ledger_close(&ledger); /* before ledger_next_row */

    ledger = open_at(file_path("run.db"));
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_next_row(ledger, &row));
    expect(ERR_NONE, ledger_next_row(ledger, &row));
    expect(OK, ledger_commit(ledger));
    ledger_close(&ledger);
    ledger = open_at(file_path("run.db"));
    expect(ERR_NONE, ledger_next_row(ledger, &row));
    ledger_close(&ledger);
}

/* ---- readers ----------------------------------------------------------------------------- */

static void reader_sees_what_is_committed_beside_a_writer(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db")), *reader;
    struct ledger_counts counts;
    expect(OK, ledger_plan(ledger, 3, 1));
    expect(OK, ledger_open_reader(file_path("run.db"), &reader));
    ledger_counts(reader, &counts);
    assert_int_equal(counts.unit[UNIT_READY], 3);
    expect(OK, ledger_begin(ledger));
    expect(OK, ledger_set(ledger, "key", "value"));
    assert_int_equal(rows_of(reader, "SELECT 1 FROM run WHERE key = 'key'"), 0);
    expect(OK, ledger_commit(ledger));
    assert_int_equal(rows_of(reader, "SELECT 1 FROM run WHERE key = 'key'"), 1);
    expect(ERR_IO, ledger_set(reader, "key", "other"));
    ledger_close(&reader);
    ledger_close(&ledger);
}

static void reader_reads_what_a_killed_coordinator_left(void **state)
{
    (void)state;
    struct ledger *reader;
    die_with_a_lease(file_path("run.db"));
    assert_int_equal(access(file_path("run.db-wal"), F_OK), 0);
    for (int shared = 1; shared >= 0; shared--) {
        if (!shared) unlink(file_path("run.db-shm")); /* as after a restart of the machine */
        expect(OK, ledger_open_reader(file_path("run.db"), &reader));
        assert_int_equal(rows_of(reader, "SELECT 1 FROM unit WHERE state = 'leased'"), 1);
        ledger_close(&reader);
    }
}

static void reader_reads_where_no_coordinator_runs(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db")), *reader;
    expect(OK, ledger_plan(ledger, 3, 1));
    ledger_close(&ledger);
    expect(OK, ledger_open_reader(file_path("run.db"), &reader));
    assert_int_equal(rows_of(reader, "SELECT 1 FROM unit"), 3);
    ledger_close(&reader);
    ledger = open_at(file_path("run.db"));
    ledger_close(&ledger);
}

static void reader_wants_a_database(void **state)
{
    (void)state;
    struct ledger *reader;
    expect(ERR_IO, ledger_open_reader(file_path("none.db"), &reader));
    assert_null(reader);
    assert_int_equal(access(file_path("none.db"), F_OK), -1);
    expect(ERR_INPUT, ledger_open_reader(file_text("empty.db", ""), &reader));
    expect(ERR_INPUT,
           ledger_open_reader(file_text("notes.txt", "not a database at all, no\n"), &reader));
    expect_note("notes.txt");
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void second_coordinator_is_refused(void **state)
{
    (void)state;
    struct ledger *first = open_at(file_path("run.db")), *second;
    expect(ERR_BUSY, ledger_open(file_path("run.db"), &second));
    assert_null(second);
    expect_note("another coordinator");
    expect(OK, ledger_set(first, "key", "value")); /* the first is none the worse */
    ledger_close(&first);
    second = open_at(file_path("run.db"));
    ledger_close(&second);
}

static void expect_schema_refused(int version, const char *word)
{
    struct ledger *ledger = open_at(file_path("run.db")), *reader;
    char text[24];
    (void)snprintf(text, sizeof(text), "%d", version);
    expect(OK, ledger_set(ledger, "schema_version", text));
    ledger_close(&ledger);
    expect(ERR_USAGE, ledger_open(file_path("run.db"), &ledger));
    expect_note(word);
    expect_note("run.db");
    expect(ERR_USAGE, ledger_open_reader(file_path("run.db"), &reader));
}

static void newer_schema_is_refused(void **state)
{
    (void)state;
    expect_schema_refused(LEDGER_SCHEMA_VERSION + 1, "newer");
}

static void older_schema_is_refused(void **state)
{
    (void)state;
    expect_schema_refused(LEDGER_SCHEMA_VERSION - 1, "older");
}

static void other_files_are_refused_and_left_alone(void **state)
{
    static const char text[] = "this is a letter to a friend, and no database; it is longer than "
                               "the header of one, which has a hundred bytes, so that SQLite looks";
    (void)state;
    struct ledger *ledger;
    char found[sizeof(text)] = "";
    expect(ERR_INPUT, ledger_open(file_text("letter.txt", text), &ledger));
    expect_note("not a millrace database");
    FILE *file = fopen(file_path("letter.txt"), "r");
    assert_non_null(file);
    assert_int_equal(fread(found, 1, sizeof(found), file), sizeof(text) - 1);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(found, text);
}

static void database_of_another_program_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db"));
    expect(OK, ledger_query(ledger, "PRAGMA application_id = 7", 0, count_call, &(int){0}));
    ledger_close(&ledger);
    expect(ERR_INPUT, ledger_open(file_path("run.db"), &ledger));
    expect_note("is not a millrace database");
}

static void damaged_unit_table_is_refused(void **state)
{
    static const char *const damages[] = {
        "DELETE FROM unit WHERE unit = 1", "UPDATE unit SET state = 'odd' WHERE unit = 2",
        "DELETE FROM unit WHERE unit = 2", "UPDATE unit SET unit = 1000000 WHERE unit = 2",
        "UPDATE run SET value = '0' WHERE key = 'columns'"};
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%zu.db", i);
        struct ledger *ledger = open_at(file_path(name));
        expect(OK, ledger_plan(ledger, 3, 1));
        expect(OK, ledger_query(ledger, damages[i], 0, count_call, &(int){0}));
        ledger_close(&ledger);
        expect(ERR_INPUT, ledger_open(file_path(name), &ledger));
        expect_note("damaged");
    }
}

static void missing_folder_is_named(void **state)
{
    (void)state;
    struct ledger *ledger;
    expect(ERR_IO, ledger_open(file_path("none/run.db"), &ledger));
    expect_note("none");
    expect_note("create it");
    expect(ERR_INPUT, ledger_open(folder_path, &ledger));
}

static void network_file_systems_are_refused_without_a_trace(void **state)
{
    static const struct {
        unsigned magic;
        const char *name;
    } remote[] = {{NFS, "NFS"}, {FUSE, "FUSE"}, {0xff534d42, "CIFS"}, {0x0bd00bd0, "Lustre"}};
    (void)state;
    struct ledger *ledger;
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
        file_system = remote[i].magic;
        const enum err err = ledger_open(file_path("run.db"), &ledger);
        file_system = EXT4;
        expect(ERR_IO, err);
        expect_note(remote[i].name);
        expect_note("local disk");
        assert_int_equal(access(file_path("run.db"), F_OK), -1);
    }
}

static void full_disk_loses_nothing_that_was_committed(void **state)
{
    (void)state;
    struct ledger *ledger = open_at(file_path("run.db"));
    enum err err = OK;
    expect(OK, ledger_plan(ledger, 3, 1));
    expect(OK, ledger_query(ledger, "PRAGMA max_page_count = 20", 0, count_call, &(int){0}));
    expect(OK, ledger_begin(ledger));
    for (int i = 0; !err && i < 10000; i++)
        err = ledger_event(ledger, i, "kind", i, i, "a detail that fills the disk with words");
    expect(ERR_FULL, err);
    expect_note("disk full: ");
    expect_note("free some space and run the same command again");
    ledger_rollback(ledger);
    ledger_close(&ledger);
    ledger = open_at(file_path("run.db"));
    assert_int_equal(rows_of(ledger, "SELECT 1 FROM event"), 0);
    assert_int_equal(rows_of(ledger, "SELECT 1 FROM unit"), 3);
    ledger_close(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(everything_committed_is_there_after_reopening),
        test_case(turn_without_commit_leaves_nothing),
        test_case(leases_of_a_dead_coordinator_are_lost),
        test_case(worker_keeps_its_lease_over_a_restart),
        test_case(complete_rows_without_ranks_are_given_again),
        test_case(reader_sees_what_is_committed_beside_a_writer),
        test_case(reader_reads_what_a_killed_coordinator_left),
        test_case(reader_reads_where_no_coordinator_runs),
        test_case(reader_wants_a_database),
        test_case(second_coordinator_is_refused),
        test_case(newer_schema_is_refused),
        test_case(older_schema_is_refused),
        test_case(other_files_are_refused_and_left_alone),
        test_case(database_of_another_program_is_refused_and_left_alone),
        test_case(damaged_unit_table_is_refused),
        test_case(missing_folder_is_named),
        test_case(network_file_systems_are_refused_without_a_trace),
        test_case(full_disk_loses_nothing_that_was_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
