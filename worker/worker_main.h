/*
 * worker_main - the worker program apart from main, so that a benchmark can register a program of
 * its own (program_register) and then be a worker like any other.
 */
#ifndef WORKER_WORKER_MAIN_H
#define WORKER_WORKER_MAIN_H

/* Runs a worker as the arguments say; gives the program's exit code. Errors are printed as
 * `millrace-worker: what: where: why; what to do`. */
int worker_main(int argc, char **argv);

#endif
