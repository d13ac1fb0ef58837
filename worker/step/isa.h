/*
 * isa - the instruction sets that steps are compiled for, and the choice among them.
 *
 * A step that has kernels makes one for each set; the results are the same, bit for bit. The best
 * set that processor and compiler have is taken, or the one that the environment variable
 * MILLRACE_ISA names ("base", "avx2", "avx512").
 *
 * Errors:  ERR_USAGE when a set is named that is unknown or that is not there.
 */
#ifndef WORKER_STEP_ISA_H
#define WORKER_STEP_ISA_H

#include "common/err.h"

/* ROW(name), from what every processor has to the best. */
#define INSTRUCTION_SETS(ROW) ROW(base) ROW(avx2) ROW(avx512)

enum isa {
#define ROW(name) ISA_##name,
    INSTRUCTION_SETS(ROW)
#undef ROW
        ISA_COUNT
};

extern const char *const isa_name[ISA_COUNT];

/* The set of that name; NULL: MILLRACE_ISA, else the best; "": the best. `kernel` has NULL for
 * the sets that there is none for. */
MUST enum err isa_find(const char *name, const void *const kernel[ISA_COUNT], enum isa *out);

#endif
