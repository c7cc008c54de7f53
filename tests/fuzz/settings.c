/* A settings file of anybody: refused in words, or a whole set of settings that can be shown. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target.h"
#include <starling/settings.h>

#define IDENTITY                                                                                                       \
    "\"identity\":{\"ca\":\"ca.pem\",\"server_certificate\":\"s.pem\",\"server_key\":\"s.key\","                       \
    "\"client_certificate\":\"c.pem\",\"client_key\":\"c.key\"}"

static const char *const inputs[] = {
    "{\"node\":{\"name\":\"alice\"},\"flock\":{\"name\":\"demo\"}," IDENTITY ",\"learner\":{\"trainer\":\"idle\"}}",
    "{\"node\":{\"name\":\"bob\"},\"flock\":{\"name\":\"demo\",\"run\":\"r-1\",\"epoch\":2,\"seed\":7}," IDENTITY
    ",\"learner\":{\"trainer\":\"idle\"},\"overlay\":{\"topology\":\"regular:4\"},\"round\":{\"rounds\":20},"
    "\"membership\":{\"join\":[\"127.0.0.1:7400\",\"[::1]:7401\"],\"suspect_after\":2.5},"
    "\"transport\":{\"listen\":[\"127.0.0.1:7402\"],\"advertise\":[\"node.example.org:7402\"]}}",
    "{\"node\":{\"name\":\"eve\"},\"flock\":{\"name\":\"demo\"}," IDENTITY ",\"learner\":{\"trainer\":\"idle\"},"
    "\"transport\":{\"connection_security\":\"tls\",\"listen\":[\"127.0.0.1:1\",{\"address\":\"[::1]:2\","
    "\"connection_security\":\"clear\",\"proxy\":true,\"handshake_rate\":3.5,\"handshake_burst\":64,"
    "\"max_connections\":9}],\"peers\":[{\"connect_to\":\"a.example:443\",\"node\":\"bob\","
    "\"custom_ca_cert\":\"p.pem\"},{\"connect_to\":\"b:1\",\"connection_security\":\"mtls\"}]}}",
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    return fuzz_text(inputs, sizeof inputs / sizeof inputs[0], index, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    char path[64];
    struct sl_settings *settings = NULL;
    struct sl_error error = {0};
    int file = memfd_create("settings", 0);
    FUZZ_CHECK(file >= 0 && write(file, data, length) == (ssize_t)length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (sl_settings_load(&settings, path, NULL, 0, &error) == SL_OK) {
        FILE *sink = fopen("/dev/null", "w");
        FUZZ_CHECK(sink != NULL && sl_settings_show(settings, sink) == SL_OK);
        fclose(sink);
    } else {
        FUZZ_CHECK(error.text[0] != '\0');
    }
    sl_settings_destroy(settings);
    close(file);
    return 0;
}
