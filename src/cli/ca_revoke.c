/* Revoking, and the lists that tell of it. */
#include <stdio.h>

#include "cli.h"

static const char revoke_help[] =
    "--ca FOLDER NODE|SERIAL|FILE [OPTION]...\n"
    "\n"
    "Revokes all certificates of a node (or of an authority below this one), the one with\n"
    "that serial number, or those in a PEM file or a kit, and makes the list anew. Nodes\n"
    "learn of it from crl.pem in FOLDER: bring it to one of them, which tells the others.\n"
    "Of what is revoked already the reason can be made key-compromise.\n"
    "\n"
    "  --ca FOLDER             the authority, made by \"starling ca init\"\n"
    "  --reason REASON         unspecified (default), key-compromise, affiliation-changed,\n"
    "                          superseded or cessation\n" CLI_PASSPHRASE_HELP "  --help, --version\n";
static const char crl_help[] =
    "FOLDER [OPTION]...\n"
    "\n"
    "Makes the list of revoked certificates, crl.pem in the authority's FOLDER, anew, with\n"
    "the next number. Nodes refuse everybody once their list is over: do this in time.\n"
    "\n"
    "  --days N                how long it is good (as long as the last one)\n"
    "  --add FILE              take lists of other authorities along into the kits: that of\n"
    "                          its parent, or of the flock's former authority\n" CLI_PASSPHRASE_HELP
    "  --help, --version\n";

int cli_ca_revoke(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {
        CLI_AUTHORITY_OPTIONS, {"reason", required_argument, NULL, 'r'}, CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = revoke_help, .known = known, .argc = argc, .argv = argv};
    struct cli_authority authority = {0};
    enum sl_revocation_reason reason = SL_REVOKED_UNSPECIFIED;
    struct sl_error error = {0};
    size_t count = 0;
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP)
            return options.exit_code;
        if (!cli_authority_take(&authority, option, optarg) && !sl_revocation_reason_parse(&reason, optarg))
            return cli_usage(self, "no reason \"%s\"", optarg);
    }
    if (authority.access.folder == NULL)
        return cli_usage(self, "--ca FOLDER is missing");
    if (argc - optind != 1)
        return cli_usage(self, "takes one node, serial number or file, found %d", argc - optind);
    enum sl_status status = cli_authority_open(&authority, &error);
    if (status == SL_OK)
        status = sl_authority_revoke(&authority.access, argv[optind], reason, &count, &error);
    if (status == SL_OK)
        printf("%zu certificate%s revoked%s\n", count, count == 1 ? "" : "s",
               count == 0 ? ": there is no good one any more" : "");
    cli_authority_finish(&authority);
    return cli_fail(status, &error);
}

int cli_ca_crl(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_PASSPHRASE_OPTION,
                                          {"days", required_argument, NULL, 'd'},
                                          {"add", required_argument, NULL, 'a'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = crl_help, .known = known, .argc = argc, .argv = argv};
    struct cli_authority authority = {0};
    const char *add = NULL;
    struct sl_error error = {0};
    unsigned days = 0;
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = 0;
        if (option == CLI_STOP)
            return options.exit_code;
        if (option == 'd')
            exit_code = cli_read_count(self, &days, "days", optarg, SL_VALIDITY_DAYS_MAX);
        else if (option == 'a')
            add = optarg;
        else
            cli_authority_take(&authority, option, optarg);
        if (exit_code != 0)
            return exit_code;
    }
    if (argc - optind != 1)
        return cli_usage(self, "takes the folder of an authority, found %d", argc - optind);
    authority.access.folder = argv[optind];
    enum sl_status status = cli_authority_open(&authority, &error);
    if (status == SL_OK)
        status = sl_authority_make_list(&authority.access, days, add, &error);
    cli_authority_finish(&authority);
    return cli_fail(status, &error);
}
