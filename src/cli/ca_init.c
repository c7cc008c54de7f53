#include <stdio.h>
#include <string.h>

#include <starling/identity.h>
#include <starling/name.h>

#include "cli.h"

static const char help[] = "FOLDER [OPTION]...\n"
                           "\n"
                           "Makes the authority of a flock in FOLDER: its certificate ca.pem and its key ca.key.\n"
                           "\n"
                           "  --flock NAME            name of the flock (the last component of FOLDER)\n"
                           "  --key KIND              ecdsa (default), ed25519 or rsa\n"
                           "  --days N                validity (3650)\n"
                           "  --passphrase-file FILE  encrypt the key with the first line of FILE\n"
                           "  --help, --version\n";

enum { DAYS = 3650 };

struct arguments {
    struct sl_authority_options authority;
    const char *passphrase_file;
};

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct arguments *out, int option, const char *text) {
    static const char *const kinds[] = {"ecdsa", "ed25519", "rsa", NULL};
    uint64_t days = 0;
    int kind = 0;
    switch (option) {
    case 'f':
        out->authority.flock = text;
        return sl_name_is_valid(text) ? 0 : cli_usage(self, "--flock takes a name of a-z, 0-9 and -, not \"%s\"", text);
    case 'k':
        kind = cli_read_word(text, kinds);
        out->authority.key = (enum sl_key_kind)kind;
        return kind >= 0 ? 0 : cli_usage(self, "--key takes ecdsa, ed25519 or rsa, not \"%s\"", text);
    case 'd':
        if (!cli_read_integer(&days, text, 1, SL_VALIDITY_DAYS_MAX))
            return cli_usage(self, "--days takes an integer from 1 to %d, not \"%s\"", SL_VALIDITY_DAYS_MAX, text);
        out->authority.days = (unsigned)days;
        return 0;
    default:
        out->passphrase_file = text;
        return 0;
    }
}

int cli_ca_init(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"flock", required_argument, NULL, 'f'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"days", required_argument, NULL, 'd'},
                                          {"passphrase-file", required_argument, NULL, 'p'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct arguments arguments = {.authority = {.key = SL_KEY_ECDSA_P256, .days = DAYS}};
    char passphrase[CLI_PASSPHRASE_MAX + 1] = "";
    struct sl_error error = {0};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &arguments, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            return exit_code;
    }
    if (argc - optind != 1)
        return cli_usage(self, "takes one folder, found %d", argc - optind);

    enum sl_status status = SL_OK;
    arguments.authority.folder = argv[optind];
    if (arguments.passphrase_file != NULL) {
        status = cli_passphrase_read(passphrase, arguments.passphrase_file, &error);
        arguments.authority.passphrase = passphrase;
    }
    if (status == SL_OK)
        status = sl_authority_create(&arguments.authority, &error);
    explicit_bzero(passphrase, sizeof passphrase);
    return cli_fail(status, &error);
}
