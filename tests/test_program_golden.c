/* Tests of the program `prove` on public data: how every search ends, and after how many steps,
 * against the golden episodes that came with the data. */
#include "common/outcome.h"
#include "tests/files.h"
#include "tests/prove_rig.h"

#define DATA MILLRACE_SHARED_DATA "/prove/"
#define GOLDEN MILLRACE_SHARED_DATA "/golden/"

enum { QUERIES_MAX = 6000 };

static struct outcome found[QUERIES_MAX]; /* by line */
static uint32_t queries;

static void set(struct settings *settings, enum setting setting, const char *text)
{
    expect(OK, settings_set(settings, setting, text, NULL, "test"));
}

static void take_unit(struct rig *rig, uint64_t unit)
{
    const struct item_span span = items_span(&rig->items, unit);
    const uint64_t size = rig->program->tally_bytes(rig->state);
    struct program_work work;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(size, span.target_count * OUTCOME_BYTES); /* the true ones alone */
    rig->program->tally(rig->state, bytes, &work);
    for (uint32_t t = 0; t < span.target_count; t++, queries++) {
        const uint32_t triple = rig->items.target[span.first_target + t].triple;
        assert_true(triple < QUERIES_MAX);
        outcome_read(bytes + t * OUTCOME_BYTES, &found[triple]);
        assert_int_equal(ITEM_TRUE, found[triple].kind);
        expect(OK, outcome_check(&found[triple], 20));
    }
    free(bytes);
}

/* Searches for a proof of every test line; skips the test where the data are not there. */
static void prove_all(const char *name, const char *policy)
{
    static const char *const files[] = {"train", "valid", "test", "rules"};
    const enum setting settings_of[] = {SET_train, SET_valid, SET_test, SET_rules};
    struct settings *settings;
    struct rig rig;
    char path[1024];
    expect(OK, settings_open(&settings));
    set(settings, SET_program, "prove");
    set(settings, SET_policy, policy);
    set(settings, SET_candidates, "sample");
    set(settings, SET_samples, "0");
    set(settings, SET_sides, "head");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), DATA "%s/%s.txt", name, files[i]);
        if (access(path, R_OK) != 0) skip();
        set(settings, settings_of[i], path);
    }
    expect(OK, settings_finish(settings));
    rig_open(&rig, settings, &(struct way){.lanes = "61", .unit_items = "200", .threads = 2},
             backend_find("cpu"));
    queries = 0;
    for (uint64_t next = 0, taken = 0; taken < rig_units(&rig);) {
        while (next < rig_units(&rig) && rig.program->hungry(rig.state))
            expect(OK, rig.program->load(rig.state, next++));
        if (!rig.program->finished(rig.state)) expect(OK, rig.program->advance(rig.state));
        while (rig.program->finished(rig.state)) take_unit(&rig, taken++);
    }
    rig_close(&rig);
    settings_close(&settings);
}

static void expect_sums(uint32_t count, uint32_t proved, uint32_t failed, uint32_t cut,
                        uint32_t steps)
{
    uint32_t ends[256] = {0}, sum = 0;
    assert_int_equal(count, queries);
    for (uint32_t i = 0; i < queries; i++) {
        ends[found[i].end]++;
        sum += found[i].depth;
    }
    assert_int_equal(proved, ends[END_TRUE]);
    assert_int_equal(failed, ends[END_FALSE] + ends[END_GIVE_UP]);
    assert_int_equal(cut, ends[END_DEPTH]);
    assert_int_equal(steps, sum);
}

/* Lines of index, predicate, head, tail, proved, length, end, ... */
static void expect_golden(const char *name, uint32_t count)
{
    char line[256], path[1024];
    (void)snprintf(path, sizeof(path), GOLDEN "%s", name);
    FILE *file = fopen(path, "r");
    if (!file) skip();
    uint32_t lines = 0;
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        unsigned index, proved, length;
        char end;
        assert_int_equal(
            4, sscanf(line, "%u %*s %*u %*u %u %u %c", &index, &proved, &length, &end));
        const struct outcome *outcome = &found[index];
        const bool same = proved == (outcome->end == END_TRUE) && length == outcome->depth &&
                          (end == outcome->end || (end == 'F' && outcome->end == END_GIVE_UP));
        if (!same)
            fail_msg("%s, query %u: %c after %u steps, expected %c after %u", name, index,
                     outcome->end, outcome->depth, end, length);
        lines++;
    }
    (void)fclose(file);
    assert_int_equal(count, lines);
}

static void countries_end_as_the_golden_ones(void **state)
{
    (void)state;
    prove_all("countries_s3", "hash");
    expect_sums(24, 15, 7, 2, 179);
    expect_golden("countries_s3.tsv", 24);
}

static void families_end_as_the_golden_ones(void **state)
{
    (void)state;
    prove_all("family", "hash");
    expect_sums(5626, 2535, 3008, 83, 34672);
    expect_golden("family48_first100.tsv", 100);
}

static void the_first_successor_ends_as_it_should(void **state)
{
    (void)state;
    prove_all("countries_s3", "first");
    expect_sums(24, 20, 3, 1, 146);
}

static void the_first_successor_of_families_proves_as_many_as_it_should(void **state)
{
    uint32_t proved = 0, steps = 0;
    (void)state;
    prove_all("family", "first");
    for (uint32_t i = 0; i < queries; i++) {
        proved += found[i].end == END_TRUE;
        steps += found[i].depth;
    }
    assert_int_equal(2064, proved);
    assert_int_equal(33110, steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(countries_end_as_the_golden_ones),
        test_plain(families_end_as_the_golden_ones),
        test_plain(the_first_successor_ends_as_it_should),
        test_plain(the_first_successor_of_families_proves_as_many_as_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
