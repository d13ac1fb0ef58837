/* held - a short list, searched from its start: acknowledgements come in the order of results. */
#include "worker/held.h"

#include <stdlib.h>

enum err held_add(struct held *held, const struct wire_lease *lease)
{
    if (held->count == WIRE_LEASES_MAX)
        return err_note(ERR_FULL, "worker: more than %d units granted", WIRE_LEASES_MAX);
    held->at[held->count++] = (struct held_unit){.lease = *lease};
    return OK;
}

struct held_unit *held_find(struct held *held, const struct wire_lease *lease)
{
    for (uint32_t i = 0; i < held->count; i++)
        if (held->at[i].lease.unit == lease->unit && held->at[i].lease.attempt == lease->attempt)
            return &held->at[i];
    return NULL;
}

void held_finish(struct held *held, struct held_unit *unit, uint8_t *header, size_t header_size,
                 uint8_t *body, size_t body_size)
{
    check(!unit->header);
    unit->header = header;
    unit->header_size = header_size;
    unit->body = body;
    unit->body_size = body_size;
    held->finished++;
}

void held_drop(struct held *held, struct held_unit *unit)
{
    if (unit->header) held->finished--;
    free(unit->header);
    free(unit->body);
    *unit = held->at[--held->count];
}

void held_clear(struct held *held)
{
    while (held->count) held_drop(held, &held->at[held->count - 1]);
}

void held_list(const struct held *held, bool unfinished, struct wire_leases *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < held->count; i++)
        if (!unfinished || !held->at[i].header) out->at[out->count++] = held->at[i].lease;
}

int64_t held_oldest_ms(const struct held *held)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < held->count; i++)
        if (held->at[i].header && held->at[i].sent_ms < oldest) oldest = held->at[i].sent_ms;
    return oldest;
}
