/*
 * chance - what metrics are worth if every rank were drawn at random.
 *
 * A rank among C candidates is then uniform over 1 .. C. From this follow the expectation and the
 * variance of a metric of many ranks, which the adjusted metrics and the z-scores need
 * (coordinator/metrics.h names the papers). They depend on the numbers of candidates alone, so
 * one struct chance serves optimistic, realistic and pessimistic ranks.
 *
 * Sums over 1 .. C are not added up but taken from the Euler-Maclaurin formula, so the cost does
 * not grow with C. Logarithms and exponentials are common/fmath.h's: the same bits everywhere.
 *
 * Owner:   chance_open gives, chance_close takes.
 * Errors:  ERR_MEMORY.
 */
#ifndef COORDINATOR_CHANCE_H
#define COORDINATOR_CHANCE_H

#include "common/err.h"

#include <stdint.h>

struct moments {
    double mean, variance;
};

/* Ranks that have the same number of candidates and the same weight. */
struct chance_group {
    uint32_t candidates;
    double weight;
    double count;
};

struct chance {
    struct moments rank;        /* of the arithmetic mean rank, */
    struct moments reciprocal;  /* of the mean of 1 / rank, */
    struct moments geometric;   /* of the geometric mean rank */
    double total;               /* all weights */
    struct chance_group *group; /* [group_count], ascending */
    size_t group_count;
};

/* `candidates` [count], each at least 1; `weight` [count], or NULL: all alike. Without any rank
 * the moments are NaN. */
MUST enum err chance_open(const uint32_t *candidates, const double *weight, size_t count,
                          struct chance *out);
void chance_close(struct chance *chance);

/* Of the share of ranks that are at most k. */
struct moments chance_hits(const struct chance *chance, uint64_t k);

/* The sum of 1 / j^power over j = 1 .. count; power 1 or 2. */
double chance_harmonic(uint32_t count, int power);

/* The mean of j^exponent - 1 over j = 1 .. count, also where the exponent is tiny. */
double chance_growth(uint32_t count, double exponent);

#endif
