#include "common/standard.h"

#include "common/err.h"

#include <fcntl.h>
#include <signal.h>

void standard_secure(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0) check(open("/dev/null", O_RDWR) == descriptor);
    check(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
}
