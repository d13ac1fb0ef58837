/*
 * shim - a library to preload that makes the system misbehave on demand.
 *
 *     MILLRACE_SHIM_STATFS=0x6969   every file system says it is of this type (here NFS)
 *     MILLRACE_SHIM_ROOM=N          files with ".db" in their name take N bytes more in each
 *                                   process, then the disk is full
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- file systems ------------------------------------------------------------------------ */

#define STATFS(name, where_type, status_type)                            \
    int name(where_type where, status_type *status)                      \
    {                                                                    \
        const char *type = getenv("MILLRACE_SHIM_STATFS");               \
        const int result = REAL(name)(where, status);                    \
        if (type && result == 0) status->f_type = strtol(type, NULL, 0); \
        return result;                                                   \
    }
STATFS(statfs, const char *, struct statfs)
STATFS(statfs64, const char *, struct statfs64)
STATFS(fstatfs, int, struct statfs)
STATFS(fstatfs64, int, struct statfs64)

/* ---- room -------------------------------------------------------------------------------- */

/* Takes `size` bytes from what is left for the database's files; false when the disk is full. */
static int has_room(int file, size_t size)
{
    static size_t used;
    const char *room = getenv("MILLRACE_SHIM_ROOM");
    char link[64], path[4096];
    if (!room) return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 1;
    path[length] = 0;
    if (!strstr(path, ".db")) return 1;
    if (used + size > strtoull(room, NULL, 10)) {
        errno = ENOSPC;
        return 0;
    }
    used += size;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    return has_room(file, size) ? REAL(write)(file, bytes, size) : -1;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at)
{
    return has_room(file, size) ? REAL(pwrite)(file, bytes, size, at) : -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at)
{
    return has_room(file, size) ? REAL(pwrite64)(file, bytes, size, at) : -1;
}
