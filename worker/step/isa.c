#include "worker/step/isa.h"

#include <stdlib.h>
#include <string.h>

const char *const isa_name[ISA_COUNT] = {
#define ROW(name) #name,
    INSTRUCTION_SETS(ROW)
#undef ROW
};

#if defined(__x86_64__)
static bool processor_has(enum isa isa)
{
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    return isa == ISA_base || (isa == ISA_avx2 && avx2) || (isa == ISA_avx512 && avx512);
}
#else
static bool processor_has(enum isa isa)
{
    return isa == ISA_base;
}
#endif

enum err isa_find(const char *name, const void *const kernel[ISA_COUNT], enum isa *out)
{
    const char *wanted = name ? name : getenv("MILLRACE_ISA");
    enum isa best = ISA_base, found = ISA_COUNT;
    for (enum isa isa = ISA_base; isa < ISA_COUNT; isa++) {
        if (!kernel[isa] || !processor_has(isa)) continue;
        best = isa;
        if (wanted && strcmp(wanted, isa_name[isa]) == 0) found = isa;
    }
    if (!wanted || !*wanted) found = best;
    *out = found;
    if (found < ISA_COUNT) return OK;
    return err_note(ERR_USAGE,
                    "worker: MILLRACE_ISA: %s: this processor does not have it; the "
                    "best it has is %s",
                    wanted, isa_name[best]);
}
