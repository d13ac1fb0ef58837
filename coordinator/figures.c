/* figures - reads table rank, groups it, and lets the table of metrics loose on each group. */
#include "coordinator/figures.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const figures_side_name[FIGURES_SIDES] = {"head", "tail", "both"};
const char *const figures_type_name[RANK_TYPES] = {"optimistic", "realistic", "pessimistic"};

/* What is kept of a row of table rank. */
struct figures_row {
    uint32_t above, level, candidates;
    uint32_t relation; /* in the order of their first appearance, until it is sorted */
    enum side side;
};

/* ---- reading ----------------------------------------------------------------------------- */

/* A relation's label and its number, in a tree by label while the rows are read. */
struct name {
    const char *label;
    uint32_t number;
};

struct reading {
    struct figures *figures;
    bool by_relation;
    size_t row_space, relation_space;
    void *tree; /* of struct name, see tsearch(3) */
};

static int compare_names(const void *one, const void *other)
{
    return strcmp(((const struct name *)one)->label, ((const struct name *)other)->label);
}

/* Makes room for one more element. */
static enum err grow(void **array, size_t size, size_t count, size_t *space)
{
    if (count < *space) return OK;
    const size_t more = *space ? 2 * *space : 1024;
    void *bigger = realloc(*array, more * size);
    if (!bigger) return err_note(ERR_MEMORY, "report: no memory for %zu ranks", count);
    *array = bigger;
    *space = more;
    return OK;
}

/* A new relation: its label is kept by the figures, its name by the tree. */
static enum err add_relation(struct reading *reading, const char *label, struct name **out)
{
    struct figures *figures = reading->figures;
    void *relations = figures->relation;
    const enum err err = grow(&relations, sizeof *figures->relation, figures->relation_count,
                              &reading->relation_space);
    figures->relation = relations;
    if (err) return err;

    char *copy = strdup(label);
    struct name *name = malloc(sizeof *name);
    if (copy && name) *name = (struct name){copy, (uint32_t)figures->relation_count};
    if (!copy || !name || !tsearch(name, &reading->tree, compare_names)) {
        free(copy);
        free(name);
        return err_note(ERR_MEMORY, "report: no memory for relations");
    }
    figures->relation[figures->relation_count++] = (struct figures_relation){copy, 0, 0};
    *out = name;
    return OK;
}

static enum err find_relation(struct reading *reading, const char *label, uint32_t *number)
{
    const struct name wanted = {label, 0};
    struct name **found = tfind(&wanted, &reading->tree, compare_names);
    struct name *name = found ? *found : NULL;
    const enum err err = name ? OK : add_relation(reading, label, &name);
    if (!err) *number = name->number;
    return err;
}

static bool read_number(const char *text, uint32_t *out)
{
    char *end = NULL;
    const uintmax_t value = text ? strtoumax(text, &end, 10) : 0;
    *out = (uint32_t)value;
    return text && end != text && *end == 0 && value <= UINT32_MAX;
}

enum { SIDE, RELATION, ABOVE, LEVEL, CANDIDATES, NONFINITE, COLUMNS };
static const char select_ranks[] =
    "select side, relation, above, level, candidates, nonfinite from rank order by query, side";

static enum err take_row(void *context, size_t columns, const char *const *names,
                         const char *const *values)
{
    (void)names;
    check(columns == COLUMNS);
    struct reading *reading = context;
    struct figures *figures = reading->figures;
    struct figures_row row = {0};
    uint32_t nonfinite;

    row.side =
        values[SIDE] && strcmp(values[SIDE], side_name[SIDE_TAIL]) == 0 ? SIDE_TAIL : SIDE_HEAD;
    if (!read_number(values[ABOVE], &row.above) || !read_number(values[LEVEL], &row.level) ||
        !read_number(values[CANDIDATES], &row.candidates) ||
        !read_number(values[NONFINITE], &nonfinite) ||
        (uint64_t)row.above + row.level + 1 > row.candidates)
        return err_note(ERR_FORMAT,
                        "report: row %zu of table rank is damaged; "
                        "check the database with `pragma integrity_check`",
                        figures->row_count + 1);

    void *rows = figures->row;
    enum err err = grow(&rows, sizeof *figures->row, figures->row_count, &reading->row_space);
    figures->row = rows;
    if (!err && reading->by_relation)
        err = find_relation(reading, values[RELATION] ? values[RELATION] : "", &row.relation);
    if (err) return err;
    figures->row[figures->row_count++] = row;
    figures->tied += row.level > 0;
    figures->nonfinite += nonfinite;
    return OK;
}

static void drop_names(struct reading *reading)
{
    while (reading->tree) {
        struct name *name = *(struct name **)reading->tree;
        tdelete(name, &reading->tree, compare_names);
        free(name);
    }
}

/* ---- grouping ---------------------------------------------------------------------------- */

static int compare_relations(const void *one, const void *other)
{
    return strcmp(((const struct figures_relation *)one)->label,
                  ((const struct figures_relation *)other)->label);
}

/* Counts the rows of each relation, sorts the relations, and lists the rows relation by relation,
 * each in the order of the rows. `first` holds a relation's old number until its place is known. */
static enum err group_rows(struct figures *figures)
{
    const size_t relations = figures->relation_count;
    size_t *place = calloc(relations + 1, sizeof *place);
    figures->order = malloc((figures->row_count + 1) * sizeof *figures->order);
    if (!place || !figures->order) {
        free(place);
        return err_note(ERR_MEMORY, "report: no memory for %zu ranks", figures->row_count);
    }
    for (size_t i = 0; i < relations; i++) figures->relation[i].first = i;
    for (size_t i = 0; i < figures->row_count; i++)
        figures->relation[figures->row[i].relation].count++;
    if (relations)
        qsort(figures->relation, relations, sizeof *figures->relation, compare_relations);

    size_t first = 0;
    for (size_t i = 0; i < relations; i++) {
        struct figures_relation *relation = &figures->relation[i];
        place[relation->first] = first;
        relation->first = first;
        first += relation->count;
    }
    for (size_t i = 0; i < figures->row_count; i++)
        figures->order[place[figures->row[i].relation]++] = i;
    free(place);
    return OK;
}

static enum err make_columns(struct figures *figures, const uint64_t *hits, size_t hits_count)
{
    const size_t most = metrics_count * (hits_count + 1);
    figures->column = calloc(most, sizeof *figures->column);
    figures->value = calloc(FIGURES_SIDES * RANK_TYPES * most, sizeof *figures->value);
    if (!figures->column || !figures->value) return err_note(ERR_MEMORY, "report: no memory");

    for (size_t i = 0; i < metrics_count; i++) {
        const struct metric *metric = &metrics_table[i];
        for (size_t h = 0; h < (metric->at_k ? hits_count : 1); h++) {
            struct figures_column *column = &figures->column[figures->column_count++];
            column->metric = metric;
            column->k = metric->at_k ? hits[h] : 0;
            if (metric->at_k)
                snprintf(column->key, sizeof column->key, "%s_%" PRIu64, metric->name, column->k);
            else
                snprintf(column->key, sizeof column->key, "%s", metric->name);
        }
    }
    return OK;
}

enum err figures_open(struct ledger *reader, const uint64_t *hits, size_t hits_count,
                      bool by_relation, struct figures **out)
{
    struct figures *figures = calloc(1, sizeof *figures);
    *out = NULL;
    if (!figures) return err_note(ERR_MEMORY, "report: no memory");

    struct reading reading = {.figures = figures, .by_relation = by_relation};
    enum err err = make_columns(figures, hits, hits_count);
    if (!err) err = ledger_query(reader, select_ranks, 0, take_row, &reading);
    drop_names(&reading);
    if (!err && by_relation) err = group_rows(figures);
    if (err) figures_close(&figures);
    *out = figures;
    return err;
}

void figures_close(struct figures **figures)
{
    struct figures *self = *figures;
    *figures = NULL;
    if (!self) return;
    for (size_t i = 0; i < self->relation_count; i++) free(self->relation[i].label);
    free(self->relation);
    free(self->row);
    free(self->order);
    free(self->column);
    free(self->value);
    free(self);
}

/* ---- computing --------------------------------------------------------------------------- */

/* One side of a group: the rows it has, and arrays of that size. */
struct side_rows {
    const struct figures_row **row; /* [count] */
    uint32_t *candidates;           /* [count] */
    double *rank;                   /* [count] */
    size_t count;
};

static void collect(const struct figures *figures, const struct figures_relation *relation,
                    size_t side, struct side_rows *rows)
{
    const size_t first = relation ? relation->first : 0;
    const size_t count = relation ? relation->count : figures->row_count;
    rows->count = 0;
    for (size_t i = first; i < first + count; i++) {
        const struct figures_row *row = &figures->row[relation ? figures->order[i] : i];
        if (side != FIGURES_BOTH && row->side != side) continue;
        rows->candidates[rows->count] = row->candidates;
        rows->row[rows->count++] = row;
    }
}

static enum err compute_side(struct figures *figures, size_t side, const struct side_rows *rows)
{
    struct chance chance;
    enum err err = chance_open(rows->candidates, NULL, rows->count, &chance);
    for (enum rank_type type = 0; !err && type < RANK_TYPES; type++) {
        for (size_t i = 0; i < rows->count; i++)
            rows->rank[i] = rank_of(rows->row[i]->above, rows->row[i]->level, type);
        const struct sample sample = {rows->count, rows->rank, NULL};
        struct metrics metrics;
        err = metrics_sum(&sample, &chance, &metrics);
        double *value = figures->value + (side * RANK_TYPES + type) * figures->column_count;
        for (size_t i = 0; !err && i < figures->column_count; i++)
            value[i] = figures->column[i].metric->value(&metrics, figures->column[i].k);
    }
    figures->count[side] = rows->count;
    chance_close(&chance);
    return err;
}

enum err figures_compute(struct figures *figures, const struct figures_relation *relation)
{
    const size_t most = (relation ? relation->count : figures->row_count) + 1;
    struct side_rows rows = {.row = malloc(most * sizeof *rows.row),
                             .candidates = malloc(most * sizeof *rows.candidates),
                             .rank = malloc(most * sizeof *rows.rank)};
    enum err err = rows.row && rows.candidates && rows.rank
                       ? OK
                       : err_note(ERR_MEMORY, "report: no memory for %zu ranks", most);
    for (size_t side = 0; !err && side < FIGURES_SIDES; side++) {
        collect(figures, relation, side, &rows);
        err = compute_side(figures, side, &rows);
    }
    free(rows.row);
    free(rows.candidates);
    free(rows.rank);
    return err;
}

double figures_value(const struct figures *figures, size_t side, enum rank_type type, size_t column)
{
    check(side < FIGURES_SIDES && type < RANK_TYPES && column < figures->column_count);
    return figures->value[(side * RANK_TYPES + type) * figures->column_count + column];
}

size_t figures_find(const struct figures *figures, const char *key)
{
    size_t i = 0;
    while (i < figures->column_count && strcmp(figures->column[i].key, key) != 0) i++;
    return i;
}
