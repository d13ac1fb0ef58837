/* distmult - the sum of h r t: a product of three, so both sides fold alike. Yang et al. 2015. */
#ifndef WORKER_SCORER_DISTMULT_H
#define WORKER_SCORER_DISTMULT_H

HD void distmult_query(const struct scorer_query *ask, float *query)
{
    for (uint32_t k = 0; k < ask->width; k++) query[k] = ask->anchor[k] * ask->relation[k];
}

#endif
