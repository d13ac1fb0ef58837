#include "common/questions.h"

#include "common/permute.h"

#include <stdlib.h>

/* The permutation that orders questions: "questions" as the first eight bytes of the word. */
#define QUESTIONS_STREAM UINT64_C(0x7175657374696f6e)

/*
 * How questions get their numbers. Targets are passed in the order of the file, of each triple
 * the head's side before the tail's; a question appears with its first target. The question that
 * appears as k-th, from 0, of n becomes number permute(seed, QUESTIONS_STREAM, n, k).
 */
struct group {
    enum side side;
    uint32_t first, count; /* its members in `sorted` */
};

/* What is needed only while questions are made. */
struct gathering {
    struct triple *sorted[SIDES]; /* [triples]: anchor, relation, place of the triple; in order */
    struct group *group;          /* [targets at most] */
    uint32_t groups;
    uint32_t *opens; /* [triples * SIDES]: 1 + the group that a target opens, or 0 */
};

static enum err sort_side(const struct triples *evaluated, enum side side, struct triple **out)
{
    struct triple *sorted = malloc(((size_t)evaluated->count + 1) * sizeof *sorted);
    *out = sorted;
    if (!sorted) return err_note(ERR_MEMORY, "questions: not enough memory");
    for (uint32_t i = 0; i < evaluated->count; i++) {
        const struct triple *triple = &evaluated->at[i];
        const uint32_t anchor = side == SIDE_TAIL ? triple->head : triple->tail;
        sorted[i] = (struct triple){anchor, triple->relation, i};
    }
    return triples_order(sorted, evaluated->count);
}

/* Finds the side's groups; their members stand in file order, so the first opens it. */
static void group_side(struct gathering *gathering, enum side side, uint32_t count)
{
    const struct triple *sorted = gathering->sorted[side];
    for (uint32_t i = 0; i < count; i++) {
        const bool opens = i == 0 || sorted[i].head != sorted[i - 1].head ||
                           sorted[i].relation != sorted[i - 1].relation;
        if (opens) {
            gathering->group[gathering->groups++] = (struct group){side, i, 0};
            gathering->opens[(size_t)sorted[i].tail * SIDES + side] = gathering->groups;
        }
        gathering->group[gathering->groups - 1].count++;
    }
}

/* Numbers the groups and writes the questions in this order, without targets. `group_of` tells
 * each question's group. */
static void number(const struct gathering *gathering, uint64_t seed, size_t targets,
                   uint32_t *group_of)
{
    uint64_t appeared = 0;
    for (size_t i = 0; i < targets; i++)
        if (gathering->opens[i])
            group_of[permute(seed, QUESTIONS_STREAM, gathering->groups, appeared++)] =
                gathering->opens[i] - 1;
}

static void write_questions(const struct gathering *gathering, const uint32_t *group_of,
                            const struct triples *evaluated, struct questions *out)
{
    out->count = gathering->groups;
    for (uint32_t q = 0; q < out->count; q++) {
        const struct group *group = &gathering->group[group_of[q]];
        const struct triple *member = gathering->sorted[group->side] + group->first;
        out->at[q] = (struct question){group->side, member->head, member->relation,
                                       out->target_count, group->count};
        for (uint32_t i = 0; i < group->count; i++) {
            const struct triple *triple = &evaluated->at[member[i].tail];
            out->target[out->target_count++] = (struct target){
                member[i].tail, group->side == SIDE_TAIL ? triple->tail : triple->head};
        }
    }
}

enum err questions_open(const struct triples *evaluated, uint64_t sides, uint64_t seed,
                        struct questions *out)
{
    *out = (struct questions){0};
    const size_t most = (size_t)evaluated->count * SIDES;
    if (most > UINT32_MAX)
        return err_note(ERR_INPUT, "questions: %u triples to rank; that is too many",
                        evaluated->count);
    struct gathering gathering = {
        .group = malloc((most + 1) * sizeof *gathering.group),
        .opens = calloc(most + 1, sizeof *gathering.opens),
    };
    uint32_t *group_of = malloc((most + 1) * sizeof *group_of);
    out->at = malloc((most + 1) * sizeof *out->at);
    out->target = malloc((most + 1) * sizeof *out->target);

    enum err err = OK;
    if (!gathering.group || !gathering.opens || !group_of || !out->at || !out->target)
        err = err_note(ERR_MEMORY, "questions: not enough memory for %zu targets", most);
    for (enum side side = 0; !err && side < SIDES; side++) {
        if (!(sides >> side & 1)) continue;
        err = sort_side(evaluated, side, &gathering.sorted[side]);
        if (!err) group_side(&gathering, side, evaluated->count);
    }
    if (!err) {
        number(&gathering, seed, most, group_of);
        write_questions(&gathering, group_of, evaluated, out);
    }

    for (enum side side = 0; side < SIDES; side++) free(gathering.sorted[side]);
    free(gathering.group);
    free(gathering.opens);
    free(group_of);
    if (err) questions_close(out);
    return err;
}

void questions_close(struct questions *questions)
{
    free(questions->at);
    free(questions->target);
    *questions = (struct questions){0};
}
