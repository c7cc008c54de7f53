/* Whether a file proves that a node told different things to different peers. */
#include <inttypes.h>
#include <stdio.h>

#include <starling/proof.h>

#include "cli.h"

static const char help[] = "FILE [OPTION]...\n"
                           "\n"
                           "Checks a proof that a node of a flock has kept, without the flock: whether it shows two\n"
                           "different updates that one node signed for the same round. Tells which node, which\n"
                           "round and by which certificates. Exits with 0 if it is a proof, with 1 if it is none.\n"
                           "\n"
                           "  --ca FILE               the authorities of the flock (ca.pem)\n"
                           "  --name-from WHERE       identity.name_from of the flock: uri, cn or dns (uri)\n"
                           "  --help, --version\n";

enum { EXIT_NO_PROOF = 1 };

static void print(const struct sl_proof_report *report) {
    printf("%s signed two different updates of round %" PRIu64 " of flock %s, run %s, epoch %" PRIu64
           ", lineage %016" PRIx64 "\n",
           report->node, report->round, report->flock, report->run, report->epoch, report->lineage);
    for (size_t i = 0; i < 2; i++)
        printf("  payload %s by %s\n", report->updates[i].payload, report->updates[i].certificate);
}

static bool proves_nothing(enum sl_status status) {
    return status == SL_FORMAT || status == SL_LIMIT || status == SL_MISMATCH || status == SL_UNTRUSTED;
}

int cli_proof_verify(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {
        {"ca", required_argument, NULL, 'c'}, {"name-from", required_argument, NULL, 'n'}, CLI_COMMON_OPTIONS};
    static const char *const places[] = {"uri", "cn", "dns", NULL};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct sl_proof_options proof = {.authority = "ca.pem"};
    struct sl_proof_report report;
    struct sl_error error = {0};
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP)
            return options.exit_code;
        if (option == 'c')
            proof.authority = optarg;
        else if (cli_read_word(optarg, places) >= 0)
            proof.name_from = optarg;
        else
            return cli_usage(self, "--name-from takes uri, cn or dns, not \"%s\"", optarg);
    }
    if (argc - optind != 1)
        return cli_usage(self, "takes one proof file, found %d", argc - optind);
    proof.file = argv[optind];
    enum sl_status status = sl_proof_verify(&report, &proof, &error);
    if (status == SL_OK)
        print(&report);
    int exit_code = cli_fail(status, &error);
    return proves_nothing(status) ? EXIT_NO_PROOF : exit_code;
}
