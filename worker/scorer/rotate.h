/*
 * rotate - minus the sum of the moduli |h e^(i phase) - t|, or with `norm: l2` minus the squared
 * L2 length over all coordinates. Sun et al. 2019.
 *
 * Turning keeps lengths, so for the head it is t that is turned, backwards: |h - t e^(-i phase)|.
 * Each product and each sum is one fp32 operation.
 */
#ifndef WORKER_SCORER_ROTATE_H
#define WORKER_SCORER_ROTATE_H

HD void rotate_query(const struct scorer_query *ask, float *query)
{
    const uint32_t half = ask->width / 2;
    for (uint32_t k = 0; k < half; k++) {
        const float a = ask->anchor[k], b = ask->anchor[half + k];
        const float cosine = ask->relation[k], sine = ask->relation[half + k];
        const float ac = a * cosine, bs = b * sine, as = a * sine, bc = b * cosine;
        query[k] = ask->head ? ac + bs : ac - bs;
        query[half + k] = ask->head ? bc - as : as + bc;
    }
}

#endif
