/* processors - how many this process may use: a job may be given fewer than there are. */
#ifndef COORDINATOR_PROCESSORS_H
#define COORDINATOR_PROCESSORS_H

#include "common/settings.h"

uint32_t processors_count(void); /* at least 1 */

/* The threads of each local worker: as the setting says, or its share of the processors. */
uint32_t processors_share(const struct settings *settings);

#endif
