/* Each type of value: what is taken and where it ends up, what is refused and how that is said. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(values, .timeout = 60);

/* The file with one key more. */
static const char *with(char out[8192], const char *section, const char *key, const char *value) {
    snprintf(out, 8192, "{" GOOD_SECTIONS ",\"learner\":{\"trainer\":\"idle\"%s%s%s%s}%s%s%s%s%s%s}",
             strcmp(section, "learner") == 0 ? ",\"" : "", strcmp(section, "learner") == 0 ? key : "",
             strcmp(section, "learner") == 0 ? "\":" : "", strcmp(section, "learner") == 0 ? value : "",
             strcmp(section, "learner") == 0 ? "" : ",\"", strcmp(section, "learner") == 0 ? "" : section,
             strcmp(section, "learner") == 0 ? "" : "\":{\"", strcmp(section, "learner") == 0 ? "" : key,
             strcmp(section, "learner") == 0 ? "" : "\":", strcmp(section, "learner") == 0 ? "" : value);
    if (strcmp(section, "learner") != 0)
        snprintf(out + strlen(out) - 1, 8192 - strlen(out), "}}");
    return out;
}

struct refused {
    const char *section, *key, *value;
    const char *line;
};

static const struct refused refused[] = {
    {"mix", "stream", "1", "mix.stream: expected true or false, found 1"},
    {"mix", "stream", "\"true\"", "mix.stream: expected true or false, found \"true\""},
    {"mix", "stream", "null", "mix.stream: expected true or false, found null"},
    {"round", "rounds", "0", "round.rounds: expected an integer from 1 to 1000000000 rounds, found 0"},
    {"round", "rounds", "-1", "round.rounds: expected an integer from 1 to 1000000000 rounds, found -1"},
    {"round", "rounds", "1000000001",
     "round.rounds: expected an integer from 1 to 1000000000 rounds, found 1000000001"},
    {"round", "rounds", "1.5", "round.rounds: expected an integer from 1 to 1000000000 rounds, found 1.5"},
    {"round", "rounds", "\"3\"", "round.rounds: expected an integer from 1 to 1000000000 rounds, found \"3\""},
    {"round", "rounds", "true", "round.rounds: expected an integer from 1 to 1000000000 rounds, found true"},
    {"round", "rounds", "{}", "round.rounds: expected an integer from 1 to 1000000000 rounds, found an object"},
    {"flock", "seed", "9007199254740992",
     "flock.seed: expected an integer from 0 to 9007199254740991, found 9007199254740992"},
    {"round", "deadline_max", "0", "round.deadline_max: expected a number from 0.001 to 86400 s, found 0"},
    {"round", "deadline_max", "\"10\"", "round.deadline_max: expected a number from 0.001 to 86400 s, found \"10\""},
    {"learner", "rate", "0", "learner.rate: expected a number above 0, at most 100, found 0"},
    {"learner", "rate", "100.5", "learner.rate: expected a number above 0, at most 100, found 100.5"},
    {"learner", "momentum", "1", "learner.momentum: expected a number from 0, below 1, found 1"},
    {"learner", "momentum", "-0.1", "learner.momentum: expected a number from 0, below 1, found -0.1"},
    {"learner", "optimizer", "\"SGD\"", "learner.optimizer: expected \"sgd\" or \"adam\", found \"SGD\""},
    {"learner", "optimizer", "0", "learner.optimizer: expected \"sgd\" or \"adam\", found 0"},
    {"round", "below_minimum", "\"\"", "round.below_minimum: expected \"wait\", \"train\" or \"stop\", found \"\""},
    {"flock", "run", "\"Demo\"",
     "flock.run: expected a name of 1 to 63 characters a-z, 0-9 and, not first, -, found \"Demo\""},
    {"flock", "run", "\"\"", "flock.run: expected a name of 1 to 63 characters a-z, 0-9 and, not first, -, found \"\""},
    {"flock", "run", "\"-a\"",
     "flock.run: expected a name of 1 to 63 characters a-z, 0-9 and, not first, -, found \"-a\""},
    {"transport", "congestion", "\"sixteen-letters!\"",
     "transport.congestion: expected text of 0 to 15 bytes without control characters, found \"sixteen-letters!\""},
    {"transport", "congestion", "\"a\\u0007\"",
     "transport.congestion: expected text of 0 to 15 bytes without control characters, found \"a\\u0007\""},
    {"transport", "priorities", "\"\"",
     "transport.priorities: expected text of 1 to 1024 bytes without control characters, found \"\""},
    {"model", "folder", "false", "model.folder: expected a path of at most 4095 bytes (\"\" for none), found false"},
    {"model", "folder", "\"a\\nb\"",
     "model.folder: expected a path of at most 4095 bytes (\"\" for none), found \"a\\nb\""},
    {"overlay", "topology", "\"regular:3\"",
     "overlay.topology: expected \"full\", \"ring\", \"torus\", \"hypercube\", \"star\", \"regular:S\", "
     "\"static-regular:S\", \"small-world:K,P\" (S, K even, 2 to 1024; P from 0 to 1) or \"file:PATH\", found "
     "\"regular:3\""},
    {"data", "partition", "\"shards:0\"",
     "data.partition: expected \"iid\", \"shards:K\" (K from 1), \"dirichlet:ALPHA\" (above 0) or "
     "\"share:P1,P2,...\" (each above 0), found \"shards:0\""},
    {"transport", "listen", "[]",
     "transport.listen: expected a list of 1 to 16 \"host:port\" or objects, found a list"},
    {"transport", "listen", "\"a:1\"",
     "transport.listen: expected a list of 1 to 16 \"host:port\" or objects, found \"a:1\""},
    {"transport", "listen", "[\"a:1\",\"a\"]", "transport.listen[1]: expected \"host:port\", found \"a\""},
    {"transport", "listen", "[\"a:65536\"]", "transport.listen[0]: expected \"host:port\", found \"a:65536\""},
    {"transport", "listen", "[\"::1:7400\"]", "transport.listen[0]: expected \"host:port\", found \"::1:7400\""},
    {"membership", "join", "[\"a:0\"]", "membership.join[0]: expected \"host:port\", found \"a:0\""},
    {"data", "train", "[\"\"]", "data.train[0]: expected a path of 1 to 4095 bytes, found \"\""},
    {"data", "train", "[[]]", "data.train[0]: expected a path of 1 to 4095 bytes, found a list"},
};

Test(values, refused) {
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char text[8192];
        char line[1024];
        snprintf(line, sizeof line, "%%FILE%%: %s", refused[i].line);
        /* flock has a section already: its keys come by a flag, below. */
        if (strcmp(refused[i].section, "flock") == 0) {
            snprintf(text, sizeof text, "{\"flock\":{\"name\":\"demo\",\"%s\":%s}%s}", refused[i].key, refused[i].value,
                     strchr(GOOD, '}') + 1);
            fixture_says(&fixture, text, line);
        } else {
            fixture_says(&fixture, with(text, refused[i].section, refused[i].key, refused[i].value), line);
        }
    }
    fixture_finish(&fixture);
}

Test(values, long_text_is_cut_in_messages) {
    struct fixture fixture;
    char text[8192];
    char value[1000];
    fixture_make(&fixture);
    value[0] = '"';
    memset(value + 1, 'a', sizeof value - 3);
    strcpy(value + sizeof value - 2, "\"");
    cr_expect_eq(fixture_load(&fixture, with(text, "transport", "congestion", value)), SL_SETTINGS);
    cr_expect_lt(strlen(fixture.error.text), strlen(fixture.file) + 200);
    cr_expect_not_null(strstr(fixture.error.text, "aaa...\""));
    fixture_finish(&fixture);
}

Test(values, numbers) {
    struct fixture fixture;
    char text[8192];
    fixture_make(&fixture);
    fixture_accepts(&fixture, with(text, "round", "rounds", "1"));
    cr_expect_eq(fixture.settings->round.rounds, 1);
    fixture_accepts(&fixture, with(text, "round", "rounds", "1e3"));
    cr_expect_eq(fixture.settings->round.rounds, 1000);
    fixture_accepts(&fixture, with(text, "data", "seed", "9007199254740991"));
    cr_expect_eq(fixture.settings->data.seed, 9007199254740991u);
    fixture_accepts(&fixture, with(text, "learner", "rate", "1e-300"));
    cr_expect_eq(fixture.settings->learner.rate, 1e-300);
    fixture_accepts(&fixture, with(text, "learner", "rate", "100"));
    cr_expect_eq(fixture.settings->learner.rate, 100);
    fixture_accepts(&fixture, with(text, "learner", "momentum", "0"));
    cr_expect_eq(fixture.settings->learner.momentum, 0);
    fixture_finish(&fixture);
}

Test(values, words) {
    struct fixture fixture;
    char text[8192];
    fixture_make(&fixture);
    fixture_accepts(&fixture, with(text, "learner", "optimizer", "\"adam\""));
    cr_expect(fixture.settings->learner.adam);
    cr_expect_eq(fixture.settings->learner.trainer, SL_TRAINER_IDLE);
    fixture_accepts(&fixture, with(text, "round", "below_minimum", "\"stop\""));
    cr_expect_eq(fixture.settings->round.below_minimum, SL_BELOW_STOP);
    fixture_accepts(&fixture, with(text, "mix", "weights", "\"equal\""));
    cr_expect_eq(fixture.settings->mix.weights, SL_WEIGHTING_EQUAL);
    fixture_accepts(&fixture, with(text, "log", "level", "\"debug\""));
    cr_expect_eq(fixture.settings->log.level, SL_SETTING_LOG_DEBUG);
    cr_expect_eq(sl_settings_log_level(fixture.settings), SL_LOG_DEBUG);
    fixture_accepts(&fixture, with(text, "log", "format", "\"json\""));
    cr_expect_eq(sl_settings_log_format(fixture.settings), SL_LOG_JSON);
    fixture_finish(&fixture);
}

static void expect_in_folder(const struct fixture *fixture, const char *path, const char *rest) {
    char expected[256];
    test_folder_file(expected, &fixture->folder, rest);
    cr_expect_str_eq(path, expected);
}

Test(values, paths_start_at_the_folder_of_the_file) {
    struct fixture fixture;
    char text[8192];
    char expected[256];
    fixture_make(&fixture);
    fixture_accepts(&fixture, with(text, "model", "folder", "\"a/b\""));
    expect_in_folder(&fixture, fixture.settings->model.folder, "a/b");
    expect_in_folder(&fixture, fixture.settings->identity.client_key, "client.key");
    expect_in_folder(&fixture, fixture.settings->record.file, "record.jsonl"); /* a default */
    fixture_accepts(&fixture, with(text, "model", "folder", "\"/a/b\""));
    cr_expect_str_eq(fixture.settings->model.folder, "/a/b");
    fixture_accepts(&fixture, with(text, "model", "folder", "\"\""));
    cr_expect_str_eq(fixture.settings->model.folder, "");
    fixture_accepts(&fixture, with(text, "overlay", "topology", "\"file:edges\""));
    snprintf(expected, sizeof expected, "file:%s/edges", fixture.folder.path);
    cr_expect_str_eq(fixture.settings->overlay.topology, expected);
    fixture_accepts(&fixture, with(text, "overlay", "topology", "\"file:/edges\""));
    cr_expect_str_eq(fixture.settings->overlay.topology, "file:/edges");
    fixture_finish(&fixture);
}

Test(values, lists) {
    struct fixture fixture;
    char text[8192];
    fixture_make(&fixture);
    fixture_accepts(&fixture, with(text, "transport", "listen", "[\"127.0.0.1:0\",\"[::1]:7400\"]"));
    cr_expect_eq(fixture.settings->transport.listen.count, 2);
    cr_expect_str_eq(fixture.settings->transport.listen.items[0].address, "127.0.0.1:0");
    cr_expect_str_eq(fixture.settings->transport.listen.items[1].address, "[::1]:7400");
    fixture_accepts(&fixture, with(text, "membership", "join", "[]"));
    cr_expect_eq(fixture.settings->membership.join.count, 0);
    fixture_accepts(&fixture, "{" GOOD_SECTIONS ",\"data\":{\"format\":\"cifar10\",\"train\":[\"a\",\"/b\"]}}");
    expect_in_folder(&fixture, fixture.settings->data.train.items[0], "a");
    cr_expect_str_eq(fixture.settings->data.train.items[1], "/b");
    fixture_finish(&fixture);
}

Test(values, defaults) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, "{" GOOD "}");
    const struct sl_settings *settings = fixture.settings;
    cr_expect_str_eq(settings->file, fixture.file);
    cr_expect_str_eq(settings->flock.run, "default");
    cr_expect_eq(settings->flock.start_nodes, 1);
    cr_expect_str_eq(settings->transport.listen.items[0].address, "127.0.0.1:7400");
    cr_expect_eq(settings->transport.window_bytes, 4 << 20);
    cr_expect_str_eq(settings->transport.congestion, "");
    cr_expect_str_eq(settings->overlay.topology, "full");
    cr_expect_eq(settings->round.rounds, 20);
    cr_expect_eq(settings->round.deadline_min, 10);
    cr_expect_eq(settings->learner.rate, 0.1);
    cr_expect_eq(settings->learner.delta, 1e-8);
    cr_expect_not(settings->mix.stream);
    cr_expect_str_eq(settings->data.partition, "iid");
    cr_expect_eq(settings->identity.name_from, SL_NAME_FROM_URI);
    cr_expect_eq(settings->log.level, SL_SETTING_LOG_INFO);
    cr_expect_str_eq(sl_settings_node_name(settings), "alice");
    fixture_finish(&fixture);
}
