/* For LD_PRELOAD: what a program says and hears over GnuTLS, in the clear. It stands in front of the calls that carry
 * plaintext and writes one file a session into $STARLING_TAP_FOLDER, 0.tap, 1.tap, …: a list of
 *
 *     u8 kind, u32 length (big-endian), bytes
 *
 * in the order in which the program saw them:
 *
 *     'C' or 'S'   first: this end is TLS client or server; the bytes are the exporter (RFC 5705), 32 of them
 *     'O'          the certificate that this end showed, in DER
 *     'P'          a certificate that the peer showed, in DER, leaf first; as many as there were
 *     '>' '<'      sent, received
 *     ')' '('      close_notify sent, received
 *
 * A session that carries no byte, such as one whose handshake failed, leaves no file. Where the tap itself fails it
 * ends the program: a record with a hole is worse than none. */
#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program is to find these functions before those of the library. */
#define TAP __attribute__((visibility("default")))

static const char EXPORTER_LABEL[] = "EXPORTER-starling-hello";
enum { EXPORTER_SIZE = 32, PATH_SIZE = 4096 };

struct tapped {
    struct tapped *next;
    gnutls_session_t session;
    bool client;
    FILE *file;         /* NULL: no byte so far */
    const void *queued; /* of a send that is to be tried again with (NULL, 0) */
    size_t queued_length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tapped *all;
static unsigned opened;

static void fail(const char *what) {
    (void)fprintf(stderr, "tap: %s\n", what);
    abort();
}

/* Into a variable of a function's type: ISO C has no cast from an object's address to a function's. */
static void find_real(const char *name, void *out) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL)
        fail(name);
    memcpy(out, &symbol, sizeof symbol);
}

/* ---- files; the lock is held ---- */

static void put(const struct tapped *tapped, char kind, const void *data, size_t length) {
    const uint8_t head[5] = {(uint8_t)kind, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                             (uint8_t)length};
    if (fwrite(head, sizeof head, 1, tapped->file) != 1 || (length > 0 && fwrite(data, length, 1, tapped->file) != 1) ||
        fflush(tapped->file) != 0)
        fail("cannot write");
}

static void put_session(const struct tapped *tapped) {
    char exporter[EXPORTER_SIZE];
    if (gnutls_prf_rfc5705(tapped->session, sizeof EXPORTER_LABEL - 1, EXPORTER_LABEL, 0, "", sizeof exporter,
                           exporter) != GNUTLS_E_SUCCESS)
        fail("no exporter");
    put(tapped, tapped->client ? 'C' : 'S', exporter, sizeof exporter);
    const gnutls_datum_t *own = gnutls_certificate_get_ours(tapped->session);
    if (own != NULL)
        put(tapped, 'O', own->data, own->size);
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(tapped->session, &count);
    for (unsigned i = 0; chain != NULL && i < count; i++)
        put(tapped, 'P', chain[i].data, chain[i].size);
}

static void open_file(struct tapped *tapped) {
    const char *folder = getenv("STARLING_TAP_FOLDER");
    char path[PATH_SIZE];
    if (folder == NULL)
        fail("STARLING_TAP_FOLDER is not set");
    int length = snprintf(path, sizeof path, "%s/%u.tap", folder, opened++);
    if (length < 0 || (size_t)length >= sizeof path)
        fail("the folder's name is too long");
    tapped->file = fopen(path, "wbx");
    if (tapped->file == NULL)
        fail(path);
    put_session(tapped);
}

static struct tapped *find(gnutls_session_t session) {
    struct tapped *tapped = all;
    while (tapped != NULL && tapped->session != session)
        tapped = tapped->next;
    if (tapped == NULL)
        fail("an unknown session");
    return tapped;
}

static void note(gnutls_session_t session, char kind, const void *data, size_t length) {
    (void)pthread_mutex_lock(&lock);
    struct tapped *tapped = find(session);
    if (tapped->file == NULL && length > 0)
        open_file(tapped);
    if (tapped->file != NULL)
        put(tapped, kind, data, length);
    (void)pthread_mutex_unlock(&lock);
}

/* ---- in front of GnuTLS ---- */

TAP int gnutls_init(gnutls_session_t *session, unsigned flags) {
    int (*real)(gnutls_session_t *, unsigned);
    find_real("gnutls_init", &real);
    int result = real(session, flags);
    if (result != GNUTLS_E_SUCCESS)
        return result;
    struct tapped *tapped = calloc(1, sizeof *tapped);
    if (tapped == NULL)
        fail("out of memory");
    tapped->session = *session;
    tapped->client = (flags & GNUTLS_CLIENT) != 0;
    (void)pthread_mutex_lock(&lock);
    tapped->next = all;
    all = tapped;
    (void)pthread_mutex_unlock(&lock);
    return result;
}

TAP void gnutls_deinit(gnutls_session_t session) {
    void (*real)(gnutls_session_t);
    find_real("gnutls_deinit", &real);
    (void)pthread_mutex_lock(&lock);
    struct tapped *tapped = find(session);
    struct tapped **link = &all;
    while (*link != tapped)
        link = &(*link)->next;
    *link = tapped->next;
    (void)pthread_mutex_unlock(&lock);
    if (tapped->file != NULL && fclose(tapped->file) != 0)
        fail("cannot close");
    free(tapped);
    real(session);
}

/* After "again" the same bytes are sent by (NULL, 0): they were queued the first time, and count once they are out. */
TAP ssize_t gnutls_record_send(gnutls_session_t session, const void *data, size_t length) {
    ssize_t (*real)(gnutls_session_t, const void *, size_t);
    find_real("gnutls_record_send", &real);
    (void)pthread_mutex_lock(&lock);
    struct tapped *tapped = find(session);
    const void *bytes = data == NULL ? tapped->queued : data;
    size_t count = data == NULL ? tapped->queued_length : length;
    (void)pthread_mutex_unlock(&lock);
    ssize_t result = real(session, data, length);
    bool again = result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
    tapped->queued = again ? bytes : NULL;
    tapped->queued_length = again ? count : 0;
    if (result > 0)
        note(session, '>', bytes, (size_t)result);
    return result;
}

TAP ssize_t gnutls_record_recv(gnutls_session_t session, void *data, size_t length) {
    ssize_t (*real)(gnutls_session_t, void *, size_t);
    find_real("gnutls_record_recv", &real);
    ssize_t result = real(session, data, length);
    if (result >= 0)
        note(session, result == 0 ? '(' : '<', data, (size_t)result);
    return result;
}

TAP int gnutls_bye(gnutls_session_t session, gnutls_close_request_t how) {
    int (*real)(gnutls_session_t, gnutls_close_request_t);
    find_real("gnutls_bye", &real);
    note(session, ')', NULL, 0);
    return real(session, how);
}

/* A program that sends by these would leave holes. */
TAP void gnutls_record_cork(gnutls_session_t session) {
    (void)session;
    fail("gnutls_record_cork is not tapped");
}
