/* Whether a flock lost or doubled anything, from the records of its nodes. */
#include <inttypes.h>
#include <stdio.h>

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

struct row {
    const char *text, *key;
    const struct sl_ledger_amount *amount;
};
enum { ROWS = 9 };

static void fill(struct row rows[ROWS], const struct sl_ledger_report *report) {
    const struct row all[ROWS] = {{"start", "start", &report->start},
                                  {"training", "training", &report->training},
                                  {"exchanges, both ends", "both_ends", &report->both_ends},
                                  {"  the other end waits", "waiting", &report->waiting},
                                  {"  written off", "written_off", &report->written_off},
                                  {"  with nodes not given", "unseen", &report->unseen},
                                  {"  one end alone", "one_end", &report->one_end},
                                  {"rounded off", "rounding", &report->rounding},
                                  {"now", "now", &report->now}};
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = all[i];
}

static void print_table(const struct sl_ledger_report *report, const struct row rows[ROWS]) {
    printf("run %s: %" PRIu64 " nodes, %" PRIu64 " lineages, %" PRIu64 " rounds%s\n", report->run, report->nodes,
           report->lineages, report->rounds, report->by_samples ? ", nodes weigh as their samples do" : "");
    printf("%-24s %10s %16s %16s %16s\n", "", "lines", "sum", "projection 1", "projection 2");
    for (size_t i = 0; i < ROWS; i++)
        printf("%-24s %10" PRIu64 " %16.8g %16.8g %16.8g\n", rows[i].text, rows[i].amount->lines,
               rows[i].amount->sums[0], rows[i].amount->sums[1], rows[i].amount->sums[2]);
    if (report->lost_lines > 0)
        printf("%" PRIu64 " lines were lost to a full or slow disk: what is said here may be wrong\n",
               report->lost_lines);
    printf("%s: off by %.3g of the norm %.8g\n", report->problem[0] == '\0' ? "conserved" : "not conserved",
           report->error, report->norm);
}

static void print_json(const struct sl_ledger_report *report, const struct row rows[ROWS]) {
    printf("{\"run\":\"%s\",\"nodes\":%" PRIu64 ",\"lineages\":%" PRIu64 ",\"rounds\":%" PRIu64 ",\"by_samples\":%s",
           report->run, report->nodes, report->lineages, report->rounds, report->by_samples ? "true" : "false");
    for (size_t i = 0; i < ROWS; i++)
        printf(",\"%s\":{\"lines\":%" PRIu64 ",\"sum\":%.17g,\"p1\":%.17g,\"p2\":%.17g}", rows[i].key,
               rows[i].amount->lines, rows[i].amount->sums[0], rows[i].amount->sums[1], rows[i].amount->sums[2]);
    printf(",\"norm\":%.17g,\"error\":%.17g,\"lost_lines\":%" PRIu64 ",\"conserved\":%s}\n", report->norm,
           report->error, report->lost_lines, report->problem[0] == '\0' ? "true" : "false");
}

int cli_ledger_check(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"run", required_argument, NULL, 'r'},
                                          {"tolerance", required_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct sl_ledger_options ledger = {.run = NULL};
    struct sl_ledger_report report;
    struct sl_error error = {0};
    struct row rows[ROWS];
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
    fill(rows, &report);
    if (status == SL_OK || status == SL_MISMATCH)
        (json ? print_json : print_table)(&report, rows);
    int exit_code = cli_fail(status, &error);
    return status == SL_MISMATCH ? EXIT_NOT_CONSERVED : exit_code;
}
