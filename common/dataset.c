#include "common/dataset.h"

#include "common/splits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The choices of settings, by their place in schema/run.def. */
enum inverse { INVERSE_NONE, INVERSE_BLOCKS, INVERSE_INTERLEAVED };
enum layout { LAYOUT_HALVES, LAYOUT_INTERLEAVED };
enum nonfinite { NONFINITE_ERROR, NONFINITE_WORST };

/* How wide a relation's row is; see schema/scorers.h. */
enum relation_width { SAME, PHASE };

#define ROW(name, form, relation) relation,
static const enum relation_width relation_widths[] = {SCORERS(ROW)};
#undef ROW
#define ROW(name, form, relation) #name,
static const char *const scorer_names[] = {SCORERS(ROW)};
#undef ROW

static enum err open_map(const struct settings *settings, enum setting setting, const int *columns,
                         size_t column_count, struct vocab **out)
{
    const char *what = setting_rows[setting].name;
    const char *path = settings_text(settings, setting);
    if (path[0]) return vocab_read(path, what, out);
    const char *train = settings_text(settings, SET_train);
    if (train[0]) return vocab_sort(train, columns, column_count, what, out);
    return err_note(ERR_USAGE,
                    "%s: no map is given, and no training triples to make one from; set "
                    "%s or train",
                    what, what);
}

static enum err open_maps(const struct settings *settings, struct dataset *dataset)
{
    static const int ends[] = {0, 2};
    static const int middle[] = {1};
    enum err err = open_map(settings, SET_entities, ends, 2, &dataset->entities);
    if (!err) err = open_map(settings, SET_relations, middle, 1, &dataset->relations);
    if (err) return err;
    dataset->entity_count = vocab_count(dataset->entities);
    dataset->relation_count = vocab_count(dataset->relations);
    return OK;
}

/* Reads each file that is needed once, whole. Where labels are kept, all files are needed. */
static enum err read_files(const struct settings *settings, enum dataset_use use,
                           struct dataset *dataset, struct triples *files)
{
    const enum unknown_policy policy = (enum unknown_policy)settings_choice(settings, SET_unknown);
    const uint64_t needed = split_filter(settings) | UINT64_C(1) << split_evaluated(settings);
    enum err err = OK;
    for (enum split split = 0; !err && split < SPLITS; split++) {
        const char *path = split_path(settings, split);
        const bool need = use == DATASET_PLAN || policy == UNKNOWN_KEEP || needed >> split & 1;
        if (!path[0] || !need) continue;
        err = triples_read(path, setting_rows[split_setting[split]].name, policy, 0,
                           dataset->entities, dataset->relations, &files[split]);
        dataset->dropped += files[split].dropped;
        dataset->kept += files[split].kept;
    }
    return err;
}

/* A table with what messages call it. */
struct named_table {
    const char *role, *path, *tensor;
    const struct table *table;
};

static struct named_table name_table(const struct settings *settings, const struct dataset *dataset,
                                     bool relation)
{
    const bool apart = relation && dataset->relation_model;
    const enum setting tensor = relation ? SET_relation_tensor : SET_entity_tensor;
    return (struct named_table){
        .role = setting_rows[apart ? SET_relation_model : SET_model].name,
        .path = tensors_path(apart ? dataset->relation_model : dataset->model),
        .tensor = settings_text(settings, tensor),
        .table = relation ? &dataset->relation_table : &dataset->entity_table,
    };
}

#define TABLE_FORMAT "%s: %s: tensor %.200s: "
#define TABLE_NAMES(named) (named).role, (named).path, (named).tensor

static enum err open_tables(const struct settings *settings, struct dataset *dataset)
{
    const char *entity = settings_text(settings, SET_entity_tensor);
    const char *relation = settings_text(settings, SET_relation_tensor);
    const char *apart = settings_text(settings, SET_relation_model);
    enum err err = tensors_open(settings_text(settings, SET_model), &dataset->model);
    if (!err) err = tensors_table(dataset->model, entity, &dataset->entity_table);
    if (!err && !apart[0] && tensors_single(dataset->model))
        return err_note(ERR_USAGE,
                        "model: %s: an .npy holds the entity table only; set "
                        "relation_model",
                        tensors_path(dataset->model));
    if (!err && !apart[0]) err = tensors_table(dataset->model, relation, &dataset->relation_table);
    if (err) return err_prefix(err, "model");

    if (apart[0]) err = tensors_open(apart, &dataset->relation_model);
    if (!err && apart[0])
        err = tensors_table(dataset->relation_model, relation, &dataset->relation_table);
    return err ? err_prefix(err, "relation_model") : OK;
}

static enum err check_rows(const struct settings *settings, const struct dataset *dataset)
{
    const struct named_table entity = name_table(settings, dataset, false);
    const struct named_table relation = name_table(settings, dataset, true);
    if (entity.table->rows != dataset->entity_count)
        return err_note(ERR_INPUT,
                        TABLE_FORMAT "%llu rows, expected %u, one for each entity of the "
                                     "map",
                        TABLE_NAMES(entity), (unsigned long long)entity.table->rows,
                        dataset->entity_count);
    const bool inverse = settings_choice(settings, SET_inverse) != INVERSE_NONE;
    const uint64_t once = dataset->relation_count;
    const uint64_t expected = inverse ? 2 * once : once;
    const uint64_t found = relation.table->rows;
    if (found == expected) return OK;
    const char *hint = "";
    if (inverse && found < expected)
        hint = ": relation table too small for inverse; set inverse to none, or give a model that "
               "was trained with inverse relations";
    if (!inverse && found == 2 * once)
        hint = "; if it was trained with inverse relations, set inverse to blocks or interleaved";
    return err_note(ERR_INPUT,
                    TABLE_FORMAT "%llu rows, expected %llu, %s for each relation of the "
                                 "map%s",
                    TABLE_NAMES(relation), (unsigned long long)found, (unsigned long long)expected,
                    inverse ? "two" : "one", hint);
}

/* "; that shape fits rotate", where a relation is half as wide as an entity; "" elsewhere. */
static void name_fitting(uint64_t width, uint64_t found, char *out, size_t size)
{
    size_t used = 0;
    *out = 0;
    if (width % 2 != 0 || found != width / 2) return;
    for (size_t i = 0; i < SCORER_COUNT && used < size; i++)
        if (relation_widths[i] == PHASE)
            used += (size_t)snprintf(out + used, size - used, "%s%s",
                                     used ? " and " : "; that shape fits ", scorer_names[i]);
}

static enum err check_widths(const struct settings *settings, const struct dataset *dataset)
{
    const struct named_table entity = name_table(settings, dataset, false);
    const struct named_table relation = name_table(settings, dataset, true);
    const int scorer = settings_choice(settings, SET_scorer);
    if (scorer < 0) return err_note(ERR_USAGE, "scorer: none is given; set scorer");
    const char *name = settings_text(settings, SET_scorer);
    const uint64_t width = entity.table->width;
    const uint64_t found = relation.table->width;
    const bool phase = relation_widths[scorer] == PHASE;
    if ((phase || scorer == SCORER_complex) && width % 2 != 0)
        return err_note(ERR_INPUT,
                        TABLE_FORMAT "rows of %llu numbers, expected an even number of "
                                     "them for scorer %s",
                        TABLE_NAMES(entity), (unsigned long long)width, name);
    if (found == width || (phase && found == width / 2)) return OK;
    if (phase)
        return err_note(ERR_INPUT,
                        TABLE_FORMAT "rows of %llu numbers, expected %llu angles or %llu "
                                     "parts of complex numbers for scorer %s",
                        TABLE_NAMES(relation), (unsigned long long)found,
                        (unsigned long long)width / 2, (unsigned long long)width, name);
    char fitting[256];
    name_fitting(width, found, fitting, sizeof fitting);
    return err_note(ERR_INPUT,
                    TABLE_FORMAT "rows of %llu numbers, expected %llu, as many as an "
                                 "entity has, for scorer %s%s",
                    TABLE_NAMES(relation), (unsigned long long)found, (unsigned long long)width,
                    name, fitting);
}

/* The label of the relation that a row of the table belongs to. */
static const char *relation_label(const struct settings *settings, const struct dataset *dataset,
                                  uint64_t row)
{
    const bool interleaved = settings_choice(settings, SET_inverse) == INVERSE_INTERLEAVED;
    const uint64_t relation = interleaved ? row / 2 : row % dataset->relation_count;
    return vocab_label(dataset->relations, (uint32_t)relation);
}

static enum err check_numbers(const struct settings *settings, const struct dataset *dataset,
                              bool relation)
{
    const struct named_table named = name_table(settings, dataset, relation);
    uint64_t row, column;
    if (table_find_nan(named.table, &row, &column) == ERR_NONE) return OK;
    const char *label = relation ? relation_label(settings, dataset, row)
                                 : vocab_label(dataset->entities, (uint32_t)row);
    return err_note(ERR_INPUT,
                    TABLE_FORMAT "row %llu (%.80s), column %llu is NaN; mend the model, "
                                 "or set nonfinite to worst",
                    TABLE_NAMES(named), (unsigned long long)row, label, (unsigned long long)column);
}

/* The first complex number of a row of `width` parts whose modulus is not 1; width / 2 if none. */
static uint64_t find_modulus(const float *row, uint64_t width, bool interleaved, double tolerance,
                             double *modulus)
{
    uint64_t k = 0;
    for (; k < width / 2; k++) {
        const double real = row[interleaved ? 2 * k : k];
        const double imaginary = row[interleaved ? 2 * k + 1 : k + width / 2];
        *modulus = sqrt(real * real + imaginary * imaginary);
        if (!(fabs(*modulus - 1) <= tolerance)) break;
    }
    return k;
}

/* Head questions of rotate turn the tail back: |h r - t| is |h - t / r| only if every |r| is 1. */
static enum err check_moduli(const struct settings *settings, const struct dataset *dataset)
{
    const struct named_table named = name_table(settings, dataset, true);
    const uint64_t width = named.table->width;
    const bool heads = settings_choices(settings, SET_sides) >> SIDE_HEAD & 1;
    const bool phase = relation_widths[settings_choice(settings, SET_scorer)] == PHASE;
    const bool turned_back = heads && settings_choice(settings, SET_inverse) == INVERSE_NONE;
    if (!phase || !turned_back || width != dataset->entity_table.width) return OK;

    float *numbers = malloc(width * sizeof *numbers);
    if (!numbers) return err_note(ERR_MEMORY, "%s: not enough memory", named.path);
    const bool interleaved = settings_choice(settings, SET_layout) == LAYOUT_INTERLEAVED;
    /* BF16 keeps 8 bits, so that parts of a unit number lie up to 2^-9 of it away. */
    const double tolerance = named.table->type == TENSOR_BF16 ? 1e-2 : 1e-3;
    enum err err = OK;
    for (uint64_t row = 0; !err && row < named.table->rows; row++) {
        double modulus = 1;
        table_row(named.table, row, numbers);
        const uint64_t k = find_modulus(numbers, width, interleaved, tolerance, &modulus);
        if (k < width / 2)
            err = err_note(ERR_INPUT,
                           TABLE_FORMAT
                           "row %llu (%.80s): complex number %llu has modulus "
                           "%g, expected 1 within %g, which head questions need; check layout, or "
                           "set sides to tail",
                           TABLE_NAMES(named), (unsigned long long)row,
                           relation_label(settings, dataset, row), (unsigned long long)k, modulus,
                           tolerance);
    }
    free(numbers);
    return err;
}

/* What need be looked at only once: every number of both tables. */
static enum err check_content(const struct settings *settings, const struct dataset *dataset)
{
    enum err err = OK;
    if (settings_choice(settings, SET_nonfinite) == NONFINITE_ERROR) {
        err = check_numbers(settings, dataset, false);
        if (!err) err = check_numbers(settings, dataset, true);
    }
    if (!err) err = check_moduli(settings, dataset);
    return err;
}

enum err dataset_open(const struct settings *settings, enum dataset_use use, struct dataset **out)
{
    struct triples files[SPLITS] = {0};
    struct dataset *dataset = calloc(1, sizeof *dataset);

    enum err err = dataset ? OK : err_note(ERR_MEMORY, "dataset: not enough memory");
    if (!err) err = open_maps(settings, dataset);
    if (!err) err = read_files(settings, use, dataset, files);
    if (!err && use == DATASET_SCORE) err = split_known(settings, files, &dataset->known);
    if (!err) err = split_take(settings, "rank", files, &dataset->evaluated);
    if (!err)
        err = questions_open(&dataset->evaluated, settings_choices(settings, SET_sides),
                             settings_count(settings, SET_seed), &dataset->questions);
    if (!err) err = open_tables(settings, dataset);
    if (!err) err = check_rows(settings, dataset);
    if (!err) err = check_widths(settings, dataset);
    if (!err && use == DATASET_PLAN) err = check_content(settings, dataset);

    for (enum split split = 0; split < SPLITS; split++) triples_close(&files[split]);
    if (err) dataset_close(&dataset);
    *out = dataset;
    return err;
}

void dataset_close(struct dataset **dataset)
{
    struct dataset *self = *dataset;
    if (!self) return;
    tensors_close(&self->model);
    tensors_close(&self->relation_model);
    known_close(&self->known);
    questions_close(&self->questions);
    triples_close(&self->evaluated);
    vocab_close(&self->entities);
    vocab_close(&self->relations);
    free(self);
    *dataset = NULL;
}

uint32_t dataset_relation_row(const struct settings *settings, uint32_t relation_count,
                              enum side side, uint32_t relation, enum side *as_side)
{
    const int inverse = settings_choice(settings, SET_inverse);
    const bool back = inverse != INVERSE_NONE && side == SIDE_HEAD;
    check(relation < relation_count);
    *as_side = back ? SIDE_TAIL : side;
    if (inverse == INVERSE_INTERLEAVED) return 2 * relation + back;
    return back ? relation + relation_count : relation;
}
