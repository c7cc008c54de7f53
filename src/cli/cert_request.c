/* A kit whose keys never leave it: asking for its certificates, and putting them in. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <starling/name.h>

#include "cli.h"

static const char request_help[] =
    "FOLDER --flock NAME --host HOST [OPTION]...\n"
    "\n"
    "Makes a kit in FOLDER whose keys never leave it, and in it request.pem, for the\n"
    "flock's authority to sign with \"starling ca approve\". Prints the fingerprint, which\n"
    "the authority's owner asks you for. Its answer goes to \"starling cert install\".\n"
    "\n"
    "  --flock NAME            the flock to join\n"
    "  --host HOST             DNS name or IP address by which the node is reached; may be\n"
    "                          given several times\n"
    "  --node NAME             name of the node (the last component of FOLDER)\n"
    "  --port N                port of the node (7400)\n"
    "  --key KIND              ecdsa (default), ed25519 or rsa\n"
    "  --data FOLDER           where the four files of MNIST or its like are (those of\n"
    "                          Debian's dataset-fashion-mnist)\n"
    "  --key-passphrase-file FILE\n"
    "                          encrypt the keys with the first line of FILE\n"
    "  --help, --version\n";
static const char install_help[] =
    "FOLDER ANSWER [OPTION]...\n"
    "\n"
    "Puts the certificates, the authority and the revocation lists of the file ANSWER into\n"
    "the kit in FOLDER, after a check that they are for its keys and its name and that its\n"
    "node will start. A running node takes them over by itself.\n"
    "\n"
    "An authority that the kit does not trust yet is shown with its fingerprint, and you\n"
    "are asked. Compare it with what the authority's owner reads out (\"starling ca approve\"\n"
    "and \"ca show\" tell it): whoever changed the answer would be whom your node trusts.\n"
    "\n"
    "  --fingerprint HEX       trust the authority with this fingerprint without asking, and\n"
    "                          no other\n"
    "  --yes                   trust the authority without asking\n"
    "  --new-authority         trust another authority besides those that the kit has\n"
    "  --key-passphrase-file FILE\n"
    "                          the kit's keys are encrypted with the first line of FILE\n"
    "                          (asked for where it is needed)\n"
    "  --help, --version\n";

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct cli_kit *kit, int option, const char *text) {
    int exit_code;
    if (cli_kit_take(kit, self, option, text, &exit_code))
        return exit_code;
    bool is_flock = option == 'f';
    *(is_flock ? &kit->options.flock : &kit->options.node) = text;
    return sl_name_is_valid(text)
               ? 0
               : cli_usage(self, "--%s takes a name of a-z, 0-9 and -, not \"%s\"", is_flock ? "flock" : "node", text);
}

/* What the node's owner has to do now. */
static enum sl_status tell(const char *folder, struct sl_error *error) {
    struct sl_request *request = NULL;
    char *path = NULL;
    if (asprintf(&path, "%s/request.pem", folder) < 0)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = sl_request_read(&request, path, error);
    if (status == SL_OK) {
        sl_request_show(request, stdout);
        printf("request      %s\n", path);
    }
    sl_request_destroy(request);
    free(path);
    return status;
}

static enum sl_status make_request(struct cli_kit *kit, const char *folder, struct sl_error *error) {
    char *copy = strdup(folder);
    if (copy == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    kit->options.folder = folder;
    if (kit->options.node == NULL)
        kit->options.node = basename(copy);
    enum sl_status status = cli_kit_read_passphrase(kit, error);
    if (status == SL_OK)
        status = sl_kit_request(&kit->options, error);
    if (status == SL_OK)
        status = tell(folder, error);
    free(copy);
    return status;
}

int cli_cert_request(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"flock", required_argument, NULL, 'f'},
                                          {"node", required_argument, NULL, 'm'},
                                          CLI_KIT_OPTIONS,
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = request_help, .known = known, .argc = argc, .argv = argv};
    struct cli_kit kit;
    struct sl_error error = {0};
    int exit_code = 0;
    if (!cli_kit_init(&kit, argc))
        return cli_fail(SL_NO_MEMORY, &error);
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &kit, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            goto out;
    }
    if (argc - optind != 1)
        exit_code = cli_usage(self, "takes one folder, found %d", argc - optind);
    else if (kit.options.flock == NULL)
        exit_code = cli_usage(self, "--flock NAME is missing");
    else if (kit.options.host_count == 0)
        exit_code = cli_usage(self, "--host HOST is missing");
    else
        exit_code = cli_fail(make_request(&kit, argv[optind], &error), &error);
out:
    cli_kit_finish(&kit);
    return exit_code;
}

/* How a person, or the command line, decides. */
struct trust {
    const char *fingerprint;
    bool yes;
};

static enum sl_status decide(void *context, const char *subject, const char *fingerprint, struct sl_error *error) {
    const struct trust *trust = context;
    bool yes = trust->yes;
    enum sl_status status = SL_OK;
    printf("authority    %s %s\n", fingerprint, subject);
    fflush(stdout);
    if (trust->fingerprint != NULL)
        return cli_is_fingerprint(trust->fingerprint, fingerprint)
                   ? SL_OK
                   : sl_error_set(error, SL_MISMATCH,
                                  "the authority's fingerprint is another one; nothing was changed");
    if (!yes)
        status = cli_confirm(&yes, "Is this the fingerprint that the authority's owner reads out? Trust it?", error);
    if (status == SL_OK && !yes)
        status = sl_error_set(error, SL_PERMISSION, "nothing was changed");
    return status;
}

int cli_cert_install(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"new-authority", no_argument, NULL, 'n'},
                                          {"fingerprint", required_argument, NULL, 'f'},
                                          {"yes", no_argument, NULL, 'y'},
                                          {"key-passphrase-file", required_argument, NULL, 'p'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = install_help, .known = known, .argc = argc, .argv = argv};
    struct trust trust = {0};
    struct sl_install_options install = {.prompt = &cli_prompt, .trust = decide, .context = &trust};
    char passphrase[CLI_PASSPHRASE_MAX + 1] = "";
    const char *passphrase_file = NULL;
    struct sl_error error = {0};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP)
            return options.exit_code;
        if (option == 'n')
            install.new_authority = true;
        else if (option == 'f')
            trust.fingerprint = optarg;
        else if (option == 'y')
            trust.yes = true;
        else
            passphrase_file = optarg;
    }
    if (argc - optind != 2)
        return cli_usage(self, "takes the folder of a kit and an answer, found %d", argc - optind);
    install.folder = argv[optind];
    install.answer = argv[optind + 1];
    enum sl_status status = SL_OK;
    if (passphrase_file != NULL) {
        status = cli_passphrase_read(passphrase, passphrase_file, &error);
        install.key_passphrase = passphrase;
    }
    if (status == SL_OK)
        status = sl_kit_install(&install, &error);
    explicit_bzero(passphrase, sizeof passphrase);
    return cli_fail(status, &error);
}
