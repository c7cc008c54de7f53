#include <stdio.h>
#include <string.h>

#include <starling/name.h>

#include "cli.h"

static const char help[] = "FOLDER [OPTION]...\n"
                           "\n"
                           "Makes the authority of a flock in FOLDER: its certificate ca.pem, its key ca.key, its\n"
                           "list of revoked certificates crl.pem, and the database of what it issues.\n"
                           "\n"
                           "  --flock NAME            name of the flock (that of the parent, or else the last\n"
                           "                          component of FOLDER)\n"
                           "  --key KIND              ecdsa (default), ed25519 or rsa\n"
                           "  --days N                validity (3650)\n"
                           "  --crl-days N            how long each list is good (90)\n"
                           "  --path-length N         how many authorities may follow below it (a root 1, others 0)\n"
                           "  --signed-by FOLDER      an intermediate authority, below the one in that FOLDER; the\n"
                           "                          name of its own folder tells it from others\n"
                           "  --any-flock             it may name nodes of any flock (no name constraint)\n"
                           "  --replace               revoke what the parent signed for this name before\n"
                           "  --passphrase-file FILE  encrypt the key with the first line of FILE\n"
                           "  --encrypt               encrypt the key; the passphrase is asked for\n"
                           "  --parent-passphrase-file FILE\n"
                           "                          the parent's key is encrypted with the first line of FILE\n"
                           "  --help, --version\n";

enum { PATH_LENGTH_MAX = 5 };

struct arguments {
    struct sl_authority_options authority;
    struct cli_authority parent;
    const char *passphrase_file;
    bool encrypt, path_given;
};

static int read_path_length(const struct cli_command *self, struct arguments *out, const char *text) {
    uint64_t length = 0;
    out->path_given = true;
    if (!cli_read_integer(&length, text, 0, PATH_LENGTH_MAX))
        return cli_usage(self, "--path-length takes an integer from 0 to %d, not \"%s\"", PATH_LENGTH_MAX, text);
    out->authority.path_length = (unsigned)length;
    return 0;
}

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct arguments *out, int option, const char *text) {
    switch (option) {
    case 'f':
        out->authority.flock = text;
        return sl_name_is_valid(text) ? 0 : cli_usage(self, "--flock takes a name of a-z, 0-9 and -, not \"%s\"", text);
    case 'k':
        return cli_read_key_kind(self, &out->authority.key, text);
    case 'd':
        return cli_read_count(self, &out->authority.days, "days", text, SL_VALIDITY_DAYS_MAX);
    case 'l':
        return cli_read_count(self, &out->authority.crl_days, "crl-days", text, SL_VALIDITY_DAYS_MAX);
    case 'n':
        return read_path_length(self, out, text);
    case 's':
        out->parent.access.folder = text;
        out->authority.parent = &out->parent.access;
        return 0;
    case 'a':
        out->authority.unconstrained = true;
        return 0;
    case 'r':
        out->authority.replace = true;
        return 0;
    case 'e':
        out->encrypt = true;
        return 0;
    case 'q':
        out->parent.passphrase_file = text;
        return 0;
    default:
        out->passphrase_file = text;
        return 0;
    }
}

static enum sl_status create(struct arguments *arguments, struct sl_error *error) {
    char passphrase[CLI_PASSPHRASE_MAX + 1] = "";
    enum sl_status status = SL_OK;
    if (arguments->passphrase_file != NULL)
        status = cli_passphrase_read(passphrase, arguments->passphrase_file, error);
    else if (arguments->encrypt)
        status = cli_passphrase_choose(passphrase, "passphrase of the authority", error);
    if (arguments->passphrase_file != NULL || arguments->encrypt)
        arguments->authority.passphrase = passphrase;
    if (status == SL_OK)
        status = cli_authority_open(&arguments->parent, error);
    if (status == SL_OK)
        status = sl_authority_create(&arguments->authority, error);
    cli_authority_finish(&arguments->parent);
    explicit_bzero(passphrase, sizeof passphrase);
    return status;
}

int cli_ca_init(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"flock", required_argument, NULL, 'f'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"days", required_argument, NULL, 'd'},
                                          {"crl-days", required_argument, NULL, 'l'},
                                          {"path-length", required_argument, NULL, 'n'},
                                          {"signed-by", required_argument, NULL, 's'},
                                          {"any-flock", no_argument, NULL, 'a'},
                                          {"replace", no_argument, NULL, 'r'},
                                          {"encrypt", no_argument, NULL, 'e'},
                                          {"parent-passphrase-file", required_argument, NULL, 'q'},
                                          CLI_PASSPHRASE_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct arguments arguments = {.authority = {.key = SL_KEY_ECDSA_P256, .days = SL_AUTHORITY_DAYS}};
    struct sl_error error = {0};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &arguments, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            return exit_code;
    }
    if (argc - optind != 1)
        return cli_usage(self, "takes one folder, found %d", argc - optind);
    if (arguments.encrypt && arguments.passphrase_file != NULL)
        return cli_usage(self, "--encrypt asks for what --passphrase-file has: give one of them");
    if (arguments.authority.parent == NULL &&
        (arguments.authority.unconstrained || arguments.authority.replace || arguments.parent.passphrase_file != NULL))
        return cli_usage(self, "--any-flock, --replace and --parent-passphrase-file go with --signed-by");
    arguments.authority.folder = argv[optind];
    if (!arguments.path_given)
        arguments.authority.path_length = arguments.authority.parent == NULL;
    return cli_fail(create(&arguments, &error), &error);
}
