/*
 * complex - the real part of the sum of h r conj(t). Trouillon et al. 2016.
 *
 * With h r = u + iv it is the sum of u t_re + v t_im; with t conj(r) = u + iv, of u h_re + v h_im.
 * Each product and each sum is one fp32 operation.
 */
#ifndef WORKER_SCORER_COMPLEX_H
#define WORKER_SCORER_COMPLEX_H

HD void complex_query(const struct scorer_query *ask, float *query)
{
    const uint32_t half = ask->width / 2;
    for (uint32_t k = 0; k < half; k++) {
        const float a = ask->anchor[k], b = ask->anchor[half + k];
        const float c = ask->relation[k], d = ask->relation[half + k];
        const float ac = a * c, bd = b * d, ad = a * d, bc = b * c;
        query[k] = ask->head ? ac + bd : ac - bd;
        query[half + k] = ask->head ? bc - ad : ad + bc;
    }
}

#endif
