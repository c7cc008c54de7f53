#include "bare.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static gnutls_certificate_credentials_t make_credentials(const struct sl_test_pair *pair) {
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_allocate_credentials(&credentials);
    if (pair == NULL)
        return credentials;
    gnutls_x509_crt_t certificate;
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_import(certificate, &pair->der, GNUTLS_X509_FMT_DER);
    gnutls_certificate_set_flags(credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH); /* it may be another's */
    gnutls_certificate_set_x509_key(credentials, &certificate, 1, pair->key);
    gnutls_x509_crt_deinit(certificate);
    return credentials;
}

static void read_to_end(struct bare *bare, gnutls_session_t session) {
    uint8_t buffer[16384];
    ssize_t got;
    do {
        got = gnutls_record_recv(session, buffer, sizeof buffer);
        if (got > 0 && bare->received == 0)
            memcpy(bare->first, buffer, (size_t)got < sizeof bare->first ? (size_t)got : sizeof bare->first);
        if (got > 0)
            bare->received += (size_t)got;
    } while (got > 0 || got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    bare->ended_well = got == 0;
    if (got == GNUTLS_E_FATAL_ALERT_RECEIVED)
        bare->alert = (int)gnutls_alert_get(session);
}

static void talk_tls(struct bare *bare, int fd) {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials = make_credentials(bare->pair);
    gnutls_init(&session, (bare->listens ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NO_SIGNAL);
    gnutls_priority_set_direct(session, bare->priorities == NULL ? "NORMAL" : bare->priorities, NULL);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (bare->listens)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_transport_set_int(session, fd);
    do
        bare->handshake = gnutls_handshake(session);
    while (bare->handshake < 0 && gnutls_error_is_fatal(bare->handshake) == 0);
    if (bare->handshake == GNUTLS_E_FATAL_ALERT_RECEIVED)
        bare->alert = (int)gnutls_alert_get(session);
    ssize_t sent = 0;
    for (size_t i = 0; bare->handshake == 0 && i < bare->repeat && sent >= 0; i++)
        sent = gnutls_record_send(session, bare->bytes, bare->length);
    if (bare->handshake == 0 && !bare->cut)
        read_to_end(bare, session);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
}

static void talk_plain(struct bare *bare, int fd) {
    uint8_t buffer[4096];
    ssize_t got = 1;
    for (size_t i = 0; i < bare->repeat && got > 0; i++)
        got = send(fd, bare->bytes, bare->length, MSG_NOSIGNAL);
    if (bare->cut)
        return;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
        bare->received += (size_t)got;
}

static void *run(void *context) {
    struct bare *bare = context;
    int fd = bare->listens ? accept(bare->listener, NULL, NULL) : connect_to(bare->port);
    bare->alert = -1;
    if (fd >= 0 && bare->plain)
        talk_plain(bare, fd);
    else if (fd >= 0)
        talk_tls(bare, fd);
    if (fd >= 0)
        close(fd);
    if (bare->listens)
        close(bare->listener);
    atomic_store(&bare->finished, 1);
    return NULL;
}

static void listen_on_any(struct bare *bare) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    bare->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(bare->listener, (struct sockaddr *)&address, length), 0);
    cr_assert_eq(listen(bare->listener, 4), 0);
    cr_assert_eq(getsockname(bare->listener, (struct sockaddr *)&address, &length), 0);
    bare->port = ntohs(address.sin_port);
}

void bare_start(struct bare *bare) {
    if (bare->listens)
        listen_on_any(bare);
    cr_assert_eq(pthread_create(&bare->thread, NULL, run, bare), 0);
}

void bare_wait(struct bare *bare, struct rig *rig) {
    for (sl_time begin = sl_clock_monotonic(); atomic_load(&bare->finished) == 0;) {
        cr_assert_lt(sl_clock_monotonic() - begin, 60 * SL_SECOND, "the bare peer waits for ever");
        struct timeval little = {.tv_usec = 10000};
        event_base_loopexit(rig->base, &little);
        event_base_loop(rig->base, 0);
    }
    pthread_join(bare->thread, NULL);
    bare->done = 1;
}
