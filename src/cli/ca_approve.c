#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] =
    "--ca FOLDER REQUEST [OPTION]...\n"
    "\n"
    "Shows what a node asks for in the file REQUEST, made by \"starling cert request\", and\n"
    "signs it when you say so. Compare the fingerprint with what the node's owner reads\n"
    "out, by telephone for instance: it alone tells that the request is really theirs.\n"
    "Then read out to them that of the authority: \"starling cert install\" asks for it.\n"
    "\n"
    "  --ca FOLDER             the authority, made by \"starling ca init\"\n"
    "  --days N                validity (365)\n"
    "  --out FILE              where the answer goes (./NODE.answer.pem)\n"
    "  --fingerprint HEX       sign without asking if this is its fingerprint\n"
    "  --yes                   sign without asking\n"
    "  --replace               revoke what the node has now\n" CLI_PASSPHRASE_HELP "  --help, --version\n";

struct arguments {
    struct cli_authority authority;
    unsigned days;
    const char *out;
    const char *fingerprint;
    bool yes, replace;
};

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct arguments *out, int option, const char *text) {
    if (cli_authority_take(&out->authority, option, text))
        return 0;
    switch (option) {
    case 'd':
        return cli_read_count(self, &out->days, "days", text, SL_VALIDITY_DAYS_MAX);
    case 'o':
        out->out = text;
        return 0;
    case 'f':
        out->fingerprint = text;
        return 0;
    case 'y':
        out->yes = true;
        return 0;
    default:
        out->replace = true;
        return 0;
    }
}

static enum sl_status decide(const struct arguments *arguments, const struct sl_request *request,
                             struct sl_error *error) {
    bool yes = arguments->yes;
    enum sl_status status = SL_OK;
    if (arguments->fingerprint != NULL)
        return cli_is_fingerprint(arguments->fingerprint, sl_request_fingerprint(request))
                   ? SL_OK
                   : sl_error_set(error, SL_MISMATCH, "its fingerprint is another one; nothing was signed");
    if (!yes)
        status = cli_confirm(&yes, "Is this the fingerprint that the node's owner reads out? Sign it?", error);
    if (status == SL_OK && !yes)
        status = sl_error_set(error, SL_PERMISSION, "nothing was signed");
    return status;
}

static enum sl_status approve(struct arguments *arguments, const char *path, struct sl_error *error) {
    struct sl_request *request = NULL;
    char *answer = NULL;
    enum sl_status status = sl_request_read(&request, path, error);
    if (status != SL_OK)
        return status;
    sl_request_show(request, stdout);
    fflush(stdout);
    if (asprintf(&answer, "%s.answer.pem", sl_request_node(request)) < 0)
        answer = NULL;
    const char *out = arguments->out != NULL ? arguments->out : answer;
    status = out != NULL ? decide(arguments, request, error) : sl_error_set(error, SL_NO_MEMORY, "out of memory");
    if (status == SL_OK)
        status = cli_authority_open(&arguments->authority, error);
    if (status == SL_OK)
        status =
            sl_request_approve(request, &arguments->authority.access, arguments->days, arguments->replace, out, error);
    if (status == SL_OK)
        status = sl_answer_show(out, stdout, error);
    if (status == SL_OK)
        printf("answer       %s\n", out);
    cli_authority_finish(&arguments->authority);
    sl_request_destroy(request);
    free(answer);
    return status;
}

int cli_ca_approve(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {CLI_AUTHORITY_OPTIONS,
                                          {"days", required_argument, NULL, 'd'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"fingerprint", required_argument, NULL, 'f'},
                                          {"yes", no_argument, NULL, 'y'},
                                          {"replace", no_argument, NULL, 'r'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct arguments arguments = {.days = SL_NODE_DAYS};
    struct sl_error error = {0};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &arguments, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            return exit_code;
    }
    if (arguments.authority.access.folder == NULL)
        return cli_usage(self, "--ca FOLDER is missing");
    if (argc - optind != 1)
        return cli_usage(self, "takes one request, found %d", argc - optind);
    return cli_fail(approve(&arguments, argv[optind], &error), &error);
}
