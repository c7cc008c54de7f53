/* What concerns several settings at once. */
#include <string.h>

#include "fixture.h"

TestSuite(check, .timeout = 60);

struct unfit {
    const char *text;
    const char *line;
};

#define DATA(...) "{" GOOD_SECTIONS ",\"data\":{" __VA_ARGS__ "}}"

static const struct unfit unfit[] = {
    {"{" GOOD ",\"data\":{\"part\":2,\"parts\":2}}",
     "%FILE%: data.part: expected less than data.parts, which is 2, found 2"},
    {"{" GOOD ",\"data\":{\"partition\":\"share:1,2\",\"parts\":3}}",
     "%FILE%: data.partition: expected 3 proportions, one for each of data.parts, found 2"},
    {"{" GOOD ",\"round\":{\"deadline_min\":61}}",
     "%FILE%: round.deadline_min: expected at most round.deadline_max, which is 60 s, found 61"},
    {"{" GOOD ",\"membership\":{\"dial_retry_max\":0.05}}",
     "%FILE%: membership.dial_retry_min: expected at most membership.dial_retry_max, which is 0.05 s, found 0.1"},
    {"{" GOOD ",\"round\":{\"averaging_rounds\":21}}",
     "%FILE%: round.averaging_rounds: expected at most round.rounds, which is 20, found 21"},
    {"{" GOOD ",\"mix\":{\"stream\":true},\"overlay\":{\"topology\":\"ring\"}}",
     "%FILE%: mix.stream: expected false, since overlay.topology is not \"full\", found true"},
    {"{" GOOD ",\"mix\":{\"stream\":true,\"codec\":\"int8\"}}",
     "%FILE%: mix.codec: expected \"f32\", since mix.stream is true, found \"int8\""},
    {"{" GOOD_SECTIONS ",\"learner\":{\"trainer\":\"idle\",\"lanes\":9,\"batch\":8}}",
     "%FILE%: learner.lanes: expected at most learner.batch, which is 8, found 9"},
    {"{" GOOD_SECTIONS "}",
     "%FILE%: data.format: expected \"idx\" or \"cifar10\", since learner.trainer is not \"idle\", found \"none\""},
    {"{" GOOD ",\"data\":{\"train\":[\"a\"]}}",
     "%FILE%: data.train: expected no file, since data.format is \"none\", found 1"},
    {"{" GOOD ",\"data\":{\"test\":[\"a\"]}}",
     "%FILE%: data.test: expected no file, since data.format is \"none\", found 1"},
    {DATA("\"format\":\"idx\""),
     "%FILE%: data.train: expected 2 files, images and labels, since data.format is \"idx\", found 0"},
    {DATA("\"format\":\"idx\",\"train\":[\"a\",\"b\",\"c\"]"),
     "%FILE%: data.train: expected 2 files, images and labels, since data.format is \"idx\", found 3"},
    {DATA("\"format\":\"idx\",\"train\":[\"a\",\"b\"],\"test\":[\"c\"]"),
     "%FILE%: data.test: expected 2 files, images and labels, or none, since data.format is \"idx\", found 1"},
    {DATA("\"format\":\"cifar10\""),
     "%FILE%: data.train: expected files, since data.format is \"cifar10\", found none"},
    {"{" GOOD ",\"transport\":{\"listen\":[\"a:1\",\"0.0.0.0:7400\"]}}",
     "%FILE%: transport.advertise: expected the addresses by which others reach this node, since transport.listen[1] "
     "is "
     "\"0.0.0.0:7400\", found nothing"},
    {"{" GOOD ",\"transport\":{\"listen\":[\"[::]:7400\"]}}",
     "%FILE%: transport.advertise: expected the addresses by which others reach this node, since transport.listen[0] "
     "is "
     "\"[::]:7400\", found nothing"},
    {"{" GOOD ",\"transport\":{\"advertise\":[\"[::]:7400\"]}}",
     "%FILE%: transport.advertise: expected addresses that others can reach, found \"[::]:7400\" at 0"},
};

Test(check, unfit) {
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        fixture_says(&fixture, unfit[i].text, unfit[i].line);
    fixture_finish(&fixture);
}

Test(check, fit) {
    static const char *const fit[] = {
        "{" GOOD ",\"data\":{\"part\":1,\"parts\":2,\"partition\":\"share:1,2\"}}",
        "{" GOOD ",\"round\":{\"deadline_min\":60,\"averaging_rounds\":20}}",
        "{" GOOD ",\"mix\":{\"stream\":true}}",
        "{" GOOD ",\"transport\":{\"listen\":[\"0.0.0.0:7400\"],\"advertise\":[\"node.example:7400\"]}}",
        "{" GOOD ",\"transport\":{\"listen\":[\"0.0.0.0:7400\"],\"advertise\":[]}}",
        DATA("\"format\":\"idx\",\"train\":[\"a\",\"b\"]"),
        DATA("\"format\":\"idx\",\"train\":[\"a\",\"b\"],\"test\":[\"c\",\"d\"]"),
        DATA("\"format\":\"cifar10\",\"train\":[\"a\"]"),
    };
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        fixture_accepts(&fixture, fit[i]);
    fixture_finish(&fixture);
}

/* What does not fit stands at the flag that said it, not at the file. */
Test(check, blames_where_it_was_said) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "data.part", "7");
    fixture_says(&fixture, "{" GOOD ",\"data\":{\"parts\":2}}",
                 "--set: data.part: expected less than data.parts, which is 2, found 7");
    fixture_finish(&fixture);
}

/* A value that was refused is not compared with others: that would be the default's fault. */
Test(check, is_silent_about_what_is_wrong_already) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_says(&fixture, "{" GOOD ",\"data\":{\"part\":7,\"parts\":0}}",
                 "%FILE%: data.parts: expected an integer from 1 to 10000 parts, found 0");
    fixture_says(&fixture, "{" GOOD_SECTIONS ",\"data\":{\"format\":\"idx3\"}}",
                 "%FILE%: data.format: expected \"none\", \"idx\" or \"cifar10\", found \"idx3\"");
    fixture_finish(&fixture);
}

Test(check, defaults_that_follow_others) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "flock.start_nodes", "8");
    fixture_add(&fixture, "--set", "transport.listen", "127.0.0.1:7401,[::1]:7402");
    fixture_accepts(&fixture, "{" GOOD "}");
    cr_expect_eq(fixture.settings->round.min_peers_to_start, 7);
    cr_expect_eq(fixture.settings->transport.advertise.count, 2);
    cr_expect_str_eq(fixture.settings->transport.advertise.items[1], "[::1]:7402");
    fixture_accepts(&fixture, "{" GOOD ",\"round\":{\"min_peers_to_start\":0},\"transport\":{\"advertise\":[]}}");
    cr_expect_eq(fixture.settings->round.min_peers_to_start, 0);
    cr_expect_eq(fixture.settings->transport.advertise.count, 0);
    fixture_finish(&fixture);
}
