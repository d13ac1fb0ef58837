/*
 * rank_kernel - one part of the rank step, compiled once for each instruction set.
 *
 * Lanes are taken in groups of GROUP and their queries packed coordinate by coordinate, so that
 * the fast pass, ROWS lanes times COLUMNS candidates, keeps all its sums in registers. Distances
 * are summed with a minus sign, so that a higher score is better here, too.
 */
#ifndef WORKER_STEP_RANK_KERNEL_H
#define WORKER_STEP_RANK_KERNEL_H

#include "worker/step/rank_cpu.h"
#include "worker/step/simd.h"

#include <float.h>
#include <stdbool.h>

enum {
    GROUP = 12,
    ROWS = FLOATS == 16 ? GROUP : GROUP / 2,
    COLUMNS = 2 * FLOATS,
    DEPTH = 256, /* coordinates packed at a time: with a panel's part, it fits the first cache */
    FEW = 3,     /* so many candidates of a panel are scored one by one */
};

_Static_assert(RANK_PANEL % COLUMNS == 0, "a panel is a whole number of tiles");
_Static_assert(RANK_CHAINS % DOUBLES == 0, "the chains are a whole number of registers");

#define EACH_FORM(ROW) ROW(DOT) ROW(L1) ROW(L2) ROW(MODULUS)

/* The canonical score. */

HD struct doubles doubles_term(enum rank_form form, struct doubles sum, struct doubles q,
                               struct doubles e, struct doubles q_imaginary,
                               struct doubles e_imaginary)
{
    if (form == FORM_DOT) return doubles_fma(q, e, sum);
    const struct doubles x = doubles_sub(q, e);
    if (form == FORM_L1) return doubles_add(sum, doubles_abs(x));
    if (form == FORM_L2) return doubles_fma(x, x, sum);
    const struct doubles y = doubles_sub(q_imaginary, e_imaginary);
    return doubles_add(sum, doubles_sqrt(doubles_fma(x, x, doubles_mul(y, y))));
}

/* Chains lie side by side in registers, as the row's coordinates do in memory. */
HD double score_row(enum rank_form form, const float *query, const float *row, uint32_t dim)
{
    struct doubles sum[RANK_CHAINS / DOUBLES];
    for (int v = 0; v < RANK_CHAINS / DOUBLES; v++) sum[v] = doubles_zero();
    const uint32_t terms = form == FORM_MODULUS ? dim / 2 : dim;
    const uint32_t imaginary = dim - terms;
    for (uint32_t k = 0; k < terms; k += RANK_CHAINS)
        for (uint32_t v = 0; v < RANK_CHAINS / DOUBLES; v++) {
            const uint32_t at = k + v * DOUBLES;
            sum[v] = doubles_term(form, sum[v], doubles_widen(query + at), doubles_widen(row + at),
                                  doubles_widen(query + imaginary + at),
                                  doubles_widen(row + imaginary + at));
        }
    double chain[RANK_CHAINS];
    for (int v = 0; v < RANK_CHAINS / DOUBLES; v++) doubles_store(chain + v * DOUBLES, sum[v]);
    const double total = rank_fold(chain);
    return form == FORM_DOT ? total : -total;
}

HD struct doubles doubles_fold(const struct doubles sum[RANK_CHAINS])
{
    return doubles_add(doubles_add(doubles_add(sum[0], sum[4]), doubles_add(sum[2], sum[6])),
                       doubles_add(doubles_add(sum[1], sum[5]), doubles_add(sum[3], sum[7])));
}

/* Candidates lie side by side in registers, and each chain has its own. */
HD void score_columns(enum rank_form form, const float *query, const float *panel, uint32_t dim,
                      double *score)
{
    struct doubles sum[RANK_CHAINS];
    for (int j = 0; j < RANK_CHAINS; j++) sum[j] = doubles_zero();
    const uint32_t terms = form == FORM_MODULUS ? dim / 2 : dim;
    const uint32_t imaginary = dim - terms;
    for (uint32_t k = 0; k < terms; k += RANK_CHAINS)
#pragma GCC unroll 8
        for (uint32_t j = 0; j < RANK_CHAINS; j++) {
            const uint32_t at = k + j;
            sum[j] = doubles_term(form, sum[j], doubles_all((double)query[at]),
                                  doubles_widen(panel + (size_t)at * RANK_PANEL),
                                  doubles_all((double)query[imaginary + at]),
                                  doubles_widen(panel + (size_t)(imaginary + at) * RANK_PANEL));
        }
    const struct doubles total = doubles_fold(sum);
    doubles_store(score, form == FORM_DOT ? total : doubles_mul(total, doubles_all(-1)));
}

/* A copy for each form, so that its term is inlined into the loop. */
#define ROW(name)                                                                            \
    static double score_row_##name(const float *query, const float *row, uint32_t dim)       \
    {                                                                                        \
        return score_row(FORM_##name, query, row, dim);                                      \
    }                                                                                        \
    static void score_panel_##name(const float *query, const float *panel, uint32_t dim,     \
                                   double *score)                                            \
    {                                                                                        \
        for (uint32_t c = 0; c < RANK_PANEL; c += DOUBLES)                                   \
            score_columns(FORM_##name, query, panel + c, dim, score + c);                    \
    }                                                                                        \
    static double score_one_##name(const float *query, const float *candidate, uint32_t dim) \
    {                                                                                        \
        return rank_score(FORM_##name, query, candidate, RANK_PANEL, dim);                   \
    }
EACH_FORM(ROW)
#undef ROW

static double kernel_score(enum rank_form form, const float *query, const float *row, uint32_t dim)
{
#define ROW(name) score_row_##name,
    static double (*const score[])(const float *, const float *, uint32_t) = {EACH_FORM(ROW)};
#undef ROW
    return score[form](query, row, dim);
}

static void kernel_score_panel(enum rank_form form, const float *query, const float *panel,
                               uint32_t dim, double score[RANK_PANEL])
{
#define ROW(name) score_panel_##name,
    static void (*const panel_score[])(const float *, const float *, uint32_t,
                                       double *) = {EACH_FORM(ROW)};
#undef ROW
    panel_score[form](query, panel, dim, score);
}

/* Scores at least the candidates of `mask`. */
static void score_some(const struct rank_args *args, uint32_t lane, uint32_t panel, uint32_t mask,
                       double score[RANK_PANEL])
{
#define ROW(name) score_one_##name,
    static double (*const one[])(const float *, const float *, uint32_t) = {EACH_FORM(ROW)};
#undef ROW
    const float *query = args->query + (size_t)lane * args->dim;
    const float *at = args->panel + (size_t)panel * args->dim * RANK_PANEL;
    if (__builtin_popcount(mask) > FEW) {
        kernel_score_panel(args->form, query, at, args->dim, score);
        return;
    }
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
        const int c = __builtin_ctz(rest);
        score[c] = one[args->form](query, at + c, args->dim);
    }
}

/* The fast pass. */

/* Queries of a group, [term][GROUP]; MODULUS: [term][2][GROUP], real and imaginary parts. */
struct pack {
    _Alignas(64) float at[DEPTH * GROUP];
};

/* Scores of a group with a block of panels, summed up over the depths. */
struct fast {
    _Alignas(64) float score[RANK_BLOCK][GROUP][RANK_PANEL];
};

HD struct floats floats_term(enum rank_form form, struct floats sum, struct floats q,
                             struct floats e)
{
    if (form == FORM_DOT) return floats_fma(q, e, sum);
    const struct floats x = floats_sub(q, e);
    if (form == FORM_L1) return floats_sub(sum, floats_abs(x));
    return floats_fnma(x, x, sum);
}

HD struct floats floats_modulus(struct floats sum, struct floats q, struct floats e,
                                struct floats q_imaginary, struct floats e_imaginary)
{
    const struct floats x = floats_sub(q, e), y = floats_sub(q_imaginary, e_imaginary);
    return floats_sub(sum, floats_sqrt(floats_fma(x, x, floats_mul(y, y))));
}

/* ROWS lanes with COLUMNS candidates over `terms` terms; `imaginary` floats after a candidate's
 * real part stands its imaginary one. `score` is [GROUP][RANK_PANEL], from the tile's corner. */
HD void tile(enum rank_form form, const float *query, const float *panel, size_t imaginary,
             uint32_t terms, float *score)
{
    struct floats sum[ROWS][2];
#pragma GCC unroll 12
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) sum[i][v] = floats_load(score + i * RANK_PANEL + v * FLOATS);
    const int width = form == FORM_MODULUS ? 2 * GROUP : GROUP;
    for (uint32_t k = 0; k < terms; k++, query += width, panel += RANK_PANEL) {
        struct floats e[2], e_imaginary[2];
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            e[v] = floats_load(panel + v * FLOATS);
            if (form == FORM_MODULUS) e_imaginary[v] = floats_load(panel + imaginary + v * FLOATS);
        }
#pragma GCC unroll 12
        for (int i = 0; i < ROWS; i++) {
            const struct floats q = floats_all(query[i]);
#pragma GCC unroll 2
            for (int v = 0; v < 2; v++)
                sum[i][v] = form == FORM_MODULUS
                                ? floats_modulus(sum[i][v], q, e[v], floats_all(query[GROUP + i]),
                                                 e_imaginary[v])
                                : floats_term(form, sum[i][v], q, e[v]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) floats_store(score + i * RANK_PANEL + v * FLOATS, sum[i][v]);
}

#define ROW(name)                                                                               \
    static __attribute__((noinline)) void tile_##name(                                          \
        const float *query, const float *panel, size_t imaginary, uint32_t terms, float *score) \
    {                                                                                           \
        tile(FORM_##name, query, panel, imaginary, terms, score);                               \
    }
EACH_FORM(ROW)
#undef ROW

/* Coordinates first .. first + count - 1 of the group's queries. Absent lanes repeat the last;
 * nobody looks at their scores. */
static void pack_coordinates(const struct rank_args *args, uint32_t lane, uint32_t lanes,
                             uint32_t first, uint32_t count, uint32_t step, float *out)
{
    const float *query[GROUP];
    for (uint32_t i = 0; i < GROUP; i++)
        query[i] = args->query + (size_t)(lane + (i < lanes ? i : lanes - 1)) * args->dim + first;
    for (uint32_t k = 0; k < count; k++, out += step)
#pragma GCC unroll 12
        for (uint32_t i = 0; i < GROUP; i++) out[i] = query[i][k];
}

/* Fills `fast` for the group of `lanes` lanes from `lane` on. */
static void score_group(const struct rank_args *args, const struct rank_part *part, uint32_t lane,
                        uint32_t lanes, struct fast *fast)
{
#define ROW(name) tile_##name,
    static void (*const tiles[])(const float *, const float *, size_t, uint32_t,
                                 float *) = {EACH_FORM(ROW)};
#undef ROW
    const bool complex_numbers = args->form == FORM_MODULUS;
    const uint32_t terms = complex_numbers ? args->dim / 2 : args->dim;
    const uint32_t depth = complex_numbers ? DEPTH / 2 : DEPTH;
    const uint32_t step = complex_numbers ? 2 * GROUP : GROUP;
    struct pack pack;
    memset(fast->score, 0, part->panels * sizeof(fast->score[0]));
    for (uint32_t first = 0; first < terms; first += depth) {
        const uint32_t count = terms - first < depth ? terms - first : depth;
        pack_coordinates(args, lane, lanes, first, count, step, pack.at);
        if (complex_numbers)
            pack_coordinates(args, lane, lanes, terms + first, count, step, pack.at + GROUP);
        for (uint32_t p = 0; p < part->panels; p++) {
            const float *panel =
                args->panel + ((size_t)(part->first_panel + p) * args->dim + first) * RANK_PANEL;
            for (uint32_t row = 0; row < GROUP && row < lanes; row += ROWS)
                for (uint32_t column = 0; column < RANK_PANEL; column += COLUMNS)
                    tiles[args->form](pack.at + row, panel + column, (size_t)terms * RANK_PANEL,
                                      count, &fast->score[p][row][column]);
        }
    }
}

/* What the fast pass proves. */

/* A fast score above `high` is above the bar; one below `low` is below it. */
struct limits {
    float high, low;
};

/* How far a fast score may be off: `fixed` plus `relative` times the score. */
struct band {
    double fixed, relative;
};

struct verdict {
    uint32_t above, undecided; /* a bit for each candidate of a panel */
};

/* A float at or above x; infinite above the largest one. */
static float float_above(double x)
{
    x += fabs(x) * 0x1p-50; /* what the sum that made x may have lost */
    if (x > (double)FLT_MAX) return INFINITY;
    if (x < -(double)FLT_MAX) return -FLT_MAX;
    float out = (float)x;
    if ((double)out >= x) return out;
    int32_t bits;
    memcpy(&bits, &out, sizeof(bits));
    bits = out == 0 ? 1 : out > 0 ? bits + 1 : bits - 1; /* one step up */
    memcpy(&out, &bits, sizeof(out));
    return out;
}

/* The bounds of rank.h for one lane and the panels of a part. */
static struct band lane_band(const struct rank_args *args, const struct rank_part *part,
                             uint32_t lane)
{
    const double terms = args->form == FORM_MODULUS ? args->dim / 2 : args->dim;
    const double roundings = (terms + 8) * 0x1p-24;
    const double factor = roundings / (1 - roundings) * (1 + 0x1p-40);
    struct band band = {.fixed = (terms + 4) * 0x1p-125, .relative = factor};
    if (args->form == FORM_MODULUS) band.fixed += terms * 0x1p-62;
    if (args->form == FORM_DOT) {
        double norm = 0;
        for (uint32_t p = part->first_panel; p < part->first_panel + part->panels; p++)
            norm = args->panel_norm[p] > norm ? args->panel_norm[p] : norm;
        band.fixed += factor * args->query_norm[lane] * norm;
        band.relative = 0;
    }
    band.fixed *= (1 + 0x1p-40) * args->band;
    band.relative *= args->band;
    return band;
}

static struct limits target_limits(const struct rank_args *args, const struct band *band,
                                   uint32_t target)
{
    const double bar = args->bar[target];
    /* A finite fast score belongs to a finite canonical one. */
    if (fabs(bar) == (double)INFINITY) return (struct limits){(float)bar, (float)bar};
    const double margin = (band->fixed + band->relative * fabs(bar)) * (1 + 0x1p-40);
    if (!(margin < (double)INFINITY)) return (struct limits){INFINITY, -INFINITY};
    return (struct limits){float_above(bar + margin), -float_above(margin - bar)};
}

HD struct verdict judge(const float score[RANK_PANEL], struct limits limits, uint32_t counted)
{
    const struct floats high = floats_all(limits.high), low = floats_all(limits.low);
    const struct floats infinite = floats_all(INFINITY);
    uint32_t above = 0, below = 0, finite = 0;
#pragma GCC unroll 8
    for (int c = 0; c < RANK_PANEL; c += FLOATS) {
        const struct floats fast = floats_load(score + c);
        above |= floats_greater(fast, high) << c;
        below |= floats_greater(low, fast) << c;
        finite |= floats_greater(infinite, floats_abs(fast)) << c;
    }
    return (struct verdict){above & finite & counted, ~((above | below) & finite) & counted};
}

/* The candidates of a panel that are no padding. */
static uint32_t counted_candidates(const struct rank_args *args, uint32_t panel)
{
    const uint32_t left = args->candidates - panel * RANK_PANEL;
    return left >= RANK_PANEL ? UINT32_MAX : (1u << left) - 1;
}

static void add_votes(struct rank_votes *votes, uint32_t above, uint32_t level)
{
    /* Parts of a target run in several threads; whole numbers add up in any order. */
    if (above) __atomic_fetch_add(&votes->above, above, __ATOMIC_RELAXED);
    if (level) __atomic_fetch_add(&votes->level, level, __ATOMIC_RELAXED);
}

static void vote_canonically(struct rank_votes *votes, double bar, const double score[RANK_PANEL],
                             uint32_t mask)
{
    uint32_t above = 0, level = 0;
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
        const double value = score[__builtin_ctz(rest)];
        above += value > bar;
        level += value == bar;
    }
    add_votes(votes, above, level);
}

/* Settles the candidates of `mask`, which some target of the lane could not decide. Without fast
 * scores all of them are open for every target. */
static void settle(const struct rank_args *args, const struct band *band, uint32_t lane,
                   uint32_t panel, uint32_t mask, const float *fast)
{
    double score[RANK_PANEL];
    score_some(args, lane, panel, mask, score);

    uint32_t nonfinite = 0;
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
        const double value = score[__builtin_ctz(rest)];
        nonfinite += value != value;
    }
    if (nonfinite) __atomic_fetch_add(&args->nonfinite[lane], nonfinite, __ATOMIC_RELAXED);

    for (uint32_t t = args->first_target[lane]; t < args->first_target[lane + 1]; t++) {
        const uint32_t open =
            fast ? judge(fast, target_limits(args, band, t), mask).undecided : mask;
        vote_canonically(&args->votes[t], args->bar[t], score, open);
    }
}

/* Counts what the fast pass proves, settles the rest; returns how many pairs were settled. */
static uint64_t vote_lane(const struct rank_args *args, const struct rank_part *part, uint32_t lane,
                          uint32_t row, const struct fast *fast)
{
    const struct band band = lane_band(args, part, lane);
    uint32_t open[RANK_BLOCK] = {0};
    for (uint32_t t = args->first_target[lane]; t < args->first_target[lane + 1]; t++) {
        const struct limits limits = target_limits(args, &band, t);
        uint32_t above = 0;
        for (uint32_t p = 0; p < part->panels; p++) {
            const struct verdict verdict =
                judge(fast->score[p][row], limits, counted_candidates(args, part->first_panel + p));
            above += (uint32_t)__builtin_popcount(verdict.above);
            open[p] |= verdict.undecided;
        }
        add_votes(&args->votes[t], above, 0);
    }
    uint64_t settled = 0;
    for (uint32_t p = 0; p < part->panels; p++) {
        if (!open[p]) continue;
        settle(args, &band, lane, part->first_panel + p, open[p], fast->score[p][row]);
        settled += (uint32_t)__builtin_popcount(open[p]);
    }
    return settled;
}

static void part_fast(const struct rank_args *args, const struct rank_part *part)
{
    struct fast fast;
    uint64_t settled = 0;
    for (uint32_t done = 0; done < part->lanes; done += GROUP) {
        const uint32_t lane = part->first_lane + done;
        const uint32_t lanes = part->lanes - done < GROUP ? part->lanes - done : GROUP;
        score_group(args, part, lane, lanes, &fast);
        for (uint32_t row = 0; row < lanes; row++)
            settled += vote_lane(args, part, lane + row, row, &fast);
    }
    if (settled) __atomic_fetch_add(args->rescored, settled, __ATOMIC_RELAXED);
}

static void part_canonical(const struct rank_args *args, const struct rank_part *part)
{
    for (uint32_t p = part->first_panel; p < part->first_panel + part->panels; p++)
        for (uint32_t lane = part->first_lane; lane < part->first_lane + part->lanes; lane++)
            if (args->first_target[lane] < args->first_target[lane + 1])
                settle(args, NULL, lane, p, counted_candidates(args, p), NULL);
}

static void kernel_part(const struct rank_args *args, const struct rank_part *part)
{
    check(part->panels <= RANK_BLOCK);
    if (args->pass == PASS_NONE)
        part_canonical(args, part);
    else
        part_fast(args, part);
}

#endif
