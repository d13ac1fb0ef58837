/*
 * ledger_grid - the states of all units, in memory: which is ready next, what is complete.
 *
 * Units form rows x columns; unit = row * columns + column. Four bytes a unit, and every question
 * is answered without looking through them: each column remembers the lowest row that may be
 * ready, and ready units that must be leased alone stand in a list of their own.
 *
 * Owner:   grid_open fills a struct grid, grid_close frees it.
 * Errors:  ERR_MEMORY.
 */
#ifndef COORDINATOR_LEDGER_GRID_H
#define COORDINATOR_LEDGER_GRID_H

#include "coordinator/ledger.h"

enum { ATTEMPTS_MAX = (1 << 27) - 1 };

struct grid_cell {
    uint32_t state : 3;   /* enum unit_state */
    uint32_t alone : 1;   /* lease it alone */
    uint32_t charged : 1; /* an attempt at it may have been charged */
    uint32_t attempts : 27;
};

struct grid_column {
    uint64_t row;   /* none below it is ready, but for those that must be alone */
    uint64_t ready; /* units that are ready and need not be alone */
};

struct grid {
    uint64_t rows, columns, total;
    struct grid_cell *cell;     /* [total] */
    struct grid_column *column; /* [columns] */
    uint32_t *row_left;         /* [rows], units that are not done */
    uint64_t *alone;            /* [alone_count], ready units to be leased alone */
    size_t alone_count, alone_room;
    uint64_t *complete; /* [complete_count], rows whose last unit was done */
    size_t complete_count, complete_room, complete_taken;
    uint64_t count[UNIT_STATES];
};

/* All units ready. */
MUST enum err grid_open(uint64_t rows, uint64_t columns, struct grid *out);
void grid_close(struct grid *grid);

MUST enum err grid_move(struct grid *grid, uint64_t unit, enum unit_state to);
/* Sets or clears the mark of a unit that is not ready. */
void grid_mark_alone(struct grid *grid, uint64_t unit, bool alone);

/* The unit to lease next; see ledger_lease. ERR_NONE if there is none. */
MUST enum err grid_next(struct grid *grid, uint64_t column, bool alone_too, uint64_t *unit);

/* Rows in the order in which they became complete; each once. */
MUST enum err grid_next_row(struct grid *grid, uint64_t *row);

#endif
