/*
 * rotate - minus the sum of the moduli |h e^(i phase) - t|, or with `norm: l2` minus the squared
 * L2 length over all coordinates. Sun et al. 2019.
 *
 * Turning keeps lengths, so for the head it is t that is turned, backwards: |h - t e^(-i phase)|.
 */
#ifndef WORKER_SCORER_ROTATE_H
#define WORKER_SCORER_ROTATE_H

#include "worker/scorer/complex.h"

HD void rotate_query(const struct scorer_query *ask, float *query)
{
    complex_query(ask, query); /* the same products; the relation has length 1 */
}

#endif
