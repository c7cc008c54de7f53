#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char help[] = "[COMMAND]\n"
                           "\n"
                           "Lists the commands, or prints the help of one.\n"
                           "\n"
                           "  --help, --version\n";

static void list(const char *group) {
    size_t length = strlen(group);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (length == 0 || (strncmp(command->name, group, length) == 0 && command->name[length] == ' '))
            printf("  %-20s %s\n", command->name, command->summary);
    }
}

static int list_all(void) {
    puts("Usage: starling COMMAND ...\n"
         "\n"
         "Decentralized learning: nodes of a flock train on their own data, exchange models\n"
         "over mutual TLS and average them locally. Nobody leads.\n");
    list("");
    puts("\n\"starling COMMAND --help\" tells more.");
    return 0;
}

int cli_help(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    if (cli_next(&options) == CLI_STOP)
        return options.exit_code;
    argc -= optind;
    argv += optind;
    if (argc == 0)
        return list_all();
    const struct cli_command *command = argc <= 2 ? cli_find(argv[0], argv[1]) : NULL;
    if (command != NULL) {
        optind = 0; /* a second scan begins */
        return command->run(command, 2, (char *[]){(char *)command->name, "--help", NULL});
    }
    if (argc == 1 && cli_group_size(argv[0]) > 0) {
        printf("Usage: starling %s COMMAND ...\n\n", argv[0]);
        list(argv[0]);
        printf("\n\"starling %s COMMAND --help\" tells more.\n", argv[0]);
        return 0;
    }
    return cli_usage(self, "no command \"%s%s%s\"", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
}
