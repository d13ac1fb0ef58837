/*
 * questions - the targets of a run, gathered by what is asked.
 *
 * A target is a line of the evaluated file and a side. Targets that ask the same, a distinct
 * (side, anchor, relation), share a question, whose scores are computed once. Questions are
 * numbered by a permutation keyed by the seed, so that the first questions are a fair sample of
 * all; everything here is a function of the evaluated triples, the sides and the seed alone, so
 * coordinator and workers make the same.
 *
 * Owner:   questions_open gives, questions_close takes.
 * Threads: reading from several is fine.
 */
#ifndef COMMON_QUESTIONS_H
#define COMMON_QUESTIONS_H

#include "common/known.h"

struct question {
    enum side side;
    uint32_t anchor; /* the entity given: the tail when the head is asked for */
    uint32_t relation;
    uint32_t first_target; /* its targets are first_target .. first_target + target_count - 1 */
    uint32_t target_count;
};

struct target {
    uint32_t triple; /* place in the evaluated triples, from 0; triples.line[] tells its line */
    uint32_t answer; /* the true entity */
};

struct questions {
    struct question *at;   /* [count], in the order of the grid */
    struct target *target; /* [target_count], question by question, each in file order */
    uint32_t count;
    uint32_t target_count;
};

/* `sides`: bit SIDE_HEAD, bit SIDE_TAIL. */
MUST enum err questions_open(const struct triples *evaluated, uint64_t sides, uint64_t seed,
                             struct questions *out);
void questions_close(struct questions *questions);

#endif
