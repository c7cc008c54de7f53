/* Generations that know newer revocation lists. */
#include <time.h>

#include "identity/generation.h"

static enum sl_status add_list(struct sl_identity *next, struct sl_revocation_list *list, struct sl_error *error) {
    const char *issuer = sl_revocation_list_issuer(list);
    if (!sl_trust_made(next->trust, list))
        return sl_error_set(error, SL_UNTRUSTED, "the revocation list of %s is not by an authority of ours", issuer);
    if (sl_revocation_list_next_update(list) < time(NULL))
        return sl_error_set(error, SL_UNTRUSTED, "the revocation list of %s is stale", issuer);
    enum sl_status status = sl_revocations_add(&next->lists, list, error);
    if (status == SL_OK || status == SL_EXISTS || status == SL_NO_MEMORY)
        return status;
    return sl_error_wrap(error, SL_UNTRUSTED, "the revocation list of %s", issuer);
}

enum sl_status sl_identity_with_crl_file(const struct sl_identity *identity, struct sl_identity **out, const char *path,
                                         struct sl_error *error) {
    struct sl_revocations file = {.count = 0};
    *out = NULL;
    struct sl_identity *next = sl_generation_derive(identity, error);
    if (next == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = sl_revocations_read(&file, path, sl_trust_authorities(identity->trust), error);
    size_t newer = 0;
    for (size_t i = 0; status == SL_OK && i < file.count; i++) {
        if (!sl_trust_made(next->trust, file.lists[i]))
            continue; /* by whom, is not known */
        status = sl_revocations_add(&next->lists, file.lists[i], error);
        newer += status == SL_OK;
        if (status == SL_EXISTS)
            status = SL_OK;
    }
    if (status == SL_OK && newer == 0)
        status = sl_error_set(error, SL_EXISTS, "%s: no newer revocation list", path);
    sl_revocations_finish(&file);
    return sl_generation_conclude(next, out, status, error);
}

enum sl_status sl_identity_with_crl(const struct sl_identity *identity, struct sl_identity **out, struct sl_bytes crl,
                                    struct sl_error *error) {
    *out = NULL;
    struct sl_revocation_list *list;
    enum sl_status status = sl_revocation_list_create(&list, crl, error);
    if (status != SL_OK)
        return status;
    struct sl_identity *next = sl_generation_derive(identity, error);
    status = next == NULL ? SL_NO_MEMORY : add_list(next, list, error);
    sl_revocation_list_unref(list);
    return sl_generation_conclude(next, out, status, error);
}

size_t sl_identity_crls(const struct sl_identity *identity, struct sl_bytes *out, size_t max) {
    size_t count = 0;
    int64_t now = time(NULL);
    for (size_t i = 0; i < identity->lists.count && count < max; i++) {
        struct sl_revocation_list *list = identity->lists.lists[i];
        if (sl_revocation_list_is_verified(list) && sl_revocation_list_next_update(list) >= now)
            out[count++] = sl_revocation_list_der(list);
    }
    return count;
}

enum sl_status sl_identity_save_crls(const struct sl_identity *identity, const char *path, struct sl_error *error) {
    return sl_revocations_write(&identity->lists, path, error);
}
