#include "handshake_bare.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { PATH_SIZE = 4096, BACKLOG = 128 };

struct end {
    int fd;
    gnutls_session_t session;
};

static void die(const char *what, const char *why) {
    fprintf(stderr, "bench_handshake: bare: %s: %s\n", what, why);
    exit(1);
}

static void must(int code, const char *what) {
    if (code < 0)
        die(what, gnutls_strerror(code));
}

static void must_errno(int result, const char *what) {
    if (result < 0)
        die(what, strerror(errno));
}

/* ---- credentials ---- */

static gnutls_certificate_credentials_t load(const char *folder, const char *node, const char *side) {
    gnutls_certificate_credentials_t out = NULL;
    char certificate[PATH_SIZE], key[PATH_SIZE], authority[PATH_SIZE];
    (void)snprintf(certificate, sizeof certificate, "%s/%s/%s.pem", folder, node, side);
    (void)snprintf(key, sizeof key, "%s/%s/%s.key", folder, node, side);
    (void)snprintf(authority, sizeof authority, "%s/%s/ca.pem", folder, node);
    must(gnutls_certificate_allocate_credentials(&out), "credentials");
    must(gnutls_certificate_set_x509_key_file(out, certificate, key, GNUTLS_X509_FMT_PEM), certificate);
    must(gnutls_certificate_set_x509_trust_file(out, authority, GNUTLS_X509_FMT_PEM), authority);
    return out;
}

static int verify(gnutls_session_t session) {
    const char *purpose = gnutls_session_get_ptr(session) != NULL ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)purpose, .size = 0};
    unsigned faults = 0;
    int code = gnutls_certificate_verify_peers(session, &wanted, 1, &faults);
    return code < 0 || faults != 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

/* What comes in our HELLO: a chain that TLS does not show to the dialler. */
static void load_third(struct bare *bare, const char *folder) {
    char certificate[PATH_SIZE], authority[PATH_SIZE];
    gnutls_datum_t pem;
    (void)snprintf(certificate, sizeof certificate, "%s/server/client.pem", folder);
    (void)snprintf(authority, sizeof authority, "%s/server/ca.pem", folder);
    must(gnutls_load_file(certificate, &pem), certificate);
    must(gnutls_pem_base64_decode2("CERTIFICATE", &pem, &bare->third), certificate);
    gnutls_free(pem.data);
    must(gnutls_x509_trust_list_init(&bare->trust, 0), "trust");
    must(gnutls_x509_trust_list_add_trust_file(bare->trust, authority, NULL, GNUTLS_X509_FMT_PEM, 0, 0), authority);
}

static void verify_third(const struct bare *bare) {
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    gnutls_x509_crt_t certificate = NULL;
    unsigned faults = 0;
    must(gnutls_x509_crt_init(&certificate), "certificate");
    must(gnutls_x509_crt_import(certificate, &bare->third, GNUTLS_X509_FMT_DER), "certificate");
    must(gnutls_x509_trust_list_verify_crt2(bare->trust, &certificate, 1, &wanted, 1, 0, &faults, NULL), "chain");
    if (faults != 0)
        die("chain", "it is not good");
    gnutls_x509_crt_deinit(certificate);
}

static gnutls_session_t begin(const struct bare *bare, bool client, int fd) {
    gnutls_session_t session = NULL;
    unsigned side = client ? GNUTLS_CLIENT : GNUTLS_SERVER;
    must(gnutls_init(&session, side | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL), "session");
    must(gnutls_priority_set(session, bare->priorities), "priorities");
    must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, client ? bare->client : bare->server), "credentials");
    if (!client)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    /* Says to `verify` which end it is: any pointer for the client. */
    gnutls_session_set_ptr(session, client ? (void *)(uintptr_t)bare : NULL);
    gnutls_session_set_verify_function(session, verify);
    gnutls_transport_set_int(session, fd);
    return session;
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void set_options(int fd, bool blocking) {
    int on = 1;
    must_errno(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    if (!blocking)
        must_errno(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
}

static int dial(const struct bare *bare, bool blocking) {
    struct sockaddr_in address = loopback(bare->port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must_errno(fd, "socket");
    must_errno(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    set_options(fd, blocking);
    return fd;
}

static int take(const struct bare *bare, bool blocking) {
    int fd = accept(bare->listener, NULL, NULL);
    must_errno(fd, "accept");
    set_options(fd, blocking);
    return fd;
}

void bare_open(struct bare *bare, const char *folder, const char *priorities) {
    char path[PATH_SIZE];
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    (void)snprintf(path, sizeof path, "%s/client/client.pem", folder);
    bare->server = load(folder, "server", "server");
    bare->client = load(folder, access(path, R_OK) == 0 ? "client" : "n0000", "client");
    load_third(bare, folder);
    must(gnutls_priority_init(&bare->priorities, priorities, NULL), priorities);
    bare->listener = socket(AF_INET, SOCK_STREAM, 0);
    must_errno(bare->listener, "socket");
    must_errno(bind(bare->listener, (struct sockaddr *)&address, length), "bind");
    must_errno(listen(bare->listener, BACKLOG), "listen");
    must_errno(getsockname(bare->listener, (struct sockaddr *)&address, &length), "getsockname");
    bare->port = ntohs(address.sin_port);
}

void bare_close(struct bare *bare) {
    close(bare->listener);
    gnutls_certificate_free_credentials(bare->server);
    gnutls_certificate_free_credentials(bare->client);
    gnutls_priority_deinit(bare->priorities);
    gnutls_x509_trust_list_deinit(bare->trust, 1);
    gnutls_free(bare->third.data);
}

/* ---- both ends in turn ---- */

static bool step(struct end *end) {
    int code = gnutls_handshake(end->session);
    if (code < 0 && gnutls_error_is_fatal(code))
        must(code, "handshake");
    return code == 0;
}

static void finish(struct end *end) {
    uint8_t byte;
    ssize_t got = gnutls_record_recv(end->session, &byte, sizeof byte); /* the other's close_notify is there */
    if (got != 0)
        die("the end", got < 0 ? gnutls_strerror((int)got) : "bytes that nobody sent");
    gnutls_deinit(end->session);
    close(end->fd);
}

void bare_shake(struct bare *bare) {
    struct end client = {.fd = dial(bare, false)}, server = {.fd = take(bare, false)};
    client.session = begin(bare, true, client.fd);
    server.session = begin(bare, false, server.fd);
    for (bool client_done = false, server_done = false; !client_done || !server_done;) {
        client_done = client_done || step(&client);
        server_done = server_done || step(&server);
    }
    verify_third(bare);
    must(gnutls_bye(client.session, GNUTLS_SHUT_WR), "bye");
    must(gnutls_bye(server.session, GNUTLS_SHUT_WR), "bye");
    finish(&server);
    finish(&client);
}

/* ---- one end ---- */

static void hold(const struct bare *bare, bool client, int fd) {
    gnutls_session_t session = begin(bare, client, fd);
    int code;
    do
        code = gnutls_handshake(session);
    while (code < 0 && !gnutls_error_is_fatal(code));
    must(code, "handshake");
}

void bare_dial(struct bare *bare) {
    hold(bare, true, dial(bare, true));
}

void bare_accept(struct bare *bare) {
    hold(bare, false, take(bare, true));
}
