#include "identity/kit_settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/address.h"
#include "base/file.h"
#include "json/json.h"

/* Where Debian's package dataset-fashion-mnist puts its files. */
static const char debian_data[] = "/usr/share/datasets/fashion-mnist";

enum { DATA_FILES = 4, HOST_NAME_MAX_LENGTH = 253 };
static const char *const data_names[DATA_FILES] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                   "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

static bool is_literal(const char *host) {
    uint8_t address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static struct sl_address address_of(const char *host, unsigned port) {
    struct sl_address address = {.port = (uint16_t)port};
    snprintf(address.host, sizeof address.host, "%s", host);
    return address;
}

bool sl_kit_host_is_valid(const char *host) {
    /* What the settings will read; and as long as DNS allows. */
    char text[SL_ADDRESS_SIZE];
    struct sl_address address = address_of(host, 1), parsed;
    sl_address_format(text, &address);
    return strlen(host) <= HOST_NAME_MAX_LENGTH && sl_address_parse(&parsed, text, NULL) == SL_OK;
}

/* Each call appends when nothing has failed so far: sl_buffer fails only for lack of memory. */
struct writer {
    struct sl_buffer *out;
    enum sl_status status;
};

static void put(struct writer *writer, const char *text) {
    if (writer->status == SL_OK)
        writer->status = sl_buffer_append(writer->out, text, strlen(text));
}

static void put_string(struct writer *writer, const char *value) {
    if (writer->status == SL_OK)
        writer->status = sl_json_append_string(writer->out, value);
}

static void put_number(struct writer *writer, unsigned value) {
    if (writer->status == SL_OK)
        writer->status = sl_buffer_printf(writer->out, "%u", value);
}

static void put_address(struct writer *writer, const char *host, unsigned port) {
    struct sl_address address = address_of(host, port);
    char text[SL_ADDRESS_SIZE];
    sl_address_format(text, &address);
    put_string(writer, text);
}

static bool appears(const struct sl_kit_options *options, size_t count, const char *host) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(options->hosts[i], host) == 0)
            return true;
    return false;
}

static void put_next_address(struct writer *writer, bool *first, const char *host, unsigned port) {
    put(writer, *first ? "" : ", ");
    put_address(writer, host, port);
    *first = false;
}

/* A literal is listened on as it is. What a DNS name means is known only where the node runs: the wildcards of both
 * families, each of which takes its own only, and which cover the literals too; but "localhost" is loopback everywhere.
 */
static void put_listen(struct writer *writer, const struct sl_kit_options *options) {
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    bool first = true;
    for (size_t i = 0; i < options->host_count; i++)
        if (!is_literal(options->hosts[i]) && strcasecmp(options->hosts[i], "localhost") != 0) {
            put_next_address(writer, &first, "0.0.0.0", options->port);
            put_next_address(writer, &first, "::", options->port);
            return;
        }
    for (size_t i = 0; i < options->host_count; i++) {
        const char *host = options->hosts[i];
        if (appears(options, i, host))
            continue;
        if (is_literal(host))
            put_next_address(writer, &first, host, options->port);
        for (size_t k = 0; !is_literal(host) && k < sizeof loopback / sizeof *loopback; k++)
            if (!appears(options, options->host_count, loopback[k]))
                put_next_address(writer, &first, loopback[k], options->port);
    }
}

static void put_advertise(struct writer *writer, const struct sl_kit_options *options) {
    bool first = true;
    for (size_t i = 0; i < options->host_count; i++)
        if (!appears(options, i, options->hosts[i]))
            put_next_address(writer, &first, options->hosts[i], options->port);
}

/* The absolute path of one of the data files, packed or not; NULL where it is missing. The caller frees. */
static char *find_data_file(struct writer *writer, const char *folder, const char *name) {
    static const char *const endings[] = {".gz", ""};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s", folder, name, endings[i]) < 0) {
            writer->status = SL_NO_MEMORY;
            return NULL;
        }
        char *absolute = access(path, R_OK) == 0 ? realpath(path, NULL) : NULL;
        free(path);
        if (absolute != NULL)
            return absolute;
    }
    return NULL;
}

static void put_data(struct writer *writer, const struct sl_kit_options *options, char *const files[DATA_FILES]) {
    put(writer, ",\n  \"data\": {\n    \"format\": \"idx\",\n    \"train\": [");
    put_string(writer, files[0]);
    put(writer, ", ");
    put_string(writer, files[1]);
    put(writer, "],\n    \"test\": [");
    put_string(writer, files[2]);
    put(writer, ", ");
    put_string(writer, files[3]);
    put(writer, "],\n    \"partition\": \"iid\",\n    \"part\": ");
    put_number(writer, options->parts > 0 ? options->part : 0);
    put(writer, ",\n    \"parts\": ");
    put_number(writer, options->parts > 0 ? options->parts : 1);
    put(writer, "\n  }");
}

static void put_learning(struct writer *writer, const struct sl_kit_options *options) {
    const char *folder = options->data != NULL ? options->data : debian_data;
    char *files[DATA_FILES] = {NULL};
    bool complete = true;
    for (int i = 0; i < DATA_FILES && complete; i++) {
        files[i] = find_data_file(writer, folder, data_names[i]);
        complete = files[i] != NULL;
    }
    if (complete)
        put_data(writer, options, files);
    else
        put(writer, ",\n  \"learner\": { \"trainer\": \"idle\" }");
    for (int i = 0; i < DATA_FILES; i++)
        free(files[i]);
}

enum sl_status sl_kit_settings_write(struct sl_buffer *out, const struct sl_kit_options *options, const char *flock,
                                     struct sl_error *error) {
    struct writer writer = {out, SL_OK};
    put(&writer, "{\n  \"flock\": { \"name\": ");
    put_string(&writer, flock);
    put(&writer, ", \"start_nodes\": ");
    put_number(&writer, options->start_nodes > 0 ? options->start_nodes : 1);
    put(&writer, " },\n  \"node\": { \"name\": ");
    put_string(&writer, options->node);
    put(&writer, " },\n"
                 "  \"identity\": {\n"
                 "    \"ca\": \"" SL_KIT_CA "\",\n"
                 "    \"server_certificate\": \"" SL_KIT_SERVER_CERTIFICATE "\",\n"
                 "    \"server_key\": \"" SL_KIT_SERVER_KEY "\",\n"
                 "    \"client_certificate\": \"" SL_KIT_CLIENT_CERTIFICATE "\",\n"
                 "    \"client_key\": \"" SL_KIT_CLIENT_KEY "\",\n"
                 "    \"crl_file\": \"" SL_KIT_LISTS "\"\n"
                 "  },\n"
                 "  \"transport\": {\n"
                 "    \"listen\": [");
    put_listen(&writer, options);
    put(&writer, "],\n    \"advertise\": [");
    put_advertise(&writer, options);
    put(&writer, "]\n  }");
    put_learning(&writer, options);
    put(&writer, "\n}\n");
    if (writer.status != SL_OK)
        return sl_error_set(error, writer.status, "no memory for the settings of %s", options->node);
    return SL_OK;
}
