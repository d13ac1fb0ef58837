/*
 * scorers - which scorers there are, and what their tables must look like: data for both sides.
 *
 * ROW(name, form, relation): the form tells how a query vector meets a candidate
 * (worker/step/rank.h); `relation` tells how wide a row of the relation table is, measured by a
 * row of the entity table:
 *
 *     SAME    as wide
 *     PHASE   half as wide (an angle for each complex number), or as wide (the complex numbers)
 *
 * To add one: write worker/scorer/NAME.h, include it in worker/scorers.h, and add a row here.
 */
#ifndef SCHEMA_SCORERS_H
#define SCHEMA_SCORERS_H

#define SCORERS(ROW)         \
    ROW(transe_l1, L1, SAME) \
    ROW(transe_l2, L2, SAME) \
    ROW(distmult, DOT, SAME) \
    ROW(complex, DOT, SAME)  \
    ROW(rotate, MODULUS, PHASE)

enum scorer {
#define ROW(name, form, relation) SCORER_##name,
    SCORERS(ROW)
#undef ROW
        SCORER_COUNT
};

/* "|transe_l1|transe_l2|...", as schema/run.def wants its choices. */
#define SCORER_CHOICE(name, form, relation) "|" #name
#define SCORER_CHOICES SCORERS(SCORER_CHOICE)

#endif
