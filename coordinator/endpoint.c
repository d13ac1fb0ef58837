/* endpoint - an address, and the files that go with it. */
#include "coordinator/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ADDRESS_BYTES = 4096, SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1 };

#define FOLDER_NAME "millrace-XXXXXX" /* the X are mkdtemp's */
#define SOCKET_NAME "workers"
#define SCHEME "ipc://"

struct endpoint {
    char address[ADDRESS_BYTES];
    char folder[ADDRESS_BYTES]; /* of our own, or "" */
    char file[ADDRESS_BYTES];   /* that tells the address, or "" */
};

/* ---- a private folder ----------------------------------------------------------------------- */

/* Whether the socket's path would fit behind this folder. */
static bool fits(const char *base)
{
    return strlen(base) + strlen("/" FOLDER_NAME "/" SOCKET_NAME) <= SOCKET_PATH_MAX;
}

static enum err make_folder(struct endpoint *endpoint)
{
    const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (!bases[i] || bases[i][0] != '/' || !fits(bases[i])) continue;
        snprintf(endpoint->folder, sizeof endpoint->folder, "%s/" FOLDER_NAME, bases[i]);
        if (!mkdtemp(endpoint->folder)) continue;
        snprintf(endpoint->address, sizeof endpoint->address, SCHEME "%.*s/" SOCKET_NAME,
                 (int)SOCKET_PATH_MAX, endpoint->folder);
        return OK;
    }
    endpoint->folder[0] = 0;
    return err_note(ERR_IO,
                    "socket: no folder for it can be made: %s; set TMPDIR to a folder that "
                    "can be written",
                    strerror(errno));
}

/* Whether the last part of the path is FOLDER_NAME with letters and digits for the X. */
static bool named_as_ours(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    const size_t stem = strlen(FOLDER_NAME) - strlen("XXXXXX");
    if (folder[0] != '/' || strlen(slash + 1) != strlen(FOLDER_NAME)) return false;
    if (strncmp(slash + 1, FOLDER_NAME, stem) != 0) return false;
    for (const char *at = slash + 1 + stem; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *at))
            return false;
    return true;
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    const int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0) return false;
    const bool answer = connect(handle, (const struct sockaddr *)&address, sizeof address) == 0;
    close(handle);
    return answer;
}

static void sweep(const char *folder)
{
    struct stat status;
    const int handle = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0) return;
    const bool ours = fstat(handle, &status) == 0 && status.st_uid == geteuid() &&
                      (status.st_mode & 07777) == 0700;
    if (ours) (void)!unlinkat(handle, SOCKET_NAME, 0); /* may never have been bound */
    close(handle);
    if (ours) (void)!rmdir(folder); /* what others put there stays, and so does it */
}

void endpoint_sweep(const char *folder)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    if (!named_as_ours(folder)) return;
    const int length = snprintf(path, sizeof path, "%s/%s", folder, SOCKET_NAME);
    /* Of a copied database the folder may be that of a run at work. */
    if (length > 0 && (size_t)length < sizeof path && !answers(path)) sweep(folder);
}

/* ---- an address of the user's --------------------------------------------------------------- */

/* libzmq removes whatever is at the path before it binds: a file of the user's, or the socket of
 * a coordinator that is running. So look first. */
static enum err check_path(const char *path)
{
    struct stat status;
    if (!*path || *path == '*' || *path == '@')
        return err_note(ERR_USAGE, "bind: ipc://%s: a path is needed", path);
    if (strlen(path) > SOCKET_PATH_MAX)
        return err_note(ERR_USAGE,
                        "bind: ipc://%s: the path has %zu bytes, and a socket's at most "
                        "%zu; use a shorter one",
                        path, strlen(path), (size_t)SOCKET_PATH_MAX);
    if (lstat(path, &status) != 0) return OK;
    if (!S_ISSOCK(status.st_mode))
        return err_note(ERR_USAGE, "bind: %s: is there already, and is no socket", path);
    if (answers(path))
        return err_note(ERR_BUSY, "bind: %s: another coordinator listens there", path);
    return OK;
}

static enum err use_address(struct endpoint *endpoint, const char *bind)
{
    if (!strncmp(bind, "tcp://", 6))
        return err_note(ERR_USAGE,
                        "tcp: %s: needs CURVE keys, which this version does not have; "
                        "use ipc://",
                        bind);
    if (strncmp(bind, SCHEME, strlen(SCHEME)) != 0)
        return err_note(ERR_USAGE, "bind: %s: not of the form ipc://PATH", bind);
    const enum err err = check_path(bind + strlen(SCHEME));
    if (!err) snprintf(endpoint->address, sizeof endpoint->address, "%s", bind);
    return err;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum err endpoint_open(const char *bind, struct endpoint **out)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    enum err err = endpoint ? OK : err_note(ERR_MEMORY, "socket: no memory");
    if (!err) err = bind ? use_address(endpoint, bind) : make_folder(endpoint);
    if (err) endpoint_close(&endpoint);
    *out = endpoint;
    return err;
}

/* libzmq would remove it too, but in its own time. */
static void remove_socket(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) (void)!unlink(path);
}

void endpoint_close(struct endpoint **endpoint)
{
    struct endpoint *old = *endpoint;
    if (!old) return;
    *endpoint = NULL;
    if (old->file[0]) (void)!unlink(old->file);
    if (old->folder[0])
        sweep(old->folder);
    else if (old->address[0])
        remove_socket(old->address + strlen(SCHEME));
    free(old);
}

const char *endpoint_address(const struct endpoint *endpoint)
{
    return endpoint->address;
}

const char *endpoint_folder(const struct endpoint *endpoint)
{
    return endpoint->folder;
}

enum err endpoint_tell(struct endpoint *endpoint, const char *path)
{
    char draft[ADDRESS_BYTES + 8];
    if (strlen(path) >= sizeof endpoint->file)
        return err_note(ERR_USAGE, "endpoint file: %s: the path is too long", path);
    snprintf(draft, sizeof draft, "%s.new", path);
    FILE *file = fopen(draft, "we");
    bool good = file && fprintf(file, "%s\n", endpoint->address) > 0;
    if (file && fclose(file) != 0) good = false;
    if (!good || rename(draft, path) != 0)
        return err_note(ERR_IO, "endpoint file: %s: %s", path, strerror(errno));
    memcpy(endpoint->file, path, strlen(path) + 1);
    return OK;
}
