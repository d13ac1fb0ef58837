/*
 * runfile - reads a run file, flat YAML, into settings. The only user of libyaml.
 *
 * Every key is a row of schema/run.def, every value a scalar or a list of scalars (for settings
 * that take several). Anything else is refused with file, line, key, what was found and what is
 * allowed; nothing is executed or expanded, and anchors, tags and nesting are refused. Relative
 * paths are relative to the run file.
 *
 * Errors:  ERR_USAGE for its content, ERR_IO when it cannot be read.
 */
#ifndef COMMON_RUNFILE_H
#define COMMON_RUNFILE_H

#include "common/settings.h"

MUST enum err runfile_read(const char *path, struct settings *settings);

#endif
