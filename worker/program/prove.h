/*
 * prove - what benchmarks and tests may change about the program `prove`: when a lane whose search
 * has ended gets the next item. The product always refills at once; the others are what it is
 * compared with, and give the same tallies.
 */
#ifndef WORKER_PROGRAM_PROVE_H
#define WORKER_PROGRAM_PROVE_H

enum prove_refill {
    PROVE_REFILL,        /* before the next step */
    PROVE_WHEN_ALL_DONE, /* once no lane is live */
    PROVE_FIXED_STEPS,   /* after `depth` steps, the most that a search takes */
};

/* `state` is the program's (program.h), opened and without a unit. */
void prove_set_refill(void *state, enum prove_refill refill);

#endif
