/* Lists of objects: what an item takes, what it leaves out, what its faults are called, where it may come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

TestSuite(objects, .timeout = 60);

#define TRANSPORT(...) "{" GOOD ",\"transport\":{" __VA_ARGS__ "}}"

static const struct sl_listener_setting *listener(const struct fixture *fixture, size_t index) {
    cr_assert_lt(index, fixture->settings->transport.listen.count);
    return &fixture->settings->transport.listen.items[index];
}

static const struct sl_peer_setting *peer(const struct fixture *fixture, size_t index) {
    cr_assert_lt(index, fixture->settings->transport.peers.count);
    return &fixture->settings->transport.peers.items[index];
}

/* The whole point of security settings: nothing that is absent, empty or misspelt ends in the clear. */
Test(objects, nothing_is_clear_unless_the_file_says_so) {
    static const char *const texts[] = {
        "{" GOOD "}",
        TRANSPORT(""),
        TRANSPORT("\"listen\":[\"127.0.0.1:1\"]"),
        TRANSPORT("\"listen\":[{\"address\":\"127.0.0.1:1\",\"proxy\":true}],\"advertise\":[\"a:1\"]"),
        TRANSPORT("\"listen\":[{\"address\":\"127.0.0.1:1\"}],\"peers\":[{\"connect_to\":\"a:1\"}]"),
    };
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fixture_accepts(&fixture, texts[i]);
        cr_expect_eq(fixture.settings->transport.connection_security, SL_SECURITY_MTLS, "%s", texts[i]);
        cr_expect_eq(listener(&fixture, 0)->security, SL_SECURITY_MTLS, "%s", texts[i]);
        for (size_t p = 0; p < fixture.settings->transport.peers.count; p++)
            cr_expect_eq(peer(&fixture, p)->security, SL_SECURITY_MTLS, "%s", texts[i]);
    }
    static const char *const wrong[] = {"\"\"", "\"none\"",  "null",       "false",
                                        "2",    "\"Clear\"", "\"clear \"", "[\"clear\"]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[2048];
        snprintf(text, sizeof text, TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"connection_security\":%s}]"),
                 wrong[i]);
        cr_expect_eq(fixture_load(&fixture, text), SL_SETTINGS, "%s", wrong[i]);
        cr_expect_eq(fixture_lines(&fixture), 1, "%s", fixture.error.text);
    }
    fixture_finish(&fixture);
}

Test(objects, the_flock_wide_mode_is_what_items_leave_out) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, TRANSPORT("\"connection_security\":\"tls\",\"listen\":[\"a:1\",{\"address\":\"b:1\"},"
                                        "{\"address\":\"c:1\",\"connection_security\":\"mtls\"}],\"peers\":["
                                        "{\"connect_to\":\"d:1\"},{\"connect_to\":\"e:1\",\"connection_security\":"
                                        "\"clear\"}]"));
    cr_expect_eq(fixture.settings->transport.connection_security, SL_SECURITY_TLS);
    cr_expect_eq(listener(&fixture, 0)->security, SL_SECURITY_TLS);
    cr_expect_eq(listener(&fixture, 1)->security, SL_SECURITY_TLS);
    cr_expect_eq(listener(&fixture, 2)->security, SL_SECURITY_MTLS);
    cr_expect_eq(peer(&fixture, 0)->security, SL_SECURITY_TLS);
    cr_expect_eq(peer(&fixture, 1)->security, SL_SECURITY_CLEAR);
    fixture_finish(&fixture);
}

Test(objects, limits_of_a_listener) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, TRANSPORT("\"handshake_rate\":5,\"handshake_burst\":70,\"max_connections\":900,"
                                        "\"max_connections_per_address\":30,\"advertise\":[\"a:1\"],\"listen\":["
                                        "\"a:1\",{\"address\":\"b:1\",\"proxy\":true},{\"address\":\"c:1\",\"proxy\":"
                                        "true,\"handshake_rate\":0.5,\"handshake_burst\":64,\"max_connections\":7},"
                                        "{\"address\":\"d:1\",\"proxy\":false}]"));
    static const struct {
        bool proxy;
        double rate;
        uint64_t burst, connections;
    } expected[] = {{false, 5, 70, 30}, {true, 40, 560, 900}, {true, 0.5, 64, 7}, {false, 5, 70, 30}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_expect_eq(listener(&fixture, i)->proxy, expected[i].proxy, "%zu", i);
        cr_expect_eq(listener(&fixture, i)->handshake_rate, expected[i].rate, "%zu", i);
        cr_expect_eq(listener(&fixture, i)->handshake_burst, expected[i].burst, "%zu", i);
        cr_expect_eq(listener(&fixture, i)->max_connections, expected[i].connections, "%zu", i);
    }
    fixture_finish(&fixture);
}

Test(objects, peers) {
    struct fixture fixture;
    char path[600];
    fixture_make(&fixture);
    fixture_accepts(&fixture, TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"node\":\"bob\",\"connection_security\":"
                                        "\"tls\",\"custom_ca_cert\":\"proxy.pem\"},{\"connect_to\":\"b:1\","
                                        "\"connection_security\":\"tls\",\"custom_ca_cert\":\"/abs.pem\"},"
                                        "{\"connect_to\":\"[::1]:1\"}]"));
    snprintf(path, sizeof path, "%s/proxy.pem", fixture.folder.path);
    cr_expect_str_eq(peer(&fixture, 0)->connect_to, "a:1");
    cr_expect_str_eq(peer(&fixture, 0)->node, "bob");
    cr_expect_str_eq(peer(&fixture, 0)->custom_ca_cert, path);
    cr_expect_str_eq(peer(&fixture, 1)->custom_ca_cert, "/abs.pem");
    cr_expect_str_eq(peer(&fixture, 1)->node, "");
    cr_expect_str_eq(peer(&fixture, 2)->custom_ca_cert, "");
    fixture_finish(&fixture);
}

static const struct {
    const char *text, *line;
} refused[] = {
    {TRANSPORT("\"listen\":[\"a:1\",{\"address\":\"a:2\",\"connection_security\":\"plain\"}]"),
     "transport.listen[1].connection_security: expected \"mtls\", \"tls\" or \"clear\", found \"plain\""},
    {TRANSPORT("\"listen\":[{\"address\":\"a\"}]"), "transport.listen[0].address: expected \"host:port\", found \"a\""},
    {TRANSPORT("\"listen\":[{\"address\":[\"a:1\"]}]"),
     "transport.listen[0].address: expected \"host:port\", found a list"},
    {TRANSPORT("\"listen\":[{}]"), "transport.listen[0].address: expected \"host:port\", found nothing"},
    {TRANSPORT("\"listen\":[[\"a:1\"]]"), "transport.listen[0]: expected \"host:port\" or an object, found a list"},
    {TRANSPORT("\"listen\":{\"address\":\"a:1\"}"),
     "transport.listen: expected a list of 1 to 16 \"host:port\" or objects, found an object"},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"conection_security\":\"clear\"}]"),
     "transport.listen[0].conection_security: unknown key; the nearest known one is \"connection_security\""},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"\":1}]"),
     "transport.listen[0].: unknown key; the nearest known one is \"proxy\""},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"proxy\":\"true\"}]"),
     "transport.listen[0].proxy: expected true or false, found \"true\""},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"handshake_rate\":0}]"),
     "transport.listen[0].handshake_rate: expected a number from 0.01 to 1000000 handshakes a second, found 0"},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"handshake_burst\":63}]"),
     "transport.listen[0].handshake_burst: expected an integer from 64 to 1000000 handshakes, found 63"},
    {TRANSPORT("\"listen\":[{\"address\":\"a:1\",\"max_connections\":1.5}]"),
     "transport.listen[0].max_connections: expected an integer from 1 to 100000 connections, found 1.5"},
    {TRANSPORT("\"peers\":[\"a:1\"]"), "transport.peers[0]: expected an object, found \"a:1\""},
    {TRANSPORT("\"peers\":{}"), "transport.peers: expected a list of at most 1024 objects, found an object"},
    {TRANSPORT("\"peers\":[{\"node\":\"bob\"}]"),
     "transport.peers[0].connect_to: expected \"host:port\", found nothing"},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:0\"}]"), "transport.peers[0].connect_to: expected \"host:port\", found "
                                                        "\"a:0\""},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"node\":\"../bob\"}]"),
     "transport.peers[0].node: expected a name of 1 to 63 characters a-z, 0-9 and, not first, - (\"\" for none), found "
     "\"../bob\""},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"proxy\":true}]"),
     "transport.peers[0].proxy: unknown key; the nearest known one is \"node\""},
    /* several keys */
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\"},{\"connect_to\":\"b:1\"},{\"connect_to\":\"A:1\"}]"),
     "transport.peers[2].connect_to: expected one rule an address, found \"A:1\" in transport.peers[0] too"},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"node\":\"bob\"},{\"connect_to\":\"b:1\",\"node\":\"bob\"}]"),
     "transport.peers[1].node: expected one rule a node, found \"bob\" in transport.peers[0] too"},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"node\":\"alice\"}]"),
     "transport.peers[0].node: expected another node than this one, found \"alice\""},
    {TRANSPORT("\"peers\":[{\"connect_to\":\"a:1\",\"custom_ca_cert\":\"p.pem\"}]"),
     "transport.peers[0].custom_ca_cert: expected nothing, since it is for \"tls\" and connection_security here is "
     "\"mtls\", found a path"},
    {TRANSPORT("\"connection_security\":\"tls\",\"peers\":[{\"connect_to\":\"a:1\",\"connection_security\":\"clear\","
               "\"custom_ca_cert\":\"p.pem\"}]"),
     "transport.peers[0].custom_ca_cert: expected nothing, since it is for \"tls\" and connection_security here is "
     "\"clear\", found a path"},
    {TRANSPORT("\"listen\":[\"a:1\",{\"address\":\"0.0.0.0:7\"}]"),
     "transport.advertise: expected the addresses by which others reach this node, since transport.listen[1] is "
     "\"0.0.0.0:7\", found nothing"},
    {TRANSPORT("\"listen\":[{\"address\":\"127.0.0.1:7\",\"proxy\":true}]"),
     "transport.advertise: expected the addresses by which others reach this node, since each item of transport.listen "
     "is behind a proxy, found nothing"},
};

Test(objects, refused) {
    struct fixture fixture;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char line[512];
        snprintf(line, sizeof line, "%%FILE%%: %s", refused[i].line);
        fixture_says(&fixture, refused[i].text, line);
    }
    fixture_finish(&fixture);
}

Test(objects, all_faults_of_all_items_are_told) {
    struct fixture fixture;
    fixture_make(&fixture);
    cr_expect_eq(fixture_load(&fixture, TRANSPORT("\"listen\":[{\"proxy\":1,\"a\\u001bb\":2},7,{\"address\":\"a\","
                                                  "\"handshake_rate\":\"x\"}]")),
                 SL_SETTINGS);
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[0].proxy: expected true or false, found 1"));
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[0].address: expected \"host:port\", found nothing"));
    cr_expect(
        fixture_has(&fixture, "%FILE%: transport.listen[0].a?b: unknown key; the nearest known one is \"proxy\""));
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[1]: expected \"host:port\" or an object, found 7"));
    cr_expect(fixture_has(&fixture, "%FILE%: transport.listen[2].address: expected \"host:port\", found \"a\""));
    cr_expect_eq(fixture_lines(&fixture), 6, "%s", fixture.error.text);
    fixture_finish(&fixture);
}

Test(objects, a_listener_behind_a_proxy_is_not_advertised) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, TRANSPORT("\"listen\":[{\"address\":\"0.0.0.0:7\",\"proxy\":true},\"b:1\","
                                        "{\"address\":\"c:1\"}]"));
    const struct sl_string_list *advertise = &fixture.settings->transport.advertise;
    cr_assert_eq(advertise->count, 2);
    cr_expect_str_eq(advertise->items[0], "b:1");
    cr_expect_str_eq(advertise->items[1], "c:1");
    fixture_finish(&fixture);
}

Test(objects, flags_give_plain_text_and_replace_no_object) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_add(&fixture, "--set", "transport.listen", "a:1,b:2");
    fixture_accepts(&fixture, TRANSPORT("\"listen\":[\"c:1\"],\"connection_security\":\"tls\""));
    cr_expect_eq(fixture.settings->transport.listen.count, 2);
    cr_expect_str_eq(listener(&fixture, 1)->address, "b:2");
    cr_expect_eq(listener(&fixture, 1)->security, SL_SECURITY_TLS);
    cr_expect_eq(listener(&fixture, 1)->max_connections, 256);
    fixture_says(&fixture,
                 TRANSPORT("\"listen\":[{\"address\":\"c:1\",\"connection_security\":\"mtls\"}],"
                           "\"connection_security\":\"clear\""),
                 "--set: transport.listen: decides security, so only the settings file may set it");
    /* An object that says no more than text would. */
    fixture_accepts(&fixture, TRANSPORT("\"listen\":[{\"address\":\"c:1\"}]"));
    fixture.count = 0;
    fixture_add(&fixture, "--set", "transport.listen", "{\"address\":\"c:1\"}");
    cr_expect_eq(fixture_load(&fixture, "{" GOOD "}"), SL_SETTINGS);
    fixture.count = 0;
    setenv("STARLING_TRANSPORT_LISTEN", "d:1", 1);
    fixture_says(&fixture, TRANSPORT("\"listen\":[{\"address\":\"c:1\",\"proxy\":true}],\"advertise\":[\"e:1\"]"),
                 "STARLING_TRANSPORT_LISTEN: transport.listen: decides security, so only the settings file may set it");
    fixture_finish(&fixture);
}

Test(objects, show_says_where_each_member_comes_from) {
    struct fixture fixture;
    char *text = NULL;
    size_t length = 0;
    fixture_make(&fixture);
    fixture_accepts(&fixture,
                    TRANSPORT("\"advertise\":[\"e:1\"],\"listen\":[\"a:1\",{\"address\":\"b:1\",\"proxy\":true,"
                              "\"connection_security\":\"clear\"}]"));
    FILE *stream = open_memstream(&text, &length);
    cr_assert_eq(sl_settings_show(fixture.settings, stream), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    static const char *const lines[][3] = {
        {"\ntransport.listen ",
         "[\"a:1\", {\"address\": \"b:1\", \"connection_security\": \"clear\", \"proxy\": true}]", "file\n"},
        {"\ntransport.listen[0].address ", "\"a:1\"", "file\n"},
        {"\ntransport.listen[0].connection_security ", "\"mtls\"", "default (transport.connection_security)\n"},
        {"\ntransport.listen[1].connection_security ", "\"clear\"", "file\n"},
        {"\ntransport.listen[1].handshake_rate ", "160",
         "default (transport.handshake_rate, 8 times it behind a proxy)\n"},
        {"\ntransport.peers ", "[]", "default\n"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *line = strstr(text, lines[i][0]);
        cr_assert_not_null(line, "%s", lines[i][0]);
        line += strlen(lines[i][0]);
        line += strspn(line, " ");
        cr_expect_eq(strncmp(line, lines[i][1], strlen(lines[i][1])), 0, "%s", lines[i][0]);
        line += strlen(lines[i][1]);
        line += strspn(line, " ");
        cr_expect_eq(strncmp(line, lines[i][2], strlen(lines[i][2])), 0, "%s", lines[i][0]);
    }
    free(text);
    fixture_finish(&fixture);
}

#define IDENTITY(...)                                                                                                  \
    "{\"flock\":{\"name\":\"demo\"},\"node\":{\"name\":\"alice\"},\"learner\":{\"trainer\":\"idle\"},\"identity\":{"   \
    "\"ca\":\"ca.pem\",\"server_certificate\":\"server.pem\",\"client_certificate\":\"client.pem\"," __VA_ARGS__ "}}"
#define KEYS "\"server_key\":\"server.key\",\"client_key\":\"client.key\""

Test(objects, keys_are_paths_or_of_a_token) {
    struct fixture fixture;
    char path[600];
    fixture_make(&fixture);
    fixture_accepts(&fixture, IDENTITY("\"server_key\":\"pkcs11:token=a;object=b?pin-source=/c\","
                                       "\"client_key\":\"pkcs12:x\""));
    cr_expect_str_eq(fixture.settings->identity.server_key, "pkcs11:token=a;object=b?pin-source=/c");
    snprintf(path, sizeof path, "%s/pkcs12:x", fixture.folder.path);
    cr_expect_str_eq(fixture.settings->identity.client_key, path);
    fixture_says(&fixture, IDENTITY("\"server_key\":\"pkcs11:object=b?pin-value=1234\",\"client_key\":\"k\""),
                 "%FILE%: identity.server_key: expected a URI without the PIN, which belongs into "
                 "identity.passphrase_file or identity.passphrase_variable, found one with \"pin-value\"");
    fixture_finish(&fixture);
}

Test(objects, identity_has_the_strict_defaults) {
    struct fixture fixture;
    char path[600];
    fixture_make(&fixture);
    fixture_accepts(&fixture, IDENTITY(KEYS));
    cr_expect_eq(fixture.settings->identity.crl, SL_REQUIRED);
    cr_expect_eq(fixture.settings->identity.purpose, SL_REQUIRED);
    cr_expect_eq(fixture.settings->identity.allow.count, 0);
    cr_expect(fixture.settings->node.confine);
    cr_expect_not(fixture.settings->membership.expel_on_proof);
    snprintf(path, sizeof path, "%s/crl.pem", fixture.folder.path);
    cr_expect_str_eq(fixture.settings->identity.crl_file, path);
    fixture_accepts(&fixture, IDENTITY(KEYS ",\"crl\":\"if-present\",\"purpose\":\"if-present\",\"allow\":[\"bob\"]"));
    cr_expect_eq(fixture.settings->identity.crl, SL_IF_PRESENT);
    cr_expect_eq(fixture.settings->identity.purpose, SL_IF_PRESENT);
    cr_expect_str_eq(fixture.settings->identity.allow.items[0], "bob");
    fixture_says(&fixture, IDENTITY(KEYS ",\"allow\":[\"bob\",\"\"]"),
                 "%FILE%: identity.allow[1]: expected a name of 1 to 63 characters a-z, 0-9 and, not first, -, found "
                 "\"\"");
    fixture_finish(&fixture);
}

Test(objects, a_passphrase_has_one_source_and_is_not_repeated) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, IDENTITY(KEYS ",\"passphrase_variable\":\"_KEY_1\""));
    fixture_says(
        &fixture, IDENTITY(KEYS ",\"passphrase_variable\":\"K\",\"passphrase_file\":\"p\""),
        "%FILE%: identity.passphrase_variable: expected nothing, since identity.passphrase_file is given, found "
        "a name");
    static const char *const wrong[] = {"my secret!", "1A", "A=B", "A-B"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1024];
        snprintf(text, sizeof text, IDENTITY(KEYS ",\"passphrase_variable\":\"%s\""), wrong[i]);
        fixture_says(&fixture, text,
                     "%FILE%: identity.passphrase_variable: expected the name of an environment variable, of letters, "
                     "digits and \"_\", found something else");
    }
    fixture_finish(&fixture);
}

Test(objects, keys_change_after_many_bytes_or_when_tls_does_it) {
    struct fixture fixture;
    fixture_make(&fixture);
    fixture_accepts(&fixture, TRANSPORT("\"key_update_bytes\":0"));
    fixture_accepts(&fixture, TRANSPORT("\"key_update_bytes\":16777216"));
    fixture_says(&fixture, TRANSPORT("\"key_update_bytes\":16777215"),
                 "%FILE%: transport.key_update_bytes: expected 0, or 16777216 or more, found 16777215");
    fixture_finish(&fixture);
}
