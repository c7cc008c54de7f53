#include "identity/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/pkcs11.h>

#include "crypto/random.h"
#include "identity/certificate.h"

enum { PROMPTS_MAX = 2 };

struct sl_pin {
    struct sl_passphrase_source source; /* file and variable are our copies */
    struct sl_error *error;             /* while the key is loaded: why there is no PIN */
    bool wrong;                         /* the token did not take the one that it got */
    bool told;                          /* `error` says why there was none to give */
};

static int refuse_again(struct sl_pin *pin) {
    pin->wrong = true;
    return GNUTLS_E_PKCS11_PIN_ERROR;
}

static int handle_pin(void *context, int attempt, const char *uri, const char *label, unsigned flags, char *out,
                      size_t size) {
    struct sl_pin *pin = context;
    char what[128], answer[SL_PASSPHRASE_SIZE];
    (void)uri;
    if (attempt > 0 && (!sl_passphrase_is_asked(&pin->source) || attempt >= PROMPTS_MAX))
        return refuse_again(pin);
    if (attempt > 0 && (flags & GNUTLS_PIN_FINAL_TRY) != 0) /* the last one is for its owner, elsewhere */
        return refuse_again(pin);
    (void)snprintf(what, sizeof what, "PIN of the token %.64s", label != NULL ? label : "");
    enum sl_status status = sl_passphrase_get(&pin->source, answer, what, pin->error);
    size_t length = strlen(answer);
    if (status == SL_OK && length >= size)
        status = sl_error_set(pin->error, SL_PERMISSION, "the %s is longer than %zu bytes", what, size - 1);
    if (status == SL_OK)
        memcpy(out, answer, length + 1);
    sl_wipe(answer, sizeof answer);
    pin->told = status != SL_OK;
    return status == SL_OK ? 0 : GNUTLS_E_PKCS11_PIN_ERROR;
}

static char *copy_text(const char *text, bool *failed) {
    if (text == NULL)
        return NULL;
    char *copy = strdup(text);
    *failed |= copy == NULL;
    return copy;
}

static struct sl_pin *create_pin(const struct sl_passphrase_source *source, struct sl_error *error) {
    bool failed = false;
    struct sl_pin *pin = calloc(1, sizeof *pin);
    if (pin == NULL)
        return NULL;
    pin->source = (struct sl_passphrase_source){copy_text(source->file, &failed), copy_text(source->variable, &failed),
                                                source->prompt};
    pin->error = error;
    if (!failed)
        return pin;
    sl_pin_destroy(pin);
    return NULL;
}

void sl_pin_destroy(struct sl_pin *pin) {
    if (pin == NULL)
        return;
    free((char *)(uintptr_t)pin->source.file);
    free((char *)(uintptr_t)pin->source.variable);
    free(pin);
}

static enum sl_status explain(int code, const struct sl_pin *pin, const char *uri, struct sl_error *error) {
    if (code == GNUTLS_E_MEMORY_ERROR)
        return sl_gnutls_error(error, SL_CRYPTO, code, uri);
    if (pin->told)
        return sl_error_wrap(error, SL_PERMISSION, "%s", uri);
    if (pin->wrong || code == GNUTLS_E_PKCS11_PIN_ERROR)
        return sl_error_set(error, SL_PERMISSION, "%s: the token does not take this PIN", uri);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || code == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
        return sl_error_set(error, SL_NOT_FOUND, "%s: no token has such a private key (p11tool --list-tokens)", uri);
    return sl_gnutls_error(error, SL_CRYPTO, code, uri);
}

enum sl_status sl_token_key_load(gnutls_privkey_t *out, struct sl_pin **pin, const char *uri,
                                 const struct sl_passphrase_source *source, struct sl_error *error) {
    *out = NULL;
    *pin = NULL;
    if (strstr(uri, "pin-value") != NULL) /* the URI is in logs and in a file that others may read */
        return sl_error_set(error, SL_SETTINGS,
                            "a PKCS#11 URI with a pin-value: leave the PIN to identity.passphrase_file or "
                            "identity.passphrase_variable");
    *pin = create_pin(source, error);
    if (*pin == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", uri);
    int code = gnutls_privkey_init(out);
    if (code >= 0) {
        gnutls_privkey_set_pin_function(*out, handle_pin, *pin);
        code = gnutls_privkey_import_url(*out, uri, 0);
    }
    enum sl_status status = SL_OK;
    if (code < 0) {
        status = explain(code, *pin, uri, error);
        if (*out != NULL)
            gnutls_privkey_deinit(*out);
        sl_pin_destroy(*pin);
        *out = NULL;
        *pin = NULL;
    } else {
        (*pin)->error = NULL;
        (*pin)->source.prompt = NULL;
    }
    return status;
}
