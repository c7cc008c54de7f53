#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <starling/name.h>

#include "cli.h"

static const char help[] =
    "--ca FOLDER NODE|KIT [OPTION]...\n"
    "\n"
    "Makes new certificates for the keys that a node has. KIT is the folder of a kit, whose\n"
    "files are replaced. For a NODE that is elsewhere an answer is written, which its\n"
    "owner gives to \"starling cert install\". The present certificates stay good until\n"
    "they end. In the same way the folder or name of an authority below this one; there the\n"
    "answer takes the place of its ca.pem.\n"
    "\n"
    "  --ca FOLDER             the authority, made by \"starling ca init\"\n"
    "  --days N                validity (365, of an authority 3650)\n"
    "  --host HOST             DNS name or IP address, instead of the present ones; may be\n"
    "                          given several times\n"
    "  --out FILE              where the answer goes (./NODE.answer.pem)\n" CLI_PASSPHRASE_HELP "  --help, --version\n";

struct arguments {
    struct cli_authority authority;
    struct sl_renew_options renew;
    const char **hosts; /* renew.hosts, being filled */
};

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct arguments *out, int option, const char *text) {
    if (cli_authority_take(&out->authority, option, text))
        return 0;
    switch (option) {
    case 'd':
        return cli_read_count(self, &out->renew.days, "days", text, SL_VALIDITY_DAYS_MAX);
    case 'a':
        out->hosts[out->renew.host_count++] = text;
        return 0;
    default:
        out->renew.answer = text;
        return 0;
    }
}

static bool is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static enum sl_status renew(struct arguments *arguments, const char *what, struct sl_error *error) {
    struct sl_renew_options *options = &arguments->renew;
    char *answer = NULL;
    if (is_folder(what))
        options->kit = what;
    else if (sl_name_is_valid(what))
        options->node = what;
    else
        return sl_error_set(error, SL_NOT_FOUND, "%s: neither the folder of a kit or authority nor a name", what);
    if (options->kit != NULL && options->answer != NULL)
        return sl_error_set(error, SL_USAGE, "%s: a folder is renewed in its place; --out is for names", what);
    if (options->answer == NULL && asprintf(&answer, "%s.answer.pem", what) < 0)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    if (options->answer == NULL)
        options->answer = answer;
    enum sl_status status = cli_authority_open(&arguments->authority, error);
    options->access = arguments->authority.access;
    if (status == SL_OK)
        status = sl_authority_renew(options, error);
    if (status == SL_OK && options->node != NULL)
        printf("answer       %s\n", options->answer);
    cli_authority_finish(&arguments->authority);
    free(answer);
    return status;
}

int cli_ca_renew(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_AUTHORITY_OPTIONS,
                                          {"days", required_argument, NULL, 'd'},
                                          {"host", required_argument, NULL, 'a'},
                                          {"out", required_argument, NULL, 'o'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct arguments arguments = {0};
    struct sl_error error = {0};
    int exit_code = 0;
    arguments.hosts = calloc((size_t)argc + 1, sizeof *arguments.hosts);
    if (arguments.hosts == NULL)
        return cli_fail(SL_NO_MEMORY, &error);
    arguments.renew.hosts = arguments.hosts;
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &arguments, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            goto out;
    }
    if (arguments.authority.access.folder == NULL)
        exit_code = cli_usage(self, "--ca FOLDER is missing");
    else if (argc - optind != 1)
        exit_code = cli_usage(self, "takes one node or kit, found %d", argc - optind);
    else
        exit_code = cli_fail(renew(&arguments, argv[optind], &error), &error);
out:
    free(arguments.hosts);
    return exit_code;
}
