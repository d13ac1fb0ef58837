#include "common/splits.h"

const enum setting split_setting[SPLITS] = {SET_train, SET_valid, SET_test, SET_queries};

enum split split_evaluated(const struct settings *settings)
{
    static const enum split named[] = {SPLIT_TEST, SPLIT_VALID, SPLIT_TRAIN};
    const int choice = settings_choice(settings, SET_queries);
    return choice < 0 ? SPLIT_QUERIES : named[choice];
}

const char *split_path(const struct settings *settings, enum split split)
{
    const bool named = split == SPLIT_QUERIES && split_evaluated(settings) != SPLIT_QUERIES;
    return named ? "" : settings_text(settings, split_setting[split]);
}

const char *split_evaluated_path(const struct settings *settings)
{
    return split_path(settings, split_evaluated(settings));
}

uint64_t split_filter(const struct settings *settings)
{
    uint64_t splits = settings_choices(settings, SET_filter) & ((1 << SPLITS) - 1);
    if (splits >> SPLIT_QUERIES & 1) splits |= UINT64_C(1) << split_evaluated(settings);
    return splits;
}

enum err split_known(const struct settings *settings, const struct triples *files,
                     struct known **out)
{
    const struct triples *sets[SPLITS];
    size_t count = 0;
    const uint64_t filter = split_filter(settings);
    for (enum split split = 0; split < SPLITS; split++)
        if (filter >> split & 1) sets[count++] = &files[split];
    return known_open(sets, count, out);
}

enum err split_take(const struct settings *settings, const char *verb, struct triples *files,
                    struct triples *out)
{
    const enum split split = split_evaluated(settings);
    const char *name = setting_rows[split_setting[split]].name;
    const uint64_t limit = settings_count(settings, SET_limit);
    *out = files[split];
    files[split] = (struct triples){0};
    while (limit > 0 && out->count > 0 && out->line[out->count - 1] >= limit) out->count--;
    if (out->count > 0) return OK;
    return err_note(ERR_INPUT, "%s: %s: no %s triples to %s%s", name, split_path(settings, split),
                    name, verb, out->dropped ? "; all lines were dropped for unknown labels" : "");
}
