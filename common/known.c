#include "common/known.h"

#include <stdlib.h>

const char *const side_name[SIDES] = {"head", "tail"};

/*
 * One side's answers. Groups are the distinct (anchor, relation), in this order: those of an
 * anchor are first_group[anchor] .. first_group[anchor + 1] - 1; the answers of a group are
 * answer[first_answer[group]] .. answer[first_answer[group + 1] - 1].
 */
struct answers {
    uint32_t anchors;     /* the largest anchor and one */
    size_t *first_group;  /* [anchors + 1] */
    uint32_t *relation;   /* [groups] */
    size_t *first_answer; /* [groups + 1] */
    uint32_t *answer;
};

struct known {
    struct answers side[SIDES];
};

/* The same triple with the anchor in front and the answer last, whichever side is asked for. */
static struct triple turned(struct triple triple, enum side side)
{
    return side == SIDE_TAIL ? triple : (struct triple){triple.tail, triple.relation, triple.head};
}

static bool same_group(const struct triple *a, const struct triple *b)
{
    return a->head == b->head && a->relation == b->relation;
}

/* Fills `out` from triples in order (anchor, relation, answer), of which some may be equal. */
static void fill(const struct triple *at, size_t count, struct answers *out)
{
    size_t groups = 0;
    size_t answers = 0;
    uint32_t anchor = 0;
    out->first_group[0] = 0;
    for (size_t i = 0; i < count; i++) {
        while (anchor < at[i].head) out->first_group[++anchor] = groups;
        const bool opens = i == 0 || !same_group(&at[i - 1], &at[i]);
        if (!opens && at[i - 1].tail == at[i].tail) continue;
        if (opens) {
            out->relation[groups] = at[i].relation;
            out->first_answer[groups++] = answers;
        }
        out->answer[answers++] = at[i].tail;
    }
    while (anchor < out->anchors) out->first_group[++anchor] = groups;
    out->first_answer[groups] = answers;
}

static enum err build(struct triple *at, size_t count, struct answers *out)
{
    const enum err err = triples_order(at, count);
    if (err) return err;
    size_t groups = 0;
    for (size_t i = 0; i < count; i++) groups += i == 0 || !same_group(&at[i - 1], &at[i]);

    out->anchors = count ? at[count - 1].head + 1 : 0;
    out->first_group = malloc(((size_t)out->anchors + 1) * sizeof *out->first_group);
    out->relation = malloc((groups + 1) * sizeof *out->relation);
    out->first_answer = malloc((groups + 1) * sizeof *out->first_answer);
    out->answer = malloc((count + 1) * sizeof *out->answer);
    if (!out->first_group || !out->relation || !out->first_answer || !out->answer)
        return err_note(ERR_MEMORY, "filter: not enough memory for %zu known triples", count);
    fill(at, count, out);
    return OK;
}

enum err known_open(const struct triples *const *sets, size_t count, struct known **out)
{
    size_t total = 0;
    for (size_t set = 0; set < count; set++) total += sets[set]->count;
    struct known *known = calloc(1, sizeof *known);
    struct triple *at = malloc((total + 1) * sizeof *at);

    enum err err = OK;
    if (!known || !at)
        err = err_note(ERR_MEMORY, "filter: not enough memory for %zu known triples", total);
    for (enum side side = 0; !err && side < SIDES; side++) {
        size_t used = 0;
        for (size_t set = 0; set < count; set++)
            for (uint32_t i = 0; i < sets[set]->count; i++)
                at[used++] = turned(sets[set]->at[i], side);
        err = build(at, total, &known->side[side]);
    }

    free(at);
    if (err) known_close(&known);
    *out = known;
    return err;
}

void known_close(struct known **known)
{
    if (!*known) return;
    for (enum side side = 0; side < SIDES; side++) {
        struct answers *answers = &(*known)->side[side];
        free(answers->first_group);
        free(answers->relation);
        free(answers->first_answer);
        free(answers->answer);
    }
    free(*known);
    *known = NULL;
}

const uint32_t *known_answers(const struct known *known, enum side side, uint32_t anchor,
                              uint32_t relation, uint32_t *count)
{
    const struct answers *answers = &known->side[side];
    *count = 0;
    if (anchor >= answers->anchors) return NULL;
    size_t low = answers->first_group[anchor];
    size_t high = answers->first_group[anchor + 1];
    const size_t end = high;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (answers->relation[middle] < relation)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == end || answers->relation[low] != relation) return NULL;
    *count = (uint32_t)(answers->first_answer[low + 1] - answers->first_answer[low]);
    return answers->answer + answers->first_answer[low];
}
