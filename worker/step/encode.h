/*
 * encode - states through a policy network (common/network.h), one code each.
 *
 * Bits, not only values, are promised: every backend computes
 *
 *     atom     (predicate + first) - second, fp32, in this order; an end: its predicate
 *     state    +0 + atom 0 + atom 1 + ..., fp32, then / (float)atoms
 *     linear   a = bias; for k = 0, 1, ...: a = fma(x[k], weight[k], a), one fp32 chain; no k is
 *              padded
 *     relu     x > 0 ? x : +0, but what is no number stays so
 *     sum      of any other kind: 32 fp32 partials, element k goes to partial k & 31, +0 first, k
 *              ascending; folded by halves: p[i] += p[i + 16], then 8, 4, 2, 1
 *     norm     m = sum(x) / h; d = x - m; v = sum(d d) / h, a partial being p = fma(d, d, p);
 *              r = 1 / sqrt(v + 1e-5f); out = fma(d r, weight, bias), d r rounded
 *     block    x + out
 *     length   sqrt(sum(c c)), a partial being fma(c, c, p);
 *              c / (length > 1e-12f ? length : 1e-12f); a length that is not finite makes the
 *              code NaN
 *
 * Only these fma fuse. So a code is a function of the state and the weights alone: of no batch,
 * tile, thread or machine; it may be kept and used again. A NaN is a NaN, whatever its bits.
 *
 * encode_kernel.h is compiled for each instruction set, as rank_kernel.h is. A tile of rows goes
 * through all layers while weights stream from the cache; the weights are packed for it once
 * (worker/program/encode_pack.c: it reads a file's tables, which a step does not).
 *
 * Errors:  encode_cpu gives ERR_INPUT for a variable that the network has no embedding for.
 * Threads: encode_cpu shares tiles of rows out over the pool.
 */
#ifndef WORKER_STEP_ENCODE_H
#define WORKER_STEP_ENCODE_H

#include "common/atom.h"
#include "common/network.h"
#include "worker/pool.h"

enum { ENCODE_PANEL = 32, ENCODE_PARTIALS = 32 };

/* A network as the step wants it. Outputs are padded to panels with zero weights; a vector of n
 * numbers takes encode_padded(n), the rest is zero. */
struct encode_layer {
    uint32_t in, out;
    const float *panel;      /* [ceil(out / ENCODE_PANEL)][in][ENCODE_PANEL] */
    const float *bias;       /* [encode_padded(out)] */
    const float *norm, *add; /* [encode_padded(out)], weight and bias of the norm; NULL: none */
};

struct encode_weights {
    uint32_t width, hidden, blocks;
    uint32_t atoms;     /* that a state's sum is divided by */
    uint32_t end_first; /* predicates from this on are ends: P + 1 */
    uint32_t constant_rows, predicate_rows;
    bool normalised;
    float scale; /* logits are divided by it: sqrtf(width), or the temperature */
    const float *constants, *predicates; /* [rows][encode_padded(width)], row 0 zeros */
    struct encode_layer input, block[NETWORK_BLOCKS_MAX], head[2];
};

HD uint32_t encode_padded(uint32_t numbers)
{
    return (numbers + ENCODE_PANEL - 1) / ENCODE_PANEL * ENCODE_PANEL;
}

/* Bytes that encode_pack fills; the caller owns them, aligned to 64, for the weights' life. */
uint64_t encode_weights_bytes(const struct network *network);
void encode_pack(const struct network *network, uint32_t atoms, uint32_t predicate_count,
                 void *memory, struct encode_weights *out);

/* Pointers are borrowed, and point where the step runs. */
struct encode_args {
    const struct encode_weights *weights;
    uint32_t atoms;         /* of a padded state */
    uint32_t rows;          /* states to encode */
    const uint32_t *slot;   /* [rows], distinct: state and code of row i are number slot[i] */
    const struct atom *key; /* [slots][atoms] */
    float *code;            /* [slots][encode_padded(width)], written, padded with zeros */
    float *scratch;         /* [threads][encode_scratch_bytes] */
};
uint64_t encode_scratch_bytes(const struct network *network); /* of one thread, a multiple of 64 */

struct encode_kernel {
    const char *name; /* "avx512" */
    void (*tile)(const struct encode_args *args, uint32_t first, uint32_t rows, float *scratch);
    /* The sum of a[k] b[k], k < count, a partial being fma(a, b, p). */
    float (*dot)(const float *a, const float *b, uint32_t count);
};

/* NULL where the compiler does not know the set. */
const struct encode_kernel *encode_base(void);
const struct encode_kernel *encode_avx2(void);
const struct encode_kernel *encode_avx512(void);
/* The set of that name, as isa_find. */
MUST enum err encode_kernel_find(const char *name, const struct encode_kernel **out);

MUST enum err encode_cpu(struct pool *pool, const struct encode_kernel *kernel,
                         const struct encode_args *args);

#endif
