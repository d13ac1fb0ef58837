/* transe_l1 - minus the L1 length of h + r - t. Bordes et al. 2013. */
#ifndef WORKER_SCORER_TRANSE_L1_H
#define WORKER_SCORER_TRANSE_L1_H

/* Where h + r, or for the head t - r, would have its answer. */
HD void transe_point(const struct scorer_query *ask, float *query)
{
    for (uint32_t k = 0; k < ask->width; k++)
        query[k] =
            ask->head ? ask->anchor[k] - ask->relation[k] : ask->anchor[k] + ask->relation[k];
}

HD void transe_l1_query(const struct scorer_query *ask, float *query)
{
    transe_point(ask, query);
}

#endif
