#include <stdio.h>

#include <starling/simulate.h>

#include "cli.h"

static const char help[] = "[OPTION]...\n"
                           "\n"
                           "Lets a virtual flock watch itself in virtual time, with the failure detector of the\n"
                           "nodes, and tells what that costs, how soon all know of a crash, and how often a living\n"
                           "node is taken for dead. The same options print the same bytes.\n"
                           "\n"
                           "  --nodes N               how many (16)\n"
                           "  --seeds K               how many runs; the figures are their medians (20)\n"
                           "  --seed S                of the first one (1)\n"
                           "  --probe-period SECONDS  between the probes of a node (1)\n"
                           "  --loss P                share of messages that get lost, from 0 to below 1 (0.1)\n"
                           "  --hours H               virtual time with loss; 0 leaves that out (1)\n"
                           "  --rounds                lets them have rounds, too: models sent, and how soon one who\n"
                           "                          joins is in the graph; minutes, and memory, for a thousand\n"
                           "  --delay SECONDS         least delay of a message (0.01)\n"
                           "  --jitter SECONDS        a message's delay is up to that much more (0.005)\n"
                           "  --json                  a JSON line instead of text\n"
                           "  --help, --version\n";

enum { SECONDS_MAX = 3600, NODES_MIN = 3, NODES_MAX = 20000, SEEDS_MAX = 1000, HOURS_MAX = 1000 };

enum { NODES = 1000, SEEDS, SEED, PROBE_PERIOD, LOSS, HOURS, ROUNDS, DELAY, JITTER, JSON };

static int read_count(const struct cli_command *self, uint32_t *out, const char *name, const char *text, uint32_t low,
                      uint32_t high) {
    uint64_t number = 0;
    if (!cli_read_integer(&number, text, low, high))
        return cli_usage(self, "--%s takes an integer from %u to %u, not \"%s\"", name, low, high, text);
    *out = (uint32_t)number;
    return 0;
}

static int read_number(const struct cli_command *self, double *out, const char *name, const char *text, double high) {
    if (!cli_read_number(out, text, 0, high))
        return cli_usage(self, "--%s takes a number from 0 to %g, not \"%s\"", name, high, text);
    return 0;
}

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct sl_membership_simulation_options *out, int option,
                       const char *text) {
    switch (option) {
    case NODES:
        return read_count(self, &out->nodes, "nodes", text, NODES_MIN, NODES_MAX);
    case SEEDS:
        return read_count(self, &out->seeds, "seeds", text, 1, SEEDS_MAX);
    case SEED:
        return cli_read_integer(&out->seed, text, 0, UINT64_MAX)
                   ? 0
                   : cli_usage(self, "--seed takes an integer, not \"%s\"", text);
    case PROBE_PERIOD:
        return cli_read_number(&out->probe_period, text, 0.001, SECONDS_MAX)
                   ? 0
                   : cli_usage(self, "--probe-period takes seconds from 0.001 to %d, not \"%s\"", SECONDS_MAX, text);
    case LOSS:
        return cli_read_number(&out->loss, text, 0, 1) && out->loss < 1
                   ? 0
                   : cli_usage(self, "--loss takes a number from 0 to below 1, not \"%s\"", text);
    case HOURS:
        return read_number(self, &out->hours, "hours", text, HOURS_MAX);
    case ROUNDS:
        out->rounds = true;
        return 0;
    case DELAY:
        return read_number(self, &out->delay, "delay", text, SECONDS_MAX);
    case JITTER:
        return read_number(self, &out->jitter, "jitter", text, SECONDS_MAX);
    default:
        out->json = true;
        return 0;
    }
}

int cli_simulate_membership(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"nodes", required_argument, NULL, NODES},
                                          {"seeds", required_argument, NULL, SEEDS},
                                          {"seed", required_argument, NULL, SEED},
                                          {"probe-period", required_argument, NULL, PROBE_PERIOD},
                                          {"loss", required_argument, NULL, LOSS},
                                          {"hours", required_argument, NULL, HOURS},
                                          {"delay", required_argument, NULL, DELAY},
                                          {"jitter", required_argument, NULL, JITTER},
                                          {"rounds", no_argument, NULL, ROUNDS},
                                          {"json", no_argument, NULL, JSON},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct sl_membership_simulation_options simulation;
    struct sl_error error = {0};
    sl_membership_simulation_defaults(&simulation);
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &simulation, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            return exit_code;
    }
    if (optind < argc)
        return cli_usage(self, "takes only options, found \"%s\"", argv[optind]);
    return cli_fail(sl_simulate_membership(&simulation, stdout, &error), &error);
}
