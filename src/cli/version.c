#include <stdio.h>

#include <starling/version.h>

#include "cli.h"

static const char help[] = "\n"
                           "\n"
                           "Prints the version.\n"
                           "\n"
                           "  --help, --version\n";

int cli_version(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    if (cli_next(&options) == CLI_STOP)
        return options.exit_code;
    if (optind < argc)
        return cli_usage(self, "takes no argument, found \"%s\"", argv[optind]);
    printf("starling %s\n", SL_VERSION);
    return 0;
}
