/* main - the millrace program. */
#include "common/standard.h"
#include "coordinator/commands.h"

int main(int argc, char **argv)
{
    standard_secure();
    return commands_main(argc, argv);
}
