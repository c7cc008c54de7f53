#include <stdio.h>
#include <string.h>

#include <starling/simulate.h>

#include "cli.h"

static const char help[] = "[OPTION]...\n"
                           "\n"
                           "Runs the protocol of a flock that averages a small vector, on a virtual network in\n"
                           "virtual time, and prints a line a round. The same options print the same bytes.\n"
                           "\n"
                           "  --nodes N               how many (100)\n"
                           "  --rounds R              how many (100)\n"
                           "  --seed S                of values, delays and losses (1)\n"
                           "  --topology T            as overlay.topology (regular:6)\n"
                           "  --elements E            length of the vector (16)\n"
                           "  --loss P                share of messages that get lost, from 0 to below 1 (0)\n"
                           "  --delay SECONDS         least delay of a message (0.01)\n"
                           "  --jitter SECONDS        a message's delay is up to that much more (0.005)\n"
                           "  --deadline-min SECONDS  least wait for the others' updates\n"
                           "  --deadline-max SECONDS  and the longest\n"
                           "  --json                  JSON lines instead of a table\n"
                           "  --help, --version\n";

enum { SECONDS_MAX = 86400, NODES_MAX = 100000, COUNT_MAX = 1000000000 };

enum { NODES = 1000, ROUNDS, SEED, TOPOLOGY, ELEMENTS, LOSS, DELAY, JITTER, DEADLINE_MIN, DEADLINE_MAX, JSON };

static int refuse(const struct cli_command *self, const char *expected, const char *found) {
    return cli_usage(self, "%s, not \"%s\"", expected, found);
}

static int read_count(const struct cli_command *self, uint32_t *out, const char *name, const char *text,
                      uint32_t high) {
    uint64_t number = 0;
    if (!cli_read_integer(&number, text, 1, high))
        return cli_usage(self, "--%s takes an integer from 1 to %u, not \"%s\"", name, high, text);
    *out = (uint32_t)number;
    return 0;
}

static int read_seconds(const struct cli_command *self, double *out, const char *name, const char *text) {
    if (!cli_read_number(out, text, 0, SECONDS_MAX))
        return cli_usage(self, "--%s takes seconds from 0 to %d, not \"%s\"", name, SECONDS_MAX, text);
    return 0;
}

/* 0, or the exit code of wrong usage. */
static int read_option(const struct cli_command *self, struct sl_simulation_options *out, int option,
                       const char *text) {
    switch (option) {
    case NODES:
        return read_count(self, &out->nodes, "nodes", text, NODES_MAX);
    case ROUNDS:
        return read_count(self, &out->rounds, "rounds", text, COUNT_MAX);
    case ELEMENTS:
        return read_count(self, &out->elements, "elements", text, COUNT_MAX);
    case SEED:
        return cli_read_integer(&out->seed, text, 0, UINT64_MAX) ? 0 : refuse(self, "--seed takes an integer", text);
    case TOPOLOGY:
        out->topology = text;
        return 0;
    case LOSS:
        return cli_read_number(&out->loss, text, 0, 1) && out->loss < 1
                   ? 0
                   : refuse(self, "--loss takes a number from 0 to below 1", text);
    case DELAY:
        return read_seconds(self, &out->delay, "delay", text);
    case JITTER:
        return read_seconds(self, &out->jitter, "jitter", text);
    case DEADLINE_MIN:
        return read_seconds(self, &out->deadline_min, "deadline-min", text);
    case DEADLINE_MAX:
        return read_seconds(self, &out->deadline_max, "deadline-max", text);
    default:
        out->json = true;
        return 0;
    }
}

int cli_simulate(const struct cli_command *self, int argc, char **argv) {
    static const struct option known[] = {{"nodes", required_argument, NULL, NODES},
                                          {"rounds", required_argument, NULL, ROUNDS},
                                          {"seed", required_argument, NULL, SEED},
                                          {"topology", required_argument, NULL, TOPOLOGY},
                                          {"elements", required_argument, NULL, ELEMENTS},
                                          {"loss", required_argument, NULL, LOSS},
                                          {"delay", required_argument, NULL, DELAY},
                                          {"jitter", required_argument, NULL, JITTER},
                                          {"deadline-min", required_argument, NULL, DEADLINE_MIN},
                                          {"deadline-max", required_argument, NULL, DEADLINE_MAX},
                                          {"json", no_argument, NULL, JSON},
                                          CLI_COMMON_OPTIONS};
    struct cli_options options = {.command = self, .help = help, .known = known, .argc = argc, .argv = argv};
    struct sl_simulation_options simulation;
    struct sl_error error = {0};
    sl_simulation_defaults(&simulation);
    for (int option = cli_next(&options); option != CLI_END; option = cli_next(&options)) {
        int exit_code = option == CLI_STOP ? options.exit_code : read_option(self, &simulation, option, optarg);
        if (option == CLI_STOP || exit_code != 0)
            return exit_code;
    }
    if (optind < argc)
        return cli_usage(self, "takes only options, found \"%s\"", argv[optind]);
    if (simulation.deadline_min > simulation.deadline_max)
        return cli_usage(self, "--deadline-min is over --deadline-max, which is %g", simulation.deadline_max);
    enum sl_status status = sl_simulate(&simulation, stdout, &error);
    /* A malformed topology is a file's fault only where there is a file. */
    bool usage = status == SL_FORMAT && strncmp(simulation.topology, "file:", 5) != 0;
    return cli_fail(usage ? SL_USAGE : status, &error);
}
