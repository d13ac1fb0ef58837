/* Tests of the rank step: the canonical score has one value, and no pass, instruction set, number
 * of threads or of lanes changes a count, whatever the numbers look like. */
#include "tests/test.h"
#include "worker/step/rank_cpu.h"

#include <stdlib.h>
#include <string.h>

enum { LANES_MAX = 61, CANDIDATES_MAX = 723, DIM_MAX = 528, TARGETS_EACH = 3 };

static const char *const sets[] = {"base", "avx2", "avx512"};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

/* A fixed sequence of numbers in [0, 1). */
static double fraction(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static float ordinary(uint64_t *random)
{
    return (float)(2 * fraction(random) - 1);
}
static float whole(uint64_t *random)
{
    return (float)(int)(5 * fraction(random)) - 2;
}
static float small(uint64_t *random)
{
    static const float size[] = {1e-15f, 1e-18f, 1e-20f, 1e-21f, 1e-22f, 1e-25f, 1e-30f};
    return ordinary(random) * size[(int)(7 * fraction(random))];
}
static float tiny(uint64_t *random)
{
    return ordinary(random) * 1e-21f;
}
static float denormal(uint64_t *random)
{
    return ordinary(random) * 1e-41f;
}
static float huge(uint64_t *random)
{
    return ordinary(random) * 1e30f;
}
static float nearly_infinite(uint64_t *random)
{
    return ordinary(random) * 3e38f;
}
static float mixed(uint64_t *random)
{
    const double place = fraction(random);
    return place < 0.01 ? huge(random) : place < 0.5 ? small(random) : ordinary(random);
}
static float broken(uint64_t *random)
{
    const double place = fraction(random);
    if (place < 0.0002) return NAN;
    if (place < 0.0004) return place < 0.0003 ? INFINITY : -INFINITY;
    return ordinary(random);
}

typedef float number(uint64_t *random);

#define KINDS(ROW)                                                                          \
    ROW(ordinary)                                                                           \
    ROW(whole) ROW(small) ROW(tiny) ROW(denormal) ROW(huge) ROW(nearly_infinite) ROW(mixed) \
        ROW(broken)

static number *const kinds[] = {
#define ROW(name) name,
    KINDS(ROW)
#undef ROW
};
static const char *const kind_name[] = {
#define ROW(name) #name,
    KINDS(ROW)
#undef ROW
};
enum { KINDS_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

struct grid {
    struct rank_args args;
    float query[LANES_MAX * DIM_MAX];
    float panel[(CANDIDATES_MAX / RANK_PANEL + 1) * RANK_PANEL * DIM_MAX];
    double query_norm[LANES_MAX];
    double panel_norm[CANDIDATES_MAX / RANK_PANEL + 1];
    uint32_t first_target[LANES_MAX + 1];
    double bar[LANES_MAX * TARGETS_EACH];
    struct rank_votes votes[LANES_MAX * TARGETS_EACH], want[LANES_MAX * TARGETS_EACH];
    uint32_t nonfinite[LANES_MAX], want_nonfinite[LANES_MAX];
    uint64_t rescored;
};

static const float *candidate_at(const struct grid *grid, uint32_t c)
{
    return grid->panel + (size_t)(c / RANK_PANEL) * grid->args.dim * RANK_PANEL + c % RANK_PANEL;
}

static double score_of(const struct grid *grid, uint32_t lane, uint32_t c)
{
    return rank_score(grid->args.form, grid->query + (size_t)lane * grid->args.dim,
                      candidate_at(grid, c), RANK_PANEL, grid->args.dim);
}

static void fill_norms(struct grid *grid)
{
    const uint32_t dim = grid->args.dim;
    for (uint32_t lane = 0; lane < grid->args.lanes; lane++)
        grid->query_norm[lane] = rank_norm(grid->query + (size_t)lane * dim, 1, dim);
    memset(grid->panel_norm, 0, sizeof(grid->panel_norm));
    for (uint32_t c = 0; c < grid->args.candidates; c++) {
        const double norm = rank_norm(candidate_at(grid, c), RANK_PANEL, dim);
        double *most = &grid->panel_norm[c / RANK_PANEL];
        *most = norm > *most ? norm : *most;
    }
}

/* Some lanes have several targets, some none; their bars are scores of candidates, so that every
 * target meets at least one tie. */
static void fill_targets(struct grid *grid, uint64_t *random)
{
    uint32_t t = 0;
    for (uint32_t lane = 0; lane < grid->args.lanes; lane++) {
        grid->first_target[lane] = t;
        for (uint32_t i = 0; i < lane % (TARGETS_EACH + 1); i++) {
            double bar = NAN;
            while (bar != bar)
                bar = score_of(grid, lane, (uint32_t)(fraction(random) * grid->args.candidates));
            grid->bar[t++] = i == 2 ? (double)INFINITY : bar;
        }
    }
    grid->first_target[grid->args.lanes] = grid->args.targets = t;
}

/* Counts as the header says, one pair after the other. */
static void fill_want(struct grid *grid)
{
    memset(grid->want, 0, sizeof(grid->want));
    memset(grid->want_nonfinite, 0, sizeof(grid->want_nonfinite));
    for (uint32_t lane = 0; lane < grid->args.lanes; lane++) {
        if (grid->first_target[lane] == grid->first_target[lane + 1]) continue;
        for (uint32_t c = 0; c < grid->args.candidates; c++) {
            const double score = score_of(grid, lane, c);
            grid->want_nonfinite[lane] += score != score;
            for (uint32_t t = grid->first_target[lane]; t < grid->first_target[lane + 1]; t++) {
                grid->want[t].above += score > grid->bar[t];
                grid->want[t].level += score == grid->bar[t];
            }
        }
    }
}

static struct grid *make_grid(enum rank_form form, number *kind, uint32_t lanes, uint32_t dim,
                              uint32_t candidates)
{
    static struct grid grid;
    uint64_t random = 7;
    grid.args = (struct rank_args){.form = form,
                                   .pass = PASS_FP32,
                                   .lanes = lanes,
                                   .dim = dim,
                                   .candidates = candidates,
                                   .query = grid.query,
                                   .query_norm = grid.query_norm,
                                   .panel = grid.panel,
                                   .panel_norm = grid.panel_norm,
                                   .bar = grid.bar,
                                   .first_target = grid.first_target,
                                   .votes = grid.votes,
                                   .nonfinite = grid.nonfinite,
                                   .rescored = &grid.rescored,
                                   .band = 1};
    memset(grid.panel, 0, sizeof(grid.panel));
    for (uint32_t i = 0; i < lanes * dim; i++) grid.query[i] = kind(&random);
    for (uint32_t c = 0; c < candidates; c++)
        for (uint32_t k = 0; k < dim; k++) {
            float *at = grid.panel + (candidate_at(&grid, c) - grid.panel) + k * RANK_PANEL;
            *at = kind(&random);
            /* Doubles of rows before them, near and exact, and rows near a query. */
            if (c % 5 == 4) *at = candidate_at(&grid, c - 1)[k * RANK_PANEL];
            if (c % 10 == 9 && k == 3) *at = nextafterf(*at, 1);
            if (c % 50 == 7) *at = grid.query[(c / 50 % lanes) * dim + k];
        }
    fill_norms(&grid);
    fill_targets(&grid, &random);
    fill_want(&grid);
    return &grid;
}

static void run_grid(struct grid *grid, uint32_t threads, const struct rank_kernel *kernel)
{
    struct pool *pool;
    expect(OK, pool_open(threads, &pool));
    memset(grid->votes, 0, sizeof(grid->votes));
    memset(grid->nonfinite, 0, sizeof(grid->nonfinite));
    grid->rescored = 0;
    expect(OK, rank_cpu(pool, kernel, &grid->args));
    pool_close(&pool);
}

static bool grid_is_right(const struct grid *grid)
{
    return memcmp(grid->votes, grid->want, grid->args.targets * sizeof(grid->votes[0])) == 0 &&
           memcmp(grid->nonfinite, grid->want_nonfinite,
                  grid->args.lanes * sizeof(grid->nonfinite[0])) == 0;
}

/* The kernel of the instruction set, NULL where this processor lacks it. */
static const struct rank_kernel *kernel_of(const char *set)
{
    const struct rank_kernel *kernel;
    if (rank_kernel_find(set, &kernel)) print_message("skipped: this processor has no %s\n", set);
    return kernel;
}

static bool same_bits(double a, double b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof(a)) == 0;
}

static void scores_have_the_same_bits_on_every_set(void **state)
{
    (void)state;
    for (int set = 0; set < SETS; set++) {
        const struct rank_kernel *kernel = kernel_of(sets[set]);
        if (!kernel) continue;
        for (int kind = 0; kind < KINDS_COUNT; kind++)
            for (enum rank_form form = 0; form < FORM_COUNT; form++) {
                const struct grid *grid = make_grid(form, kinds[kind], 5, 48, 96);
                for (uint32_t c = 0; c < 96; c++) {
                    const uint32_t lane = c % 5, dim = 48;
                    const float *query = grid->query + (size_t)lane * dim;
                    float row[48];
                    double panel[RANK_PANEL];
                    for (uint32_t k = 0; k < dim; k++)
                        row[k] = candidate_at(grid, c)[k * RANK_PANEL];
                    kernel->score_panel(form, query, candidate_at(grid, c - c % RANK_PANEL), dim,
                                        panel);
                    const double score = score_of(grid, lane, c);
                    assert_true(same_bits(score, panel[c % RANK_PANEL]));
                    assert_true(same_bits(score, kernel->score(form, query, row, dim)));
                    assert_true(same_bits(score, rank_score(form, query, row, 1, dim)));
                }
            }
    }
}

/* The order of the chains, spelt out once more, so that it cannot change unnoticed. */
static void canonical_order_is_eight_chains_folded_in_halves(void **state)
{
    (void)state;
    const float query[16] = {1e8f, 1, 3, 0.1f, 7, -1e8f, 1e-3f, 2, 5, 1e7f, 0.3f, 9, -4, 1, 1, 1};
    const float one[16] = {1, 1.1f, 1, 1, 1, 1.3f, 1, 1, 1, 1, 1, 1, 1.7f, 1, 1, 1};
    double a[8] = {0};
    for (int k = 0; k < 16; k++) a[k & 7] = fma((double)query[k], (double)one[k], a[k & 7]);
    const double want = ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
    assert_true(same_bits(want, rank_score(FORM_DOT, query, one, 1, 16)));
}

static void no_pass_or_set_changes_a_count(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS_COUNT; kind++)
        for (enum rank_form form = 0; form < FORM_COUNT; form++) {
            struct grid *grid = make_grid(form, kinds[kind], 29, 48, 723);
            for (int set = 0; set < SETS; set++) {
                const struct rank_kernel *kernel = kernel_of(sets[set]);
                if (!kernel) continue;
                for (enum rank_pass pass = PASS_NONE; pass <= PASS_FP32; pass++) {
                    grid->args.pass = pass;
                    run_grid(grid, 1 + (uint32_t)set, kernel);
                    if (!grid_is_right(grid))
                        fail_msg("%s, form %d, set %s, pass %d", kind_name[kind], form, sets[set],
                                 pass);
                }
            }
        }
}

static void no_shape_changes_a_count(void **state)
{
    (void)state;
    static const uint32_t shapes[][3] = {/* lanes, dim, candidates */
                                         {1, 16, 1},    {12, 16, 32},  {13, 272, 33},
                                         {48, 528, 31}, {61, 512, 96}, {7, 256, 513}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (enum rank_form form = 0; form < FORM_COUNT; form++) {
            struct grid *grid = make_grid(form, mixed, shapes[i][0], shapes[i][1], shapes[i][2]);
            for (uint32_t threads = 1; threads <= 4; threads += 3)
                for (int set = 0; set < SETS; set++) {
                    const struct rank_kernel *kernel = kernel_of(sets[set]);
                    if (!kernel) continue;
                    run_grid(grid, threads, kernel);
                    assert_true(grid_is_right(grid));
                }
        }
}

/* Shows that the tests above would catch a band that is too narrow. */
static void without_its_band_the_fast_pass_is_wrong(void **state)
{
    (void)state;
    for (enum rank_form form = 0; form < FORM_COUNT; form++)
        for (int set = 0; set < SETS; set++) {
            const struct rank_kernel *kernel = kernel_of(sets[set]);
            if (!kernel) continue;
            struct grid *grid = make_grid(form, ordinary, 61, 256, 723);
            grid->args.band = 0;
            run_grid(grid, 1, kernel);
            assert_false(grid_is_right(grid));
            grid->args.band = 1;
            run_grid(grid, 1, kernel);
            assert_true(grid_is_right(grid));
        }
}

static void few_ordinary_pairs_need_a_second_look(void **state)
{
    (void)state;
    const struct rank_kernel *kernel;
    expect(OK, rank_kernel_find("", &kernel));
    for (enum rank_form form = 0; form < FORM_COUNT; form++) {
        struct grid *grid = make_grid(form, ordinary, 61, 256, 723);
        run_grid(grid, 1, kernel);
        assert_true(grid->rescored > 0);
        assert_true(grid->rescored < 61 * 723 / 100);
    }
}

static void votes_are_added_to_what_is_there(void **state)
{
    (void)state;
    const struct rank_kernel *kernel;
    expect(OK, rank_kernel_find("", &kernel));
    struct grid *grid = make_grid(FORM_DOT, broken, 29, 48, 723);
    struct pool *pool;
    expect(OK, pool_open(2, &pool));
    run_grid(grid, 1, kernel);
    expect(OK, rank_cpu(pool, kernel, &grid->args));
    pool_close(&pool);
    for (uint32_t t = 0; t < grid->args.targets; t++) {
        assert_int_equal(grid->votes[t].above, 2 * grid->want[t].above);
        assert_int_equal(grid->votes[t].level, 2 * grid->want[t].level);
    }
    for (uint32_t lane = 0; lane < grid->args.lanes; lane++)
        assert_int_equal(grid->nonfinite[lane], 2 * grid->want_nonfinite[lane]);
}

static void an_unknown_set_is_refused(void **state)
{
    (void)state;
    const struct rank_kernel *kernel;
    expect(ERR_USAGE, rank_kernel_find("mmx", &kernel));
    assert_null(kernel);
    assert_non_null(strstr(err_text(), "mmx"));
}

static void norm_is_an_upper_bound(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (int kind = 0; kind < KINDS_COUNT; kind++) {
        float row[64];
        long double sum = 0;
        for (int k = 0; k < 64; k++) row[k] = kinds[kind](&random);
        for (int k = 0; k < 64; k++) sum += (long double)row[k] * (long double)row[k];
        const double norm = rank_norm(row, 1, 64);
        assert_true(norm == norm);
        if (sum == sum) assert_true((long double)norm >= sqrtl(sum));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_plain(scores_have_the_same_bits_on_every_set),
        test_plain(canonical_order_is_eight_chains_folded_in_halves),
        test_plain(no_pass_or_set_changes_a_count),
        test_plain(no_shape_changes_a_count),
        test_plain(without_its_band_the_fast_pass_is_wrong),
        test_plain(few_ordinary_pairs_need_a_second_look),
        test_plain(votes_are_added_to_what_is_there),
        test_plain(an_unknown_set_is_refused),
        test_plain(norm_is_an_upper_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
