/*
 * items - the grid of a proof search: which atom is proved at which place.
 *
 * A target is an evaluated line and a list of candidates: those of its head, of its tail, or both
 * in one list (`mode: both`). Its places are
 *
 *     0        the true triple itself
 *     1 ..     corruptions. candidates: all     every other member of the domain, ascending
 *                           candidates: sample  the first K places of the keyed permutation
 *                           (design, "Exactness", rule 1) of the domain without the true one
 *
 * In a joint list of K the head side comes first and has (K + 1) / 2 of them. Known triples keep
 * their place and are skipped. Nothing is stored: a place gives its atom directly.
 *
 * Targets are ordered by a permutation keyed by the seed, so that the part of a run that is done
 * is a fair sample. The grid is targets x places, cut as rank's is (common/shape.h): a unit has
 * either whole targets, or a part of one target's places; unit = row * columns + column. Places
 * that a target does not have are padding, never counted.
 *
 * Owner:   items_open gives, items_close takes; it keeps the theory.
 * Errors:  ERR_INPUT for an entity that is in no domain (with file and line); ERR_MEMORY.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_ITEMS_H
#define COMMON_ITEMS_H

#include "common/theory.h"

/* Which slots a target's candidates replace; the first two as enum side. */
enum item_side { ITEM_HEAD, ITEM_TAIL, ITEM_BOTH, ITEM_SIDES };
extern const char *const item_side_name[ITEM_SIDES]; /* "head", "tail", "both" */

struct item_target {
    uint32_t triple; /* place in theory.evaluated */
    uint8_t side;    /* enum item_side */
};

struct items {
    const struct theory *theory;
    struct item_target *target; /* [target_count], in the order of the grid */
    uint32_t target_count;
    uint64_t places;                        /* the most that a target has */
    uint64_t total;                         /* places of all targets, padding not counted */
    uint64_t unit_targets, unit_candidates; /* of a unit; at least 1 */
    uint64_t seed;
    uint32_t samples; /* UINT32_MAX: all */
};

/* A unit's part of the grid. */
struct item_span {
    uint32_t first_target, target_count;
    uint64_t first_place, place_count;
};

enum item_kind {
    ITEM_NONE,  /* padding: the target has no such place */
    ITEM_KNOWN, /* a known triple: skipped */
    ITEM_TRUE,
    ITEM_CANDIDATE,
};

/* Cuts the grid into units of `unit_items` (setting), or 20 times the lanes where it says 0,
 * smaller when the grid is, so that a few workers can share it. */
MUST enum err items_open(const struct settings *settings, const struct theory *theory,
                         struct items *out);
void items_close(struct items *items);

uint64_t items_rows(const struct items *items);
uint64_t items_columns(const struct items *items);
struct item_span items_span(const struct items *items, uint64_t unit);

/* Places of a target, the known ones included. */
uint64_t items_places(const struct items *items, uint32_t target);

/* The triple at a place, numbers of the vocabs; `at` is written unless it is ITEM_NONE. The filter
 * is asked only where the theory has one (THEORY_SEARCH); else a known triple is ITEM_CANDIDATE. */
enum item_kind items_at(const struct items *items, uint32_t target, uint64_t place,
                        struct triple *at);

/* What keys a target's random numbers: 3 * line + side. The permutation of a side's domain has
 * stream 3 * line + that side, also in a joint list. */
uint64_t items_stream(const struct items *items, uint32_t target);

#endif
