#include "coordinator/ledger_leases.h"

#include <stdlib.h>

enum { ROOM_FIRST = 256 };

static uint32_t bucket_of(const struct leases *leases, uint64_t unit)
{
    return (uint32_t)((unit * 0x9e3779b97f4a7c15u) >> 32) & (leases->room - 1);
}

static void chain(struct leases *leases, uint32_t place)
{
    uint32_t *bucket = &leases->bucket[bucket_of(leases, leases->at[place].unit)];
    leases->at[place].chained = *bucket;
    *bucket = place;
}

/* Doubles the room; called when every place is taken, so all of them are chained anew. */
static enum err grow(struct leases *leases)
{
    const uint32_t room = leases->room ? 2 * leases->room : ROOM_FIRST;
    struct open_lease *at = realloc(leases->at, room * sizeof(at[0]));
    if (at) leases->at = at;
    uint32_t *bucket = at ? realloc(leases->bucket, room * sizeof(bucket[0])) : NULL;
    if (!bucket) return err_note(ERR_MEMORY, "ledger: no memory for %u leases", room);

    const uint32_t taken = leases->room;
    leases->bucket = bucket;
    leases->room = room;
    for (uint32_t i = 0; i < room; i++) bucket[i] = LEASE_NONE;
    for (uint32_t i = 0; i < taken; i++) chain(leases, i);
    for (uint32_t i = taken; i < room; i++)
        at[i] = (struct open_lease){.chained = i + 1 < room ? i + 1 : LEASE_NONE};
    leases->free = taken;
    return OK;
}

enum err leases_open(uint64_t first_worker, struct leases *out)
{
    *out =
        (struct leases){.free = LEASE_NONE, .first_worker = first_worker, .earliest_ms = INT64_MAX};
    enum err err = grow(out);
    if (err) leases_close(out);
    return err;
}

void leases_close(struct leases *leases)
{
    free(leases->at);
    free(leases->bucket);
    free(leases->holder);
    *leases = (struct leases){0};
}

enum err leases_add_worker(struct leases *leases)
{
    if (leases->holders == leases->holder_room) {
        const size_t room = leases->holder_room ? 2 * leases->holder_room : 64;
        struct lease_holder *holder = realloc(leases->holder, room * sizeof(holder[0]));
        if (!holder) return err_note(ERR_MEMORY, "ledger: no memory for %zu workers", room);
        leases->holder = holder;
        leases->holder_room = room;
    }
    leases->holder[leases->holders++] = (struct lease_holder){.first = LEASE_NONE};
    return OK;
}

bool leases_knows(const struct leases *leases, uint64_t worker)
{
    return worker >= leases->first_worker && worker - leases->first_worker < leases->holders;
}

static struct lease_holder *holder_of(const struct leases *leases, uint64_t worker)
{
    check(leases_knows(leases, worker));
    return &leases->holder[worker - leases->first_worker];
}

uint32_t leases_held(const struct leases *leases, uint64_t worker)
{
    return holder_of(leases, worker)->held;
}

enum err leases_add(struct leases *leases, const struct open_lease *lease)
{
    enum err err = leases->free == LEASE_NONE ? grow(leases) : OK;
    if (err) return err;
    const uint32_t place = leases->free;
    struct open_lease *at = &leases->at[place];
    struct lease_holder *holder = holder_of(leases, lease->worker);
    leases->free = at->chained;
    *at = *lease;
    at->previous = LEASE_NONE;
    at->next = holder->first;
    if (at->next != LEASE_NONE) leases->at[at->next].previous = place;
    holder->first = place;
    holder->held++;
    chain(leases, place);
    leases->open++;
    if (lease->deadline_ms < leases->earliest_ms) leases->earliest_ms = lease->deadline_ms;
    return OK;
}

void leases_renew_all(struct leases *leases, int64_t deadline_ms)
{
    for (uint32_t i = 0; i < leases->room; i++)
        if (leases->at[i].worker) leases->at[i].deadline_ms = deadline_ms;
    leases->earliest_ms = leases->open ? deadline_ms : INT64_MAX;
}

void leases_end(struct leases *leases, struct open_lease *lease)
{
    const uint32_t place = (uint32_t)(lease - leases->at);
    struct lease_holder *holder = holder_of(leases, lease->worker);
    uint32_t *link = &leases->bucket[bucket_of(leases, lease->unit)];
    while (*link != place) link = &leases->at[*link].chained;
    *link = lease->chained;

    if (lease->previous == LEASE_NONE)
        holder->first = lease->next;
    else
        leases->at[lease->previous].next = lease->next;
    if (lease->next != LEASE_NONE) leases->at[lease->next].previous = lease->previous;
    holder->held--;

    lease->worker = 0; /* no worker has this number: the place is free */
    lease->chained = leases->free;
    leases->free = place;
    if (--leases->open == 0) leases->earliest_ms = INT64_MAX;
}

struct open_lease *leases_of_unit(struct leases *leases, uint64_t unit)
{
    uint32_t place = leases->bucket[bucket_of(leases, unit)];
    while (place != LEASE_NONE && leases->at[place].unit != unit) place = leases->at[place].chained;
    return place == LEASE_NONE ? NULL : &leases->at[place];
}

struct open_lease *leases_of_worker(struct leases *leases, uint64_t worker)
{
    const uint32_t first = holder_of(leases, worker)->first;
    return first == LEASE_NONE ? NULL : &leases->at[first];
}

struct open_lease *leases_overdue(struct leases *leases, int64_t now_ms, uint32_t *place)
{
    if (now_ms < leases->earliest_ms) return NULL;
    if (*place == 0) leases->passed_ms = INT64_MAX;
    while (*place < leases->room) {
        struct open_lease *lease = &leases->at[(*place)++];
        if (!lease->worker) continue;
        if (lease->deadline_ms <= now_ms) return lease;
        if (lease->deadline_ms < leases->passed_ms) leases->passed_ms = lease->deadline_ms;
    }
    leases->earliest_ms = leases->passed_ms;
    return NULL;
}
