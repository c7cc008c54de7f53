/* Whether a flock lost or doubled anything, from the records of its nodes. */
#include <starling/ledger.h>

#include "cli.h"

static const char help[] = "RECORD... [OPTION]...\n"
                           "\n"
                           "Adds up what the nodes of a run wrote down of their models and exchanges, a record\n"
                           "(record.jsonl) of each node, and tells whether the flock lost anything of what was\n"
                           "learned, counted anything twice, or let one end of an exchange take what the other\n"
                           "did not give. Exits with 0 if all is there, with 1 if not, and says what is wrong first.\n"
                           "\n"
                           "  --run NAME              that run, where the records know several\n"
                           "  --tolerance X           what the sum may be off by, relative to its norm (1e-5)\n"
                           "  --json                  JSON instead of a table\n"
                           "  --help, --version\n";

enum { EXIT_NOT_CONSERVED = 1 };

int cli_ledger_check(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"run", required_argument, NULL, 'r'},
                                          {"tolerance", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct sl_ledger_options ledger = {.run = NULL};
    struct sl_ledger_report report;
    struct sl_error error = {0};
    bool json = false;
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        if (option == CLI_STOP)
            return options.exit_code;
        if (option == 'r')
            ledger.run = optarg;
        else if (option == 'j')
            json = true;
        else if (!cli_read_number(&ledger.tolerance, optarg, 1e-12, 1))
            return cli_usage(self, "--tolerance takes a number from 1e-12 to 1, not \"%s\"", optarg);
    }
    if (argc - optind < 1)
        return cli_usage(self, "takes the records of the nodes");
    ledger.records = (const char *const *)(argv + optind);
    ledger.count = (size_t)(argc - optind);
    enum sl_status status = sl_ledger_check(&report, &ledger, &error);
    if ((status == SL_OK || status == SL_MISMATCH) && sl_ledger_write(&report, stdout, json) != SL_OK)
        status = sl_error_set(&error, SL_IO, "the report cannot be written");
    int exit_code = cli_fail(status, &error);
    return status == SL_MISMATCH ? EXIT_NOT_CONSERVED : exit_code;
}
