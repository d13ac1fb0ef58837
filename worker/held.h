/*
 * held - the units a worker has in hand: leases it works on, and results that wait for their
 * acknowledgement.
 *
 *     held_add (granted) --> held_finish (its result's frames) --> held_drop (acknowledged)
 *
 * Owner:   a struct held that is all zeros is empty; held_clear empties it. held_finish takes
 *          both frames.
 */
#ifndef WORKER_HELD_H
#define WORKER_HELD_H

#include "common/wire.h"

struct held_unit {
    struct wire_lease lease;
    uint8_t *header, *body; /* [header_size], [body_size]: of a finished one */
    size_t header_size, body_size;
    int64_t sent_ms; /* when the result was sent last */
};

struct held {
    uint32_t count, finished;
    struct held_unit at[WIRE_LEASES_MAX];
};

/* ERR_FULL when there is no more room. */
MUST enum err held_add(struct held *held, const struct wire_lease *lease);
struct held_unit *held_find(struct held *held, const struct wire_lease *lease); /* or NULL */
void held_finish(struct held *held, struct held_unit *unit, uint8_t *header, size_t header_size,
                 uint8_t *body, size_t body_size);
void held_drop(struct held *held, struct held_unit *unit);
void held_clear(struct held *held);

/* The leases in hand; with `unfinished`, only those without a result. */
void held_list(const struct held *held, bool unfinished, struct wire_leases *out);

/* When the result that waits longest was sent; INT64_MAX if none waits. */
int64_t held_oldest_ms(const struct held *held);

#endif
