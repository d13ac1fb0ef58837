/* Tests of reading triples: labels and ids, unknown words, broken lines, order. */
#include "common/triples.h"
#include "tests/files.h"

struct maps {
    struct vocab *entities, *relations;
};

static int setup(void **state)
{
    struct maps *maps = calloc(1, sizeof *maps);
    *state = maps;
    return vocab_read(file_text("e", "0\ta\n1\tb\n2\t7\n"), "entities", &maps->entities) != OK ||
           vocab_read(file_text("r", "0\tr\n1\ts\n2\t0\n"), "relations", &maps->relations) != OK;
}

static int teardown(void **state)
{
    struct maps *maps = *state;
    vocab_close(&maps->entities);
    vocab_close(&maps->relations);
    free(maps);
    return 0;
}

static enum err read_text(struct maps *maps, const char *text, enum unknown_policy policy,
                          uint64_t limit, struct triples *out)
{
    return triples_read(file_text("t", text), "test", policy, limit, maps->entities,
                        maps->relations, out);
}

static void expect_triple(const struct triples *triples, uint32_t i, uint32_t line, uint32_t head,
                          uint32_t relation, uint32_t tail)
{
    assert_true(i < triples->count);
    assert_int_equal(line, triples->line[i]);
    assert_int_equal(head, triples->at[i].head);
    assert_int_equal(relation, triples->at[i].relation);
    assert_int_equal(tail, triples->at[i].tail);
}

static void labels_become_numbers(void **state)
{
    struct triples triples;
    expect(OK, read_text(*state, "a\ts\tb\n7\tr\ta\na\ts\tb\n", UNKNOWN_ERROR, 0, &triples));
    assert_int_equal(3, triples.count);
    assert_false(triples.ids);
    expect_triple(&triples, 0, 0, 0, 1, 1);
    expect_triple(&triples, 1, 1, 2, 0, 0);
    expect_triple(&triples, 2, 2, 0, 1, 1);
    triples_close(&triples);
    assert_null(triples.at);
}

static void numbers_that_are_no_labels_are_ids(void **state)
{
    struct triples triples;
    expect(OK, read_text(*state, "2\t1\t0\n0\t0\t1\n", UNKNOWN_ERROR, 0, &triples));
    assert_true(triples.ids);
    expect_triple(&triples, 0, 0, 2, 1, 0);
    expect_triple(&triples, 1, 1, 0, 0, 1);
    triples_close(&triples);
}

static void numbers_that_are_labels_are_labels(void **state)
{
    struct triples triples;
    expect(OK, read_text(*state, "7\t0\t7\n", UNKNOWN_ERROR, 0, &triples));
    assert_false(triples.ids);
    expect_triple(&triples, 0, 0, 2, 2, 2);
    triples_close(&triples);
}

static void ids_are_kept_to_and_to_their_range(void **state)
{
    struct triples triples;
    expect(ERR_INPUT, read_text(*state, "0\t0\t1\na\t0\t1\n", UNKNOWN_KEEP, 0, &triples));
    expect_note("t:2: head `a` is not an id");
    expect(ERR_INPUT, read_text(*state, "0\t0\t1\n0\t0\t3\n", UNKNOWN_DROP, 0, &triples));
    expect_note("t:2: tail `3` is out of range; expected ids 0 to 2");
    expect(ERR_INPUT, read_text(*state, "0\t3\t1\n", UNKNOWN_KEEP, 0, &triples));
    expect_note("t:1: relation `3` is out of range; expected ids 0 to 2");
    assert_null(triples.at);
}

static void unknown_word_is_refused_with_its_line(void **state)
{
    struct triples triples;
    expect(ERR_INPUT, read_text(*state, "a\tr\tb\na\tr\tnew\n", UNKNOWN_ERROR, 0, &triples));
    expect_note("test: /");
    expect_note("t:2: tail `new` is not in the map");
    expect(ERR_INPUT, read_text(*state, "a\tnew\tb\n", UNKNOWN_ERROR, 0, &triples));
    expect_note("t:1: relation `new`");
}

static void dropped_lines_leave_gaps(void **state)
{
    struct maps *maps = *state;
    struct triples triples;
    expect(OK, read_text(maps, "new\tr\tb\na\tr\tb\na\told\tb\nb\tr\tnew\nb\ts\tb\n", UNKNOWN_DROP,
                         0, &triples));
    assert_int_equal(2, triples.count);
    assert_int_equal(3, triples.dropped);
    assert_int_equal(0, triples.kept);
    expect_triple(&triples, 0, 1, 0, 0, 1);
    expect_triple(&triples, 1, 4, 1, 1, 1);
    assert_int_equal(0, vocab_extra(maps->entities) + vocab_extra(maps->relations));
    triples_close(&triples);
}

static void kept_words_get_the_next_numbers(void **state)
{
    struct maps *maps = *state;
    struct triples triples;
    expect(OK, read_text(maps, "a\tr\tx\ny\tq\tx\na\tr\tb\n", UNKNOWN_KEEP, 0, &triples));
    expect_triple(&triples, 0, 0, 0, 0, 3);
    expect_triple(&triples, 1, 1, 4, 3, 3);
    expect_triple(&triples, 2, 2, 0, 0, 1);
    assert_int_equal(2, triples.kept);
    assert_int_equal(2, vocab_extra(maps->entities));
    triples_close(&triples);
    expect(OK, read_text(maps, "y\tr\ta\n", UNKNOWN_KEEP, 0, &triples));
    expect_triple(&triples, 0, 0, 4, 0, 0);
    assert_int_equal(1, triples.kept);
    triples_close(&triples);
}

static void limit_ends_the_reading(void **state)
{
    struct triples triples;
    expect(OK,
           read_text(*state, "a\tr\tb\nnew\tr\tb\nb\tr\tb\nbroken\n", UNKNOWN_DROP, 3, &triples));
    assert_int_equal(2, triples.count);
    assert_int_equal(1, triples.dropped);
    triples_close(&triples);
}

static void broken_lines_are_refused(void **state)
{
    struct triples triples;
    expect(ERR_INPUT, read_text(*state, "a\tr\tb\na r b\n", UNKNOWN_KEEP, 0, &triples));
    expect_note("t:2: 1 column, expected 3");
    expect(ERR_INPUT, read_text(*state, "a\tr\tb\t1\n", UNKNOWN_KEEP, 0, &triples));
    expect_note("t:1: 4 columns, expected 3");
    expect(ERR_INPUT, read_text(*state, "a\tr\t\n", UNKNOWN_KEEP, 0, &triples));
    expect_note("t:1: tail `` is empty");
}

static void empty_file_has_no_triples(void **state)
{
    struct triples triples;
    expect(OK, read_text(*state, "", UNKNOWN_ERROR, 0, &triples));
    assert_int_equal(0, triples.count);
    triples_close(&triples);
}

static int compare(const void *a, const void *b)
{
    const struct triple *one = a, *other = b;
    if (one->head != other->head) return one->head < other->head ? -1 : 1;
    if (one->relation != other->relation) return one->relation < other->relation ? -1 : 1;
    return (one->tail > other->tail) - (one->tail < other->tail);
}

static void order_is_by_head_relation_tail(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct triple at[COUNT], expected[COUNT];
    uint32_t random = 1;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        at[i] = (struct triple){random >> 8 & 31, random >> 16 & 3, random >> 20};
    }
    memcpy(expected, at, sizeof at);
    qsort(expected, COUNT, sizeof expected[0], compare);
    expect(OK, triples_order(at, COUNT));
    assert_memory_equal(expected, at, sizeof at);
    expect(OK, triples_order(at, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_case(labels_become_numbers),
        test_case(numbers_that_are_no_labels_are_ids),
        test_case(numbers_that_are_labels_are_labels),
        test_case(ids_are_kept_to_and_to_their_range),
        test_case(unknown_word_is_refused_with_its_line),
        test_case(dropped_lines_leave_gaps),
        test_case(kept_words_get_the_next_numbers),
        test_case(limit_ends_the_reading),
        test_case(broken_lines_are_refused),
        test_case(empty_file_has_no_triples),
        test_plain(order_is_by_head_relation_tail),
    };
    return cmocka_run_group_tests(tests, folder_open, folder_close);
}
