/*
 * work - what a unit costs, one row for each number: COUNTER(name). Each is summed over units; a
 * program leaves those that mean nothing to it at 0. RESULT carries them in this order, table
 * worker has a column for each, and a report shows them as run.work.NAME.
 *
 *     pairs       items finished: pairs of question and candidate
 *     rescored    pairs scored canonically after a fast pass (rank)
 *     lanes       lane-steps there were
 *     lanes_live  lane-steps that held an item
 *     rows        successors there were to choose from (prove)
 *     encoded     states that went through the network (prove)
 *     recalled    states whose encoding was there already (prove)
 */
#ifndef SCHEMA_WORK_H
#define SCHEMA_WORK_H

#define WORK_COUNTERS(COUNTER) \
    COUNTER(pairs)             \
    COUNTER(rescored)          \
    COUNTER(lanes)             \
    COUNTER(lanes_live)        \
    COUNTER(rows)              \
    COUNTER(encoded)           \
    COUNTER(recalled)

#endif
