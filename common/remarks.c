#include "common/remarks.h"

#include <stdio.h>

uint64_t remarks_kept(const struct remarks *remarks)
{
    return remarks->count < REMARKS_KEPT ? remarks->count : REMARKS_KEPT;
}

void remarks_add(struct remarks *remarks, uint64_t line, const char *word)
{
    struct remark *const first = remarks->first;
    uint64_t at = remarks_kept(remarks);
    remarks->count++;
    if (at == REMARKS_KEPT && first[at - 1].line <= line) return;
    if (at == REMARKS_KEPT) at--; /* the last one goes */
    for (; at > 0 && first[at - 1].line > line; at--) first[at] = first[at - 1];
    first[at].line = line;
    (void)snprintf(first[at].word, sizeof first[at].word, "%s", word);
}
