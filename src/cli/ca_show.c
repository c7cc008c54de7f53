/* What is there: of an authority, of its certificates, of a kit. None of it needs a key. */
#include <stdio.h>

#include "cli.h"

static const char list_help[] =
    "FOLDER [OPTION]...\n"
    "\n"
    "Prints the certificates that the authority in FOLDER has issued: whose, what for, the\n"
    "serial number, good, revoked or over, and the days left.\n"
    "\n"
    "  --json                  an object of JSON a line instead of a table\n"
    "  --help, --version\n";
static const char show_help[] = "FOLDER\n"
                                "\n"
                                "Tells about the authority in FOLDER: its flock, certificate and fingerprint, what it\n"
                                "has issued, its list of revoked certificates, and the days left of each.\n"
                                "\n"
                                "  --help, --version\n";
static const char certificate_help[] =
    "FILE|FOLDER\n"
    "\n"
    "Tells about the certificates, revocation lists and requests in a PEM file or a\n"
    "kit: whose, by whom, for which addresses, and the days left.\n"
    "\n"
    "  --help, --version\n";

/* The one operand, or NULL with the exit code in *exit_code. *json may be NULL. */
static const char *read_operand(const struct cli_command *self, const char *help, const struct option *known, int argc,
                                char **argv, bool *json, int *exit_code) {
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP) {
            *exit_code = options.exit_code;
            return NULL;
        }
        *json = true;
    }
    if (argc - optind == 1)
        return argv[optind];
    *exit_code = cli_usage(self, "takes one file or folder, found %d", argc - optind);
    return NULL;
}

int cli_ca_list(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"json", no_argument, NULL, 'j'}, CLI_COMMON_OPTIONS};
    struct sl_error error = {0};
    bool json = false;
    int exit_code = 0;
    const char *folder = read_operand(self, list_help, known, argc, argv, &json, &exit_code);
    return folder == NULL ? exit_code : cli_fail(sl_authority_list(folder, json, stdout, &error), &error);
}

int cli_ca_show(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_COMMON_OPTIONS};
    struct sl_error error = {0};
    int exit_code = 0;
    const char *folder = read_operand(self, show_help, known, argc, argv, NULL, &exit_code);
    return folder == NULL ? exit_code : cli_fail(sl_authority_show(folder, stdout, &error), &error);
}

int cli_cert_show(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_COMMON_OPTIONS};
    struct sl_error error = {0};
    int exit_code = 0;
    const char *path = read_operand(self, certificate_help, known, argc, argv, NULL, &exit_code);
    return path == NULL ? exit_code : cli_fail(sl_certificate_show(path, stdout, &error), &error);
}
