#include "identity/revocation.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { CRL_FILE_MAX = 16 << 20 };

static const char pem_name[] = "X509 CRL";
static const char pem_begin[] = "-----BEGIN X509 CRL-----";

/* ---- the file ---- */

/* A list by one of ours, with a false signature, is a mistake or an attack; one by a name that we do not know may be by
 * an intermediate authority that we see later. */
static enum sl_status check_issuer(struct sl_revocation_list *list, const struct sl_certificates *authorities,
                                   struct sl_error *error) {
    bool named = false;
    for (unsigned i = 0; authorities != NULL && i < authorities->count; i++) {
        if (sl_revocation_list_is_of(list, authorities->items[i]))
            return SL_OK;
        named |= sl_revocation_list_names(list, authorities->items[i]);
    }
    if (!named)
        return SL_OK;
    return sl_error_set(error, SL_UNTRUSTED, "the revocation list of %s is not signed by that authority",
                        sl_revocation_list_issuer(list));
}

/* Where two of one issuer are in the file the newer one counts. */
static enum sl_status add_der(struct sl_revocations *lists, struct sl_bytes der,
                              const struct sl_certificates *authorities, struct sl_error *error) {
    struct sl_revocation_list *list;
    enum sl_status status = sl_revocation_list_create(&list, der, error);
    if (status != SL_OK)
        return status;
    status = check_issuer(list, authorities, error);
    if (status == SL_OK)
        status = sl_revocations_add(lists, list, error);
    sl_revocation_list_unref(list);
    return status == SL_EXISTS ? SL_OK : status;
}

static enum sl_status add_pem(struct sl_revocations *lists, const char *text, const struct sl_certificates *authorities,
                              struct sl_error *error) {
    enum sl_status status = SL_OK;
    while (status == SL_OK && (text = strstr(text, pem_begin)) != NULL) {
        const gnutls_datum_t pem = {(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
        gnutls_datum_t der = {NULL, 0};
        int code = gnutls_pem_base64_decode2(pem_name, &pem, &der);
        status = code < 0 ? sl_gnutls_error(error, SL_FORMAT, code, "a revocation list")
                          : add_der(lists, (struct sl_bytes){der.data, der.size}, authorities, error);
        gnutls_free(der.data);
        text += sizeof pem_begin - 1;
    }
    return status;
}

enum sl_status sl_revocations_read(struct sl_revocations *lists, const char *path,
                                   const struct sl_certificates *authorities, struct sl_error *error) {
    enum { DER_SEQUENCE = 0x30 };
    struct sl_buffer file = {0};
    enum sl_status status = sl_file_read(&file, path, CRL_FILE_MAX, error);
    if (status == SL_OK) {
        if (file.length > 0 && file.data[0] == DER_SEQUENCE)
            status = add_der(lists, (struct sl_bytes){file.data, file.length}, authorities, error);
        else if (strstr((const char *)file.data, pem_begin) == NULL)
            status = sl_error_set(error, SL_FORMAT, "no revocation list in PEM (%s)", pem_begin);
        else
            status = add_pem(lists, (const char *)file.data, authorities, error);
        if (status != SL_OK)
            status = sl_error_wrap(error, status, "%s", path);
    }
    sl_buffer_finish(&file);
    return status;
}

enum sl_status sl_revocations_read_some(struct sl_revocations *lists, const char *path, struct sl_error *error) {
    struct sl_buffer file = {0};
    if (access(path, F_OK) != 0)
        return SL_OK;
    enum sl_status status = sl_file_read(&file, path, CRL_FILE_MAX, error);
    if (status == SL_OK) {
        status = add_pem(lists, (const char *)file.data, NULL, error);
        if (status != SL_OK)
            status = sl_error_wrap(error, status, "%s", path);
    }
    sl_buffer_finish(&file);
    return status;
}

static enum sl_status append_pem(struct sl_buffer *text, const struct sl_revocation_list *list,
                                 struct sl_error *error) {
    const gnutls_datum_t der = sl_datum(sl_revocation_list_der(list));
    gnutls_datum_t pem = {NULL, 0};
    int code = gnutls_pem_base64_encode2(pem_name, &der, &pem);
    enum sl_status status = SL_OK;
    if (code < 0)
        status = sl_gnutls_error(error, SL_CRYPTO, code, "a revocation list");
    else if (sl_buffer_append(text, pem.data, pem.size) != SL_OK)
        status = sl_error_set(error, SL_NO_MEMORY, "no memory for revocation lists");
    gnutls_free(pem.data);
    return status;
}

enum sl_status sl_revocations_append(const struct sl_revocations *lists, struct sl_buffer *out,
                                     struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < lists->count && status == SL_OK; i++)
        status = append_pem(out, lists->lists[i], error);
    return status;
}

enum sl_status sl_revocations_write(const struct sl_revocations *lists, const char *path, struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = sl_revocations_append(lists, &text, error);
    if (status == SL_OK)
        status = sl_file_replace(path, text.data, text.length, 0644, error);
    sl_buffer_finish(&text);
    return status;
}

/* ---- the set ---- */

void sl_revocations_finish(struct sl_revocations *lists) {
    for (size_t i = 0; i < lists->count; i++)
        sl_revocation_list_unref(lists->lists[i]);
    *lists = (struct sl_revocations){0};
}

void sl_revocations_copy(struct sl_revocations *to, const struct sl_revocations *from) {
    for (size_t i = 0; i < from->count; i++)
        to->lists[to->count++] = sl_revocation_list_ref(from->lists[i]);
}

enum sl_status sl_revocations_add(struct sl_revocations *lists, struct sl_revocation_list *list,
                                  struct sl_error *error) {
    for (size_t i = 0; i < lists->count; i++) {
        if (!sl_revocation_list_same_issuer(lists->lists[i], list))
            continue;
        if (!sl_revocation_list_is_newer(list, lists->lists[i]))
            return sl_error_set(error, SL_EXISTS, "the revocation list of %s is not newer than ours",
                                sl_revocation_list_issuer(list));
        sl_revocation_list_unref(lists->lists[i]);
        lists->lists[i] = sl_revocation_list_ref(list);
        return SL_OK;
    }
    if (lists->count == SL_CRLS_MAX)
        return sl_error_set(error, SL_LIMIT, "more than %d revocation lists", SL_CRLS_MAX);
    lists->lists[lists->count++] = sl_revocation_list_ref(list);
    return SL_OK;
}

struct sl_revocation_list *sl_revocations_find(const struct sl_revocations *lists, gnutls_x509_crt_t issuer) {
    struct sl_revocation_list *found = NULL;
    for (size_t i = 0; i < lists->count; i++)
        if (sl_revocation_list_is_of(lists->lists[i], issuer) &&
            (found == NULL || sl_revocation_list_is_newer(lists->lists[i], found)))
            found = lists->lists[i];
    return found;
}

static enum sl_status refuse_stale(const struct sl_revocation_list *list, struct sl_error *error) {
    char day[SL_DAY_TEXT_SIZE];
    sl_day_text(day, sl_revocation_list_next_update(list));
    return sl_error_set(error, SL_UNTRUSTED,
                        "the revocation list of %s is stale: the next one was due on %s (starling ca crl makes it)",
                        sl_revocation_list_issuer(list), day);
}

static enum sl_status refuse_unknown(gnutls_x509_crt_t issuer, struct sl_error *error) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, issuer);
    return sl_error_set(error, SL_UNTRUSTED,
                        "no revocation list of its issuer %s is known: put one into identity.crl_file (starling ca crl "
                        "makes it), or set identity.crl to if-present",
                        text);
}

static enum sl_status refuse_revoked(gnutls_x509_crt_t certificate, bool leaf, struct sl_error *error) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, certificate);
    return leaf ? sl_error_set(error, SL_UNTRUSTED, "it is revoked")
                : sl_error_set(error, SL_UNTRUSTED, "its issuer %s is revoked", text);
}

enum sl_status sl_revocations_check(const struct sl_revocations *lists, enum sl_requirement needed,
                                    const gnutls_x509_crt_t *path, unsigned count, int64_t now, int64_t *until,
                                    struct sl_error *error) {
    for (unsigned i = 0; i + 1 < count; i++) {
        struct sl_revocation_list *list = sl_revocations_find(lists, path[i + 1]);
        if (list == NULL && needed == SL_REQUIRED)
            return refuse_unknown(path[i + 1], error);
        if (list == NULL)
            continue;
        if (sl_revocation_list_has(list, path[i])) /* even by a stale one */
            return refuse_revoked(path[i], i == 0, error);
        int64_t next = sl_revocation_list_next_update(list);
        if (next < now)
            return refuse_stale(list, error);
        if (next < *until)
            *until = next;
    }
    return SL_OK;
}

static gnutls_x509_crt_t find_issuer(const struct sl_certificates *authorities, gnutls_x509_crt_t certificate) {
    for (unsigned i = 0; i < authorities->count; i++)
        if (authorities->items[i] != certificate &&
            gnutls_x509_crt_check_issuer(certificate, authorities->items[i]) != 0 &&
            gnutls_x509_crt_equals(certificate, authorities->items[i]) == 0)
            return authorities->items[i];
    return NULL;
}

enum sl_status sl_revocations_check_authority(const struct sl_revocations *lists,
                                              const struct sl_certificates *authorities, gnutls_x509_crt_t authority,
                                              struct sl_error *error) {
    for (unsigned i = 0; i < SL_CHAIN_MAX && authority != NULL; i++) { /* two may have certified each other */
        gnutls_x509_crt_t issuer = find_issuer(authorities, authority);
        const struct sl_revocation_list *list = issuer != NULL ? sl_revocations_find(lists, issuer) : NULL;
        if (list != NULL && sl_revocation_list_has(list, authority))
            return refuse_revoked(authority, false, error);
        authority = issuer;
    }
    return SL_OK;
}
