/* main - the millrace-worker program. */
#include "common/standard.h"
#include "worker/worker_main.h"

int main(int argc, char **argv)
{
    standard_secure();
    return worker_main(argc, argv);
}
