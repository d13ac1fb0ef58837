/* figures - reads table rank, groups it, and lets the table of metrics loose on each group. */
#include "coordinator/figures.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_SIZE = 1024 };

const char *const figures_side_name[FIGURES_SIDES] = {"head", "tail", "both"};
const char *const figures_type_name[RANK_TYPES] = {"optimistic", "realistic", "pessimistic"};

/* clang-format off */
const struct figures_grouping figures_groupings[FIGURES_GROUPINGS] = {
    [FIGURES_RELATION] = {"relation", "x.relation", NULL, false},
    [FIGURES_DEPTH] = {"depth",
                       "coalesce((select d.depth from depth d where d.query = x.query), 'none')",
                       "prove", true},
};
/* clang-format on */

/* What is kept of a row of table rank. */
struct figures_row {
    uint32_t above, level, candidates;
    uint32_t number[FIGURES_GROUPINGS]; /* of its group, by first appearance */
    uint8_t side;                       /* FIGURES_BOTH: a query of either */
};

/* ---- reading ----------------------------------------------------------------------------- */

/* A group's label and its number, in a tree by label while the rows are read. */
struct name {
    const char *label;
    uint32_t number;
};

struct reading {
    struct figures *figures;
    uint64_t by;
    size_t row_space, group_space[FIGURES_GROUPINGS];
    void *tree[FIGURES_GROUPINGS]; /* of struct name, see tsearch(3) */
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

/* A new group: its label is kept by the figures, its name by the tree. */
static enum err add_group(struct reading *reading, size_t grouping, const char *label,
                          struct name **out)
{
    struct figures *figures = reading->figures;
    const size_t count = figures->group_count[grouping];
    void *groups = figures->group[grouping];
    const enum err err =
        grow(&groups, sizeof(struct figures_group), count, &reading->group_space[grouping]);
    figures->group[grouping] = groups;
    if (err) return err;

    char *copy = strdup(label);
    struct name *name = malloc(sizeof *name);
    if (copy && name) *name = (struct name){copy, (uint32_t)count};
    if (!copy || !name || !tsearch(name, &reading->tree[grouping], compare_names)) {
        free(copy);
        free(name);
        return err_note(ERR_MEMORY, "report: no memory for the groups by %s",
                        figures_groupings[grouping].name);
    }
    struct figures_group *group = &figures->group[grouping][figures->group_count[grouping]++];
    *group = (struct figures_group){.label = copy, .number = name->number};
    proofs_clear(&group->proofs);
    *out = name;
    return OK;
}

static enum err find_group(struct reading *reading, size_t grouping, const char *label,
                           uint32_t *number)
{
    const struct name wanted = {label, 0};
    struct name **found = tfind(&wanted, &reading->tree[grouping], compare_names);
    struct name *name = found ? *found : NULL;
    const enum err err = name ? OK : add_group(reading, grouping, label, &name);
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

/* The labels of the groupings follow. */
enum { SIDE, ABOVE, LEVEL, CANDIDATES, NONFINITE, LABELS, COLUMNS = LABELS + FIGURES_GROUPINGS };

static const char *label_sql(const struct figures *figures, size_t grouping)
{
    const struct figures_grouping *self = &figures_groupings[grouping];
    return !self->program || figures->searches ? self->label : "'none'";
}

static void write_select(const struct figures *figures, uint64_t by, char sql[SQL_SIZE])
{
    int used = snprintf(sql, SQL_SIZE, "select side, above, level, candidates, nonfinite");
    for (size_t i = 0; i < FIGURES_GROUPINGS; i++)
        used += snprintf(sql + used, SQL_SIZE - (size_t)used, ", %s",
                         by >> i & 1 ? label_sql(figures, i) : "null");
    used += snprintf(sql + used, SQL_SIZE - (size_t)used, " from rank x order by query, side");
    check(used < SQL_SIZE);
}

/* FIGURES_SIDES if it is none. */
static uint8_t read_side(const char *text)
{
    uint8_t side = 0;
    while (side < FIGURES_SIDES && (!text || strcmp(text, figures_side_name[side]) != 0)) side++;
    return side;
}

static bool read_row(const char *const *values, struct figures_row *row, uint32_t *nonfinite)
{
    row->side = read_side(values[SIDE]);
    return row->side < FIGURES_SIDES && read_number(values[ABOVE], &row->above) &&
           read_number(values[LEVEL], &row->level) &&
           read_number(values[CANDIDATES], &row->candidates) &&
           read_number(values[NONFINITE], nonfinite) &&
           (uint64_t)row->above + row->level + 1 <= row->candidates;
}

static enum err take_row(void *context, size_t columns, const char *const *names,
                         const char *const *values)
{
    (void)names;
    check(columns == COLUMNS);
    struct reading *reading = context;
    struct figures *figures = reading->figures;
    struct figures_row row = {0};
    uint32_t nonfinite;
    if (!read_row(values, &row, &nonfinite))
        return err_note(ERR_FORMAT,
                        "report: row %zu of table rank is damaged; "
                        "check the database with `pragma integrity_check`",
                        figures->row_count + 1);

    void *rows = figures->row;
    enum err err = grow(&rows, sizeof *figures->row, figures->row_count, &reading->row_space);
    figures->row = rows;
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++)
        if (reading->by >> i & 1)
            err = find_group(reading, i, values[LABELS + i] ? values[LABELS + i] : "",
                             &row.number[i]);
    if (err) return err;
    figures->row[figures->row_count++] = row;
    figures->tied += row.level > 0;
    figures->nonfinite += nonfinite;
    return OK;
}

static void drop_names(void **tree)
{
    while (*tree) {
        struct name *name = *(struct name **)*tree;
        tdelete(name, tree, compare_names);
        free(name);
    }
}

static enum err read_rows(struct ledger *reader, uint64_t by, struct figures *figures)
{
    struct reading reading = {.figures = figures, .by = by};
    char sql[SQL_SIZE];
    write_select(figures, by, sql);
    const enum err err = ledger_query(reader, sql, 0, take_row, &reading);
    for (size_t i = 0; i < FIGURES_GROUPINGS; i++) drop_names(&reading.tree[i]);
    return err;
}

/* ---- grouping ---------------------------------------------------------------------------- */

static int compare_labels(const void *one, const void *other)
{
    return strcmp(((const struct figures_group *)one)->label,
                  ((const struct figures_group *)other)->label);
}

/* Numbers by size, and then the rest. */
static int compare_numbers(const void *one, const void *other)
{
    char *ends[2];
    const struct figures_group *a = one, *b = other;
    const long long numbers[] = {strtoll(a->label, &ends[0], 10), strtoll(b->label, &ends[1], 10)};
    const bool is_number[] = {ends[0] != a->label && !*ends[0], ends[1] != b->label && !*ends[1]};
    if (is_number[0] != is_number[1]) return is_number[0] ? -1 : 1;
    if (is_number[0] && numbers[0] != numbers[1]) return numbers[0] < numbers[1] ? -1 : 1;
    return strcmp(a->label, b->label);
}

static int (*comparison(size_t grouping))(const void *, const void *)
{
    return figures_groupings[grouping].numbers ? compare_numbers : compare_labels;
}

/* Counts the rows of each group, sorts the groups, and lists the rows group by group, each in the
 * order of the rows. */
static enum err group_rows(struct figures *figures, size_t grouping)
{
    struct figures_group *group = figures->group[grouping];
    const size_t count = figures->group_count[grouping];
    size_t **next = calloc(count + 1, sizeof *next); /* by number: where its next row goes */
    size_t *order = malloc((figures->row_count + 1) * sizeof *order);
    figures->order[grouping] = order;
    if (!next || !order) {
        free(next);
        return err_note(ERR_MEMORY, "report: no memory for %zu ranks", figures->row_count);
    }
    for (size_t i = 0; i < figures->row_count; i++) group[figures->row[i].number[grouping]].count++;
    if (count) qsort(group, count, sizeof *group, comparison(grouping));

    for (size_t i = 0; i < count; i++) {
        group[i].row = next[group[i].number] = order;
        order += group[i].count;
    }
    for (size_t i = 0; i < figures->row_count; i++) *next[figures->row[i].number[grouping]]++ = i;
    free(next);
    return OK;
}

/* ---- searches ---------------------------------------------------------------------------- */

struct seeking {
    struct figures *figures;
    size_t grouping;
};

static struct proofs *find_all(void *context, const char *label)
{
    (void)label;
    return &((struct figures *)context)->proofs;
}

/* A run at work may have outcomes of a group by now that had no ranks when these were read. */
static struct proofs *find_of_group(void *context, const char *label)
{
    const struct seeking *seeking = context;
    struct figures_group *group = seeking->figures->group[seeking->grouping];
    const size_t count = seeking->figures->group_count[seeking->grouping];
    size_t i = 0;
    while (i < count && strcmp(group[i].label, label) != 0) i++;
    return i < count ? &group[i].proofs : NULL;
}

static enum err read_proofs(struct ledger *reader, uint64_t by, struct figures *figures)
{
    proofs_clear(&figures->proofs);
    if (!figures->searches) return OK;
    enum err err = proofs_read(reader, "''", find_all, figures);
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++) {
        struct seeking seeking = {figures, i};
        if (by >> i & 1) err = proofs_read(reader, label_sql(figures, i), find_of_group, &seeking);
    }
    return err;
}

/* ---- opening ----------------------------------------------------------------------------- */

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

enum err figures_open(struct ledger *reader, const struct figures_config *config,
                      struct figures **out)
{
    struct figures *figures = calloc(1, sizeof *figures);
    *out = NULL;
    if (!figures) return err_note(ERR_MEMORY, "report: no memory");

    figures->searches = config->searches;
    enum err err = make_columns(figures, config->hits, config->hits_count);
    if (!err) err = read_rows(reader, config->by, figures);
    for (size_t i = 0; i < FIGURES_GROUPINGS && !err; i++)
        if (config->by >> i & 1) err = group_rows(figures, i);
    if (!err) err = read_proofs(reader, config->by, figures);
    if (err) figures_close(&figures);
    *out = figures;
    return err;
}

void figures_close(struct figures **figures)
{
    struct figures *self = *figures;
    *figures = NULL;
    if (!self) return;
    for (size_t grouping = 0; grouping < FIGURES_GROUPINGS; grouping++) {
        for (size_t i = 0; i < self->group_count[grouping]; i++)
            free(self->group[grouping][i].label);
        free(self->group[grouping]);
        free(self->order[grouping]);
    }
    free(self->row);
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

static void collect(const struct figures *figures, const struct figures_group *group, size_t side,
                    struct side_rows *rows)
{
    const size_t count = group ? group->count : figures->row_count;
    rows->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct figures_row *row = &figures->row[group ? group->row[i] : i];
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

enum err figures_compute(struct figures *figures, const struct figures_group *group)
{
    const size_t most = (group ? group->count : figures->row_count) + 1;
    struct side_rows rows = {.row = malloc(most * sizeof *rows.row),
                             .candidates = malloc(most * sizeof *rows.candidates),
                             .rank = malloc(most * sizeof *rows.rank)};
    enum err err = rows.row && rows.candidates && rows.rank
                       ? OK
                       : err_note(ERR_MEMORY, "report: no memory for %zu ranks", most);
    for (size_t side = 0; !err && side < FIGURES_SIDES; side++) {
        collect(figures, group, side, &rows);
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
