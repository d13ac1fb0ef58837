/*
 * endpoint - where workers find a coordinator: an address in a folder that only its owner can
 * enter, and a file that tells it.
 *
 * Without a wish of the user's the socket lies in a new folder under $XDG_RUNTIME_DIR, $TMPDIR, or
 * /tmp. The folder of a coordinator that was killed is swept away by the next one on the same
 * database, which knows its path.
 *
 * Owner:   endpoint_open gives, endpoint_close takes: it removes what was made.
 * Errors:  ERR_USAGE for an address that cannot be used; ERR_BUSY when another coordinator
 *          listens there; ERR_IO.
 */
#ifndef COORDINATOR_ENDPOINT_H
#define COORDINATOR_ENDPOINT_H

#include "common/err.h"

struct endpoint;

/* Chooses the address: `bind` ("ipc://PATH"), or one in a private folder if it is NULL. */
MUST enum err endpoint_open(const char *bind, struct endpoint **out);
void endpoint_close(struct endpoint **endpoint);

const char *endpoint_address(const struct endpoint *endpoint); /* "ipc:///..." */
const char *endpoint_folder(const struct endpoint *endpoint);  /* "" without one of our own */

/* Once it is bound: the address as the only line of the file at `path`, there whole or not at
 * all. The file is removed by endpoint_close. */
MUST enum err endpoint_tell(struct endpoint *endpoint, const char *path);

/* Removes a folder that endpoint_open made and nobody removed. Does nothing to a path that is not
 * named as ours are, or whose owner we are not. */
void endpoint_sweep(const char *folder);

#endif
