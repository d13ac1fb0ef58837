/* main - the millrace-worker program. */
#include "worker/worker_main.h"

int main(int argc, char **argv)
{
    return worker_main(argc, argv);
}
