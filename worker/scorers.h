/*
 * scorers - the formulas of schema/scorers.h, as code. scorer/NAME.h defines for each
 *
 *     HD void NAME_query(const struct scorer_query *ask, float *query);
 *
 * which makes the fp32 query vector [dim] from the anchor's row and the relation's, elementwise
 * and in a written order: with it the score of a candidate is its form's (step/rank.h). `query`
 * and rows are in halves layout when they are complex.
 */
#ifndef WORKER_SCORERS_H
#define WORKER_SCORERS_H

#include "common/hd.h"
#include "schema/scorers.h"

#include <stdbool.h>
#include <stdint.h>

struct scorer_query {
    const float *anchor;   /* [width], the entity given */
    const float *relation; /* [width]; RotatE: cosines, then sines */
    uint32_t width;        /* of an entity's row; complex ones have width / 2 numbers */
    bool head;             /* the head is asked for; the anchor is the tail */
};

#include "worker/scorer/complex.h"
#include "worker/scorer/distmult.h"
#include "worker/scorer/rotate.h"
#include "worker/scorer/transe_l1.h"
#include "worker/scorer/transe_l2.h"

#endif
