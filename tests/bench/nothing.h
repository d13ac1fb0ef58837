/*
 * nothing - a program that does nothing, to measure what a unit costs beside its work. Only the
 * benchmark's two programs register it, in place of "rank".
 */
#ifndef TESTS_BENCH_NOTHING_H
#define TESTS_BENCH_NOTHING_H

#define NOTHING_NAME "rank"
#define NOTHING_UNITS "MILLRACE_NOTHING_UNITS" /* environment: how many units */

#endif
