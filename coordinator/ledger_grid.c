#include "coordinator/ledger_grid.h"

#include <stdlib.h>

/* Adds `value` to a list that grows by doubling. */
static enum err append(uint64_t **list, size_t *count, size_t *room, uint64_t value)
{
    if (*count == *room) {
        const size_t more = *room ? 2 * *room : 64;
        uint64_t *grown = realloc(*list, more * sizeof(**list));
        if (!grown) return err_note(ERR_MEMORY, "ledger: no memory for a list of %zu units", more);
        *list = grown;
        *room = more;
    }
    (*list)[(*count)++] = value;
    return OK;
}

enum err grid_open(uint64_t rows, uint64_t columns, struct grid *out)
{
    struct grid grid = {.rows = rows, .columns = columns, .total = rows * columns};
    check(columns > 0 && rows <= UINT64_MAX / columns && columns <= UINT32_MAX);
    grid.cell = calloc(grid.total ? grid.total : 1, sizeof(grid.cell[0]));
    grid.column = calloc(columns, sizeof(grid.column[0]));
    grid.row_left = malloc((rows ? rows : 1) * sizeof(grid.row_left[0]));
    grid.count[UNIT_READY] = grid.total;

    enum err err = OK;
    if (!grid.cell || !grid.column || !grid.row_left)
        err = err_note(ERR_MEMORY, "ledger: no memory for the states of %llu units",
                       (unsigned long long)grid.total);
    for (uint64_t i = 0; !err && i < columns; i++) grid.column[i].ready = rows;
    for (uint64_t i = 0; !err && i < rows; i++) grid.row_left[i] = (uint32_t)columns;
    if (err) grid_close(&grid);
    *out = grid;
    return err;
}

void grid_close(struct grid *grid)
{
    free(grid->cell);
    free(grid->column);
    free(grid->row_left);
    free(grid->alone);
    free(grid->complete);
    *grid = (struct grid){0};
}

/* The list is short: what a few dead workers held. */
static void drop_alone(struct grid *grid, uint64_t unit)
{
    size_t i = 0;
    while (i < grid->alone_count && grid->alone[i] != unit) i++;
    check(i < grid->alone_count);
    grid->alone_count--;
    for (; i < grid->alone_count; i++) grid->alone[i] = grid->alone[i + 1];
}

static void leave_ready(struct grid *grid, uint64_t unit)
{
    if (grid->cell[unit].alone)
        drop_alone(grid, unit);
    else
        grid->column[unit % grid->columns].ready--;
}

static enum err enter_ready(struct grid *grid, uint64_t unit)
{
    struct grid_column *column = &grid->column[unit % grid->columns];
    const uint64_t row = unit / grid->columns;
    if (grid->cell[unit].alone)
        return append(&grid->alone, &grid->alone_count, &grid->alone_room, unit);
    column->ready++;
    if (row < column->row) column->row = row;
    return OK;
}

enum err grid_move(struct grid *grid, uint64_t unit, enum unit_state to)
{
    const enum unit_state from = grid->cell[unit].state;
    const uint64_t row = unit / grid->columns;
    enum err err = OK;
    if (from == to) return OK;
    if (from == UNIT_READY) leave_ready(grid, unit);
    grid->count[from]--;
    grid->count[to]++;
    grid->cell[unit].state = to;
    if (to == UNIT_READY) err = enter_ready(grid, unit);
    if (to == UNIT_DONE && --grid->row_left[row] == 0)
        err = append(&grid->complete, &grid->complete_count, &grid->complete_room, row);
    return err;
}

void grid_mark_alone(struct grid *grid, uint64_t unit, bool alone)
{
    check(grid->cell[unit].state != UNIT_READY);
    grid->cell[unit].alone = alone;
}

/* The column with the most ready units: the least has been done or leased of it. */
static uint64_t least_done(const struct grid *grid)
{
    uint64_t best = 0;
    for (uint64_t i = 1; i < grid->columns; i++)
        if (grid->column[i].ready > grid->column[best].ready) best = i;
    return best;
}

enum err grid_next(struct grid *grid, uint64_t column, bool alone_too, uint64_t *unit)
{
    if (column >= grid->columns || grid->column[column].ready == 0) column = least_done(grid);
    struct grid_column *from = &grid->column[column];
    if (from->ready == 0) {
        if (!alone_too || grid->alone_count == 0) return ERR_NONE;
        *unit = grid->alone[0];
        return OK;
    }
    for (;; from->row++) {
        check(from->row < grid->rows);
        *unit = from->row * grid->columns + column;
        if (grid->cell[*unit].state == UNIT_READY && !grid->cell[*unit].alone) return OK;
    }
}

enum err grid_next_row(struct grid *grid, uint64_t *row)
{
    if (grid->complete_taken == grid->complete_count) {
        grid->complete_taken = grid->complete_count = 0;
        return ERR_NONE;
    }
    *row = grid->complete[grid->complete_taken++];
    return OK;
}
