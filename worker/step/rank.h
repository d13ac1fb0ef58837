/*
 * rank - for each target, count the candidates that score above, and level with, the true answer.
 *
 * rank_cpu and every other backend promise the same counts, bit for bit, because both decide by
 * the canonical score below. A fast pass may go first; what it cannot prove is scored canonically.
 *
 * The canonical score, "C8": fp64 over fp32 numbers; term k goes to running sum k mod CHAINS;
 * the sums are folded in halves: ((a0+a4)+(a2+a6)) + ((a1+a5)+(a3+a7)). Distances are negated,
 * so a higher score is better in every form:
 *
 *     DOT      sum of  q e                           fma(q, e, a)
 *     L1       minus the sum of |q - e|              a + fabs(q - e)
 *     L2       minus the sum of (q - e)^2            x = q - e; fma(x, x, a)
 *     MODULUS  minus the sum of |q - e|, complex     a + sqrt(fma(x, x, y * y)); the row is all
 *              real parts, padded, then all imaginary ones; k counts complex numbers
 *
 * It neither overflows nor underflows: the terms of fp32 numbers lie well inside fp64's range.
 *
 * The fast pass is fp32 in any order, fused or not. With u = 2^-24, n terms and
 * c = (n+8) u / (1 - (n+8) u), its error against the canonical score is at most (Higham, "Accuracy
 * and Stability of Numerical Algorithms", 2nd ed., 3.1, 4.2; all factors rounded up):
 *
 *     DOT      c |q| |e|, norms of Cauchy and Schwarz, rounded up
 *     L1, L2   c times the score itself, since all terms have one sign
 *     MODULUS  likewise; and n sqrt(2^-124), since the squares under the root may underflow
 *     each     and (n+4) 2^-125, so that it holds where denormal results are flushed, too
 *
 * A term meets at most n + 3 roundings of the fast pass; the rest of the 8 covers fp64's own, and
 * (n+8) u stays below 1/2 up to RANK_DIM_MAX. A fast score that is not finite proves nothing: a
 * sum or a square may have overflowed on the way; the pair is scored canonically. Conversely a
 * finite fast score shows that nothing overflowed, and that no number was infinite or a NaN.
 */
#ifndef WORKER_STEP_RANK_H
#define WORKER_STEP_RANK_H

#include "common/err.h"
#include "common/hd.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { RANK_CHAINS = 8, RANK_PANEL = 32, RANK_DIM_MAX = 1 << 22 };

enum rank_form { FORM_DOT, FORM_L1, FORM_L2, FORM_MODULUS, FORM_COUNT };
enum rank_pass { PASS_NONE, PASS_FP32 }; /* what goes before the canonical score */

/* One target's counts over the candidates of one call, known answers included. */
struct rank_votes {
    uint32_t above;
    uint32_t level; /* the true answer itself too, if it is among the candidates */
};

/*
 * Pointers are borrowed, and point where the step runs: host memory or device memory. Candidates
 * lie in panels of RANK_PANEL, coordinate by coordinate, so that one load serves a panel; the
 * last panel is padded with zeros, and never counted. Norms are at least the length of the row
 * (rank_norm); only the fast pass of DOT reads them.
 */
struct rank_args {
    enum rank_form form;
    enum rank_pass pass;
    uint32_t lanes; /* questions */
    uint32_t dim;   /* padded, see common/shape.h; at most RANK_DIM_MAX */
    uint32_t candidates;
    uint32_t targets;
    const float *query;           /* [lanes][dim] */
    const double *query_norm;     /* [lanes] */
    const float *panel;           /* [ceil(candidates / RANK_PANEL)][dim][RANK_PANEL] */
    const double *panel_norm;     /* [panels], the largest norm in a panel */
    const uint32_t *first_target; /* [lanes + 1], a lane's targets are first_target[lane] .. */
    const double *bar;            /* [targets], the true answers' canonical scores; no NaN */
    struct rank_votes *votes;     /* [targets], added to */
    uint32_t *nonfinite;          /* [lanes], candidates whose score is a NaN, added to; lanes
                                    without a target are passed over */
    uint64_t *rescored;           /* one number, added to: canonical scores after a fast pass */
    double band;                  /* 1; tests set 0 to show that a wrong band is caught */
};

/* One coordinate's share of a canonical sum. MODULUS takes two. */
HD double rank_dot(double sum, float q, float e)
{
    return fma((double)q, (double)e, sum);
}
HD double rank_l1(double sum, float q, float e)
{
    return sum + fabs((double)q - (double)e);
}
HD double rank_l2(double sum, float q, float e)
{
    const double x = (double)q - (double)e;
    return fma(x, x, sum);
}
HD double rank_modulus(double sum, float q, float e, float q_imaginary, float e_imaginary)
{
    const double x = (double)q - (double)e;
    const double y = (double)q_imaginary - (double)e_imaginary;
    return sum + sqrt(fma(x, x, y * y));
}

HD double rank_fold(const double sum[RANK_CHAINS])
{
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* The canonical score of one candidate, whose coordinate k is candidate[k * stride]: 1 for a row
 * of its own, RANK_PANEL for one in a panel. */
HD double rank_score(enum rank_form form, const float *query, const float *candidate, size_t stride,
                     uint32_t dim)
{
    double sum[RANK_CHAINS] = {0};
    const uint32_t terms = form == FORM_MODULUS ? dim / 2 : dim;
    for (uint32_t k = 0; k < terms; k += RANK_CHAINS) {
        for (uint32_t j = 0; j < RANK_CHAINS; j++) {
            const float q = query[k + j], e = candidate[(k + j) * stride];
            if (form == FORM_DOT) sum[j] = rank_dot(sum[j], q, e);
            if (form == FORM_L1) sum[j] = rank_l1(sum[j], q, e);
            if (form == FORM_L2) sum[j] = rank_l2(sum[j], q, e);
            if (form == FORM_MODULUS)
                sum[j] = rank_modulus(sum[j], q, e, query[terms + k + j],
                                      candidate[(terms + k + j) * stride]);
        }
    }
    const double total = rank_fold(sum);
    return form == FORM_DOT ? total : -total;
}

/* At least the length of a row whose canonical DOT with itself is `square`; infinite if that is
 * not a finite number. */
HD double rank_norm_above(double square)
{
    const double norm = sqrt(square) * (1 + 0x1p-30);
    return norm < (double)INFINITY ? norm : (double)INFINITY;
}

HD double rank_norm(const float *row, size_t stride, uint32_t dim)
{
    double sum[RANK_CHAINS] = {0};
    for (uint32_t k = 0; k < dim; k += RANK_CHAINS)
        for (uint32_t j = 0; j < RANK_CHAINS; j++) {
            const float x = row[(k + j) * stride];
            sum[j] = rank_dot(sum[j], x, x);
        }
    return rank_norm_above(rank_fold(sum));
}

#endif
