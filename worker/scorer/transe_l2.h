/* transe_l2 - minus the squared L2 length of h + r - t, which ranks as the length does. */
#ifndef WORKER_SCORER_TRANSE_L2_H
#define WORKER_SCORER_TRANSE_L2_H

#include "worker/scorer/transe_l1.h"

HD void transe_l2_query(const struct scorer_query *ask, float *query)
{
    transe_point(ask, query);
}

#endif
