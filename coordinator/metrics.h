/*
 * metrics - what is made of ranks: one table of formulas, a row each (metrics.c).
 *
 * Formulas, expectations and variances are those of Berrendorf et al., "On the Ambiguity of
 * Rank-Based Evaluation of Entity Alignment or Link Prediction Methods" (2020) and Hoyt et al.,
 * "A Unified Framework for Rank-based Evaluation Metrics for Link Prediction" (2022), under
 * the names that PyKEEN gives them. Sums run in the order of the sample, so the same ranks give
 * the same bits; logarithms and exponentials are common/fmath.h's.
 *
 *     chance_open --> metrics_sum --> metrics_table[...].value ... --> chance_close
 *
 * A metric that a sample does not define (an index whose expectation is its optimum, any metric
 * of no ranks) is NaN here and null in reports.
 *
 * Owner:   a struct metrics owns nothing; it keeps the sample's arrays and the chance.
 * Errors:  ERR_MEMORY.
 */
#ifndef COORDINATOR_METRICS_H
#define COORDINATOR_METRICS_H

#include "coordinator/chance.h"

#include <stddef.h>
#include <stdint.h>

struct sample {
    size_t count;
    const double *rank;   /* [count], each from 1 to the number of candidates */
    const double *weight; /* [count], or NULL: all alike */
};

/* What the formulas are made from. */
struct metrics {
    struct sample sample;
    const struct chance *chance; /* of the same candidates and weights */
    double mean, reciprocal, geometric, variance, median, deviation;
};

MUST enum err metrics_sum(const struct sample *sample, const struct chance *chance,
                          struct metrics *out);

struct metric {
    const char *name; /* "inverse_harmonic_mean_rank" */
    bool at_k;        /* "_K" is put behind the name: "hits_at_10" */
    bool rounded;     /* made with log or exp: the first METRIC_DIGITS digits are worth printing */
    double (*value)(const struct metrics *metrics, uint64_t k);
};

enum { METRIC_DIGITS = 12 };

extern const struct metric metrics_table[];
extern const size_t metrics_count;

#endif
