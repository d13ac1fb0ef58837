/* To add a backend: write backend/NAME.c (or .cu) with its row, and name the row here. */
#include "worker/backend.h"

#include <string.h>

static const struct backend *const backends[] = {&backend_cpu};

const struct backend *backend_find(const char *name)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (strcmp(name, backends[i]->name) == 0) return backends[i];
    return NULL;
}
