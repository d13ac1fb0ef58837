/*
 * encode - rates of the encode step beside this machine's peak of fp32 multiply-adds, measured in
 * turns in one run. Arguments: threads, turns. The network is the published prover's: width 250,
 * hidden 256, 8 blocks. Rates are medians, the peaks the best of all turns.
 */
#include "tests/bench/fma.h"
#include "tests/made_network.h"
#include "worker/step/encode.h"
#include "worker/step/isa.h"

#include <stdio.h>
#include <time.h>

enum { WIDTH = 250, HIDDEN = 256, BLOCKS = 8, ATOMS = 6 };
enum { CONSTANTS = 2968, VARIABLES = 100, PREDICATES = 12 };
enum { ROW_COUNTS = 4, SLOTS = 4096, TURNS_MOST = 1000, REPEATS = 3 };

static const uint32_t row_counts[ROW_COUNTS] = {4096, 1000, 100, 20};

static double (*const fma_peak[ISA_COUNT])(float *) = {
#if defined(__x86_64__)
    fma_peak_base, fma_peak_avx2, fma_peak_avx512
#else
    fma_peak_base
#endif
};

struct bench {
    struct made_network made;
    struct encode_weights weights;
    struct encode_args args;
    struct atom key[SLOTS * ATOMS];
    uint32_t slot[SLOTS];
    uint64_t macs; /* of a state */
};

/* Rates in numbers a second: of the peak, and of each count of rows. */
struct rates {
    double peak[TURNS_MOST], encode[ROW_COUNTS][TURNS_MOST];
};

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

static void *aligned(uint64_t bytes)
{
    void *out = NULL;
    if (posix_memalign(&out, 64, bytes)) return NULL;
    return out;
}

/* States of one to three atoms, as a search of family has them. */
static void make_states(struct bench *bench)
{
    uint64_t random = 3;
    for (uint32_t i = 0; i < SLOTS; i++) {
        bench->slot[i] = i;
        for (uint32_t a = 0; a <= i % 3; a++) {
            uint32_t number[3];
            for (int j = 0; j < 3; j++)
                number[j] = (uint32_t)(16777216 * (1 + made_number(&random)));
            bench->key[i * ATOMS + a] =
                (struct atom){number[0] % PREDICATES + 1, number[1] % CONSTANTS + 1,
                              number[2] % (CONSTANTS + VARIABLES) + 1};
        }
    }
}

static bool open_bench(struct bench *bench, uint32_t threads)
{
    if (!made_network_open(WIDTH, HIDDEN, BLOCKS, CONSTANTS, VARIABLES, PREDICATES, &bench->made))
        return false;
    const struct network *network = &bench->made.network;
    void *memory = aligned(encode_weights_bytes(network));
    float *code = aligned(sizeof(float) * SLOTS * encode_padded(WIDTH));
    float *scratch = aligned(threads * encode_scratch_bytes(network));
    if (!memory || !code || !scratch) return false;
    encode_pack(network, ATOMS, PREDICATES, memory, &bench->weights);
    make_states(bench);
    bench->args = (struct encode_args){.weights = &bench->weights,
                                       .atoms = ATOMS,
                                       .slot = bench->slot,
                                       .key = bench->key,
                                       .code = code,
                                       .scratch = scratch};
    bench->macs = network_macs(network);
    return true;
}

static void peak_part(void *context, uint32_t part, uint32_t thread)
{
    (void)part, (void)thread;
    float sums[FMA_PEAK_SUMS] = {0.999f, 1e-3f};
    (void)(*(double (*const *)(float *))context)(sums);
}

/* One turn: the peak, then each count of rows, about as long. */
static void take_turn(struct bench *bench, struct pool *pool, enum isa isa,
                      const struct encode_kernel *kernel, int turn, struct rates *rates)
{
    const uint32_t threads = pool_threads(pool);
    float sums[FMA_PEAK_SUMS] = {0.999f, 1e-3f};
    const double work = fma_peak[isa](sums) * threads;
    double (*context)(float *) = fma_peak[isa];
    double start = seconds();
    pool_run(pool, threads, peak_part, &context);
    rates->peak[turn] = work / (seconds() - start);

    for (int i = 0; i < ROW_COUNTS; i++) {
        bench->args.rows = row_counts[i];
        const uint32_t repeats = SLOTS / row_counts[i] < REPEATS ? 1 : REPEATS;
        start = seconds();
        for (uint32_t repeat = 0; repeat < repeats; repeat++)
            if (encode_cpu(pool, kernel, &bench->args)) exit(4);
        rates->encode[i][turn] = (double)row_counts[i] * repeats / (seconds() - start);
    }
}

static void report(const struct bench *bench, const struct encode_kernel *kernel, uint32_t threads,
                   int turns, struct rates *rates)
{
    qsort(rates->peak, (size_t)turns, sizeof(double), by_size);
    const double peak = rates->peak[turns - 1];
    printf("encode %s, %u threads: peak %.1f GF/s", kernel->name, threads, 2e-9 * peak);
    for (int i = 0; i < ROW_COUNTS; i++) {
        qsort(rates->encode[i], (size_t)turns, sizeof(double), by_size);
        const double rate = rates->encode[i][turns / 2];
        printf("; %u rows %.0f/s %.1f GF/s %.0f %%", row_counts[i], rate,
               2e-9 * rate * (double)bench->macs, 100 * rate * (double)bench->macs / peak);
    }
    printf("\n");
}

static enum err measure(struct bench *bench, uint32_t threads, int turns)
{
    static struct rates rates;
    struct pool *pool;
    enum err err = pool_open(threads, &pool);
    for (enum isa isa = ISA_base; !err && isa < ISA_COUNT; isa++) {
        const struct encode_kernel *kernel;
        if (encode_kernel_find(isa_name[isa], &kernel)) continue;
        const int fewer =
            isa == ISA_base ? 1 : turns; /* it may have to do without the instruction */
        for (int turn = 0; turn < fewer; turn++) take_turn(bench, pool, isa, kernel, turn, &rates);
        report(bench, kernel, threads, fewer, &rates);
    }
    pool_close(&pool);
    return err;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    const int threads = atoi(argv[1]), turns = atoi(argv[2]);
    if (threads < 1 || turns < 1 || turns > TURNS_MOST) return 2;
    static struct bench bench;
    if (!open_bench(&bench, (uint32_t)threads)) return 4;
    pool_set_arithmetic();
    enum err err = measure(&bench, 1, turns);
    if (!err && threads > 1) err = measure(&bench, (uint32_t)threads, turns);
    made_network_close(&bench.made);
    return err_exit_code(err);
}
