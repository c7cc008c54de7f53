#include "verdict.h"

#include <criterion/criterion.h>
#include <string.h>

void expect_chain(const struct sl_settings *settings, const struct sl_test_pair *const *pairs, size_t count,
                  const char *reason) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, settings, NULL, &error), SL_OK, "%s", error.text);
    for (size_t i = 0; i < count; i++)
        chain[i] = sl_test_pair_bytes(pairs[i]);
    enum sl_status status = sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, chain, count, &error);
    cr_assert_eq(status, reason == NULL ? SL_OK : SL_UNTRUSTED, "%s", error.text);
    cr_assert(reason == NULL || strstr(error.text, reason) != NULL, "\"%s\" is not in \"%s\"", reason, error.text);
    sl_credential_unref(credential);
    sl_identity_unref(identity);
}
