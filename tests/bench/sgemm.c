/*
 * sgemm - the rate of this machine's BLAS on the product that a ranking is: the yardstick of
 * ops/bench. Arguments: queries, candidates, dim, repetitions. Prints GFLOP/s, best and median.
 */
#include <cblas.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *table(size_t count)
{
    float *at = malloc(count * sizeof *at);
    for (size_t i = 0; at && i < count; i++) at[i] = (float)(i * 2654435761u % 1000) / 1000 - 0.5f;
    return at;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    const int queries = atoi(argv[1]), candidates = atoi(argv[2]), dim = atoi(argv[3]);
    const int times = atoi(argv[4]);
    if (queries < 1 || candidates < 1 || dim < 1 || times < 1) return 2;

    float *query = table((size_t)queries * (size_t)dim);
    float *candidate = table((size_t)candidates * (size_t)dim);
    float *score = table((size_t)queries * (size_t)candidates);
    double *taken = malloc((size_t)times * sizeof *taken);
    if (!query || !candidate || !score || !taken) return 4;

    for (int i = -1; i < times; i++) { /* the first is not counted */
        const double start = seconds();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, queries, candidates, dim, 1, query,
                    dim, candidate, dim, 0, score, candidates);
        if (i >= 0) taken[i] = seconds() - start;
    }
    qsort(taken, (size_t)times, sizeof *taken, by_size);
    const double work = 2e-9 * queries * candidates * dim;
    printf("%.1f %.1f\n", work / taken[0], work / taken[times / 2]);

    free(query);
    free(candidate);
    free(score);
    free(taken);
    return 0;
}
