/*
 * stage - makes a run's settings from the coordinator's WELCOME, and proves that this machine
 * has the run's inputs.
 *
 * A file that still has the identity which the message tells is the coordinator's own; any other
 * is read whole and must have the message's SHA-256. `lanes` (0: the run's) and `fast_pass`
 * (NULL: the run's) replace what the run says.
 *
 * Owner:   stage_settings gives.
 * Errors:  ERR_INPUT when a file is missing here or is another; ERR_FORMAT when a setting is not
 *          known here; ERR_USAGE when it has a value that is not.
 */
#ifndef WORKER_STAGE_H
#define WORKER_STAGE_H

#include "common/settings.h"
#include "common/wire.h"

MUST enum err stage_settings(const struct wire_welcome *welcome, uint64_t lanes,
                             const char *fast_pass, struct settings **out);

#endif
