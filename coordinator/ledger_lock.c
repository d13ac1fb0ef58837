#include "coordinator/ledger_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* What statfs calls them: linux/magic.h, and for those outside the kernel their own sources. */
static const struct {
    uint32_t magic;
    const char *name;
} remote[] = {
    {0x00006969, "NFS"},
    {0x0000517b, "SMB"},
    {0xfe534d42, "SMB"},
    {0xff534d42, "CIFS"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x00c36400, "Ceph"},
    {0x65735546, "FUSE"},
    {0x01021997, "9P"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x19830326, "BeeGFS"},
    {0x7461636f, "OCFS2"},
    {0x01161970, "GFS2"},
    {0x20030528, "OrangeFS"},
    {0xaad7aaea, "PanFS"},
    {0x73757245, "Coda"},
    {0x786f4256, "VirtualBox shared folder"},
    {0xbacbacbc, "VMware shared folder"},
};

static void folder_of(const char *path, char folder[PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    const int length = slash ? (int)(slash - path) : 1;
    snprintf(folder, PATH_SIZE, "%.*s", length ? length : 1, slash ? path : ".");
}

enum err ledger_lock_check(const char *path)
{
    char folder[PATH_SIZE];
    struct statfs at;
    if (strlen(path) >= PATH_SIZE)
        return err_note(ERR_IO, "database: %.80s...: path too long", path);
    folder_of(path, folder);
    if (statfs(folder, &at))
        return err_note(ERR_IO, "database: %s: folder %s: %s; create it, or give another --db",
                        path, folder, strerror(errno));
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
        if ((uint32_t)at.f_type == remote[i].magic)
            return err_note(
                ERR_IO,
                "database: %s: %s is a network or FUSE file system (%s), which does not "
                "keep the locks a database needs; put it on a local disk with --db",
                path, folder, remote[i].name);
    return OK;
}

/* Somebody who only looks, as ledger_lock_held does, is gone after a moment. */
static int take(int lock)
{
    const struct timespec moment = {0, 50 * 1000 * 1000};
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK) return -1;
    nanosleep(&moment, NULL);
    return flock(lock, LOCK_EX | LOCK_NB);
}

enum err ledger_lock_open(const char *path, int *descriptor)
{
    struct stat status;
    *descriptor = -1;
    enum err err = ledger_lock_check(path);
    if (err) return err;

    if (!stat(path, &status) && !S_ISREG(status.st_mode))
        return err_note(ERR_INPUT, "database: %s: is not a file; give another --db", path);
    const int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0)
        return err_note(ERR_IO, "database: %s: cannot be opened for writing: %s; give another --db",
                        path, strerror(errno));
    if (take(lock)) {
        err = errno == EWOULDBLOCK
                  ? err_note(ERR_BUSY,
                             "database: %s: another coordinator is using it; wait until it has "
                             "ended, or stop it (millrace status shows what it does)",
                             path)
                  : err_note(ERR_IO, "database: %s: cannot be locked: %s", path, strerror(errno));
        close(lock);
        return err;
    }
    *descriptor = lock;
    return OK;
}

bool ledger_lock_held(const char *path)
{
    const int lock = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool held = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (lock >= 0) close(lock); /* and with it the lock */
    return held;
}

void ledger_lock_close(int *descriptor)
{
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
}
