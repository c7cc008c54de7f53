#include <stdio.h>
#include <string.h>

#include <starling/settings.h>

#include "cli.h"

static const char check_help[] =
    "FILE [OPTION]...\n"
    "\n"
    "Reads a settings file as a node would, with the environment and these options on top,\n"
    "and tells all that is wrong with it, a line each. Exits with 78 where something is.\n"
    "\n" CLI_OVERRIDE_HELP "  --help, --version\n";
static const char show_help[] = "FILE [OPTION]...\n"
                                "\n"
                                "Prints each key with the value in force and where it comes from: a flag, the\n"
                                "environment, the file, or the default.\n"
                                "\n" CLI_OVERRIDE_HELP "  --help, --version\n";
static const char schema_help[] = "[FILE]\n"
                                  "\n"
                                  "Prints the JSON schema (draft 2020-12) of settings files. A FILE may be named, as\n"
                                  "with the other commands on settings; the schema is the same for all.\n"
                                  "\n"
                                  "  --help, --version\n";
static const char reference_help[] = "[--format FORMAT] [FILE]\n"
                                     "\n"
                                     "Prints the description of every setting. A FILE may be named, as with the other\n"
                                     "commands on settings; the description is the same for all.\n"
                                     "\n"
                                     "  --format FORMAT         markdown (default) or mdoc, a section of a man page\n"
                                     "  --help, --version\n";

/* Options and the one operand of `check` and `show`, loaded. 0, or the exit code of what was said. *done: help. */
static int load(const struct cli_command *self, const char *help, struct sl_settings **out, const char **file, int argc,
                char **argv) {
    static const struct option known[] = {CLI_OVERRIDE_OPTIONS, CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct cli_overrides overrides;
    struct sl_error error = {0};
    enum sl_status status = SL_OK;
    int exit_code = 0;
    int option = 0;
    *out = NULL;
    if (!cli_overrides_init(&overrides, argc))
        return cli_fail(SL_NO_MEMORY, &error);
    while (exit_code == 0 && (option = cli_next(&options)) != CLI_END) {
        if (option == CLI_STOP) {
            exit_code = options.exit_code;
            goto out;
        }
        exit_code = cli_overrides_add(&overrides, self, option, optarg);
    }
    if (exit_code != 0)
        goto out;
    if (argc - optind != 1) {
        exit_code = cli_usage(self, "takes one settings file, found %d", argc - optind);
        goto out;
    }
    *file = argv[optind];
    status = sl_settings_load(out, *file, overrides.items, overrides.count, &error);
    exit_code = cli_fail(status, &error);
out:
    cli_overrides_finish(&overrides);
    return exit_code;
}

int cli_settings_check(const struct cli_command *self, int argc, char **argv) {
    struct sl_settings *settings = NULL;
    const char *file = NULL;
    int exit_code = load(self, check_help, &settings, &file, argc, argv);
    if (settings != NULL)
        printf("%s: good settings\n", file);
    sl_settings_destroy(settings);
    return exit_code;
}

int cli_settings_show(const struct cli_command *self, int argc, char **argv) {
    struct sl_settings *settings = NULL;
    const char *file = NULL;
    int exit_code = load(self, show_help, &settings, &file, argc, argv);
    if (settings != NULL)
        exit_code = cli_fail(sl_settings_show(settings, stdout), &(struct sl_error){0});
    sl_settings_destroy(settings);
    return exit_code;
}

int cli_settings_schema(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = schema_help, .known = known, .argc = argc, .argv = argv};
    if (cli_next(&options) == CLI_STOP)
        return options.exit_code;
    if (argc - optind > 1)
        return cli_usage(self, "takes at most one settings file, found %d", argc - optind);
    return cli_fail(sl_settings_write_schema(stdout), &(struct sl_error){0});
}

int cli_settings_reference(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"format", required_argument, NULL, 'f'}, CLI_COMMON_OPTIONS};
    static const char *const formats[] = {"markdown", "mdoc", NULL};
    struct cli_options options = {.command = self, .help = reference_help, .known = known, .argc = argc, .argv = argv};
    int format = 0;
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP)
            return options.exit_code;
        format = cli_read_word(optarg, formats);
        if (format < 0)
            return cli_usage(self, "--format takes markdown or mdoc, not \"%s\"", optarg);
    }
    if (argc - optind > 1)
        return cli_usage(self, "takes at most one settings file, found %d", argc - optind);
    enum sl_status status = format == 0 ? sl_settings_write_reference(stdout) : sl_settings_write_manual(stdout);
    return cli_fail(status, &(struct sl_error){0});
}
