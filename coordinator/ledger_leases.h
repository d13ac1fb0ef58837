/*
 * ledger_leases - the open leases, in memory: by unit, and by the worker that holds them.
 *
 * A unit has one open lease at most. Looking one up, opening and ending one take constant time.
 *
 * Owner:   leases_open fills a struct leases, leases_close frees it. A pointer to a lease is
 *          borrowed until the next leases_add.
 * Errors:  ERR_MEMORY.
 */
#ifndef COORDINATOR_LEDGER_LEASES_H
#define COORDINATOR_LEDGER_LEASES_H

#include "common/err.h"

#include <stdint.h>

#define LEASE_NONE UINT32_MAX

struct open_lease {
    uint64_t unit, worker;
    int64_t deadline_ms;
    uint32_t attempt;
    uint32_t next, previous; /* in the worker's list, LEASE_NONE at its ends */
    uint32_t chained;        /* the next lease in the same bucket, or free place */
};

struct lease_holder {
    uint32_t first;
    uint32_t held;
};

struct leases {
    struct open_lease *at; /* [room] */
    uint32_t room, free, open;
    uint32_t *bucket; /* [room], a power of two: the first lease of those with the same hash */
    struct lease_holder *holder; /* [holders], by worker - first_worker */
    uint64_t first_worker;
    size_t holders, holder_room;
    int64_t earliest_ms; /* no open lease has a deadline before it */
    int64_t passed_ms;   /* the earliest that leases_overdue has passed over */
};

MUST enum err leases_open(uint64_t first_worker, struct leases *out);
void leases_close(struct leases *leases);

/* Workers are numbered one after the other from first_worker. */
MUST enum err leases_add_worker(struct leases *leases);
bool leases_knows(const struct leases *leases, uint64_t worker);
uint32_t leases_held(const struct leases *leases, uint64_t worker);

MUST enum err leases_add(struct leases *leases, const struct open_lease *lease);
void leases_renew_all(struct leases *leases, int64_t deadline_ms);
void leases_end(struct leases *leases, struct open_lease *lease);

struct open_lease *leases_of_unit(struct leases *leases, uint64_t unit);     /* NULL: none */
struct open_lease *leases_of_worker(struct leases *leases, uint64_t worker); /* its newest */

/* The next lease whose deadline is at or before now_ms, from `*place` on (0 at first): end it
 * before the next call. NULL when there is none left. */
struct open_lease *leases_overdue(struct leases *leases, int64_t now_ms, uint32_t *place);

#endif
