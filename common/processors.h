/* processors - how many this process may use: a job may be given fewer than there are. */
#ifndef COMMON_PROCESSORS_H
#define COMMON_PROCESSORS_H

#include <stdint.h>

uint32_t processors_count(void); /* at least 1 */

/* The threads of each of `workers` local workers: `threads` if that is not 0, else its share of
 * the processors. */
uint32_t processors_share(uint64_t threads, uint64_t workers);

#endif
