/* A kit whose keys are made where they stay. */
#include <stdlib.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/kit.h"
#include "identity/request.h"
#include "identity/stage.h"

/* A key, and its request behind the other one's. */
static enum sl_status make(struct sl_buffer *text, const char *folder, const struct sl_kit_options *options,
                           enum sl_purpose purpose, struct sl_error *error) {
    char *path = sl_path_join(folder, sl_kit_key_file(purpose));
    const struct sl_node_subject subject = {.flock = options->flock,
                                            .node = options->node,
                                            .hosts = options->hosts,
                                            .host_count = options->host_count,
                                            .purpose = purpose};
    gnutls_x509_privkey_t key = NULL;
    gnutls_privkey_t signer = NULL;
    enum sl_status status = path != NULL ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_key_generate(&key, options->key, error);
    if (status == SL_OK)
        status = sl_key_signer(&signer, key, error);
    if (status == SL_OK)
        status = sl_key_write(key, path, options->key_passphrase, error);
    if (status == SL_OK)
        status = sl_request_append(text, key, signer, &subject, error);
    if (signer != NULL)
        gnutls_privkey_deinit(signer);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    free(path);
    return status;
}

/* What an authority would refuse is found here. */
static enum sl_status check(const struct sl_buffer *text, struct sl_error *error) {
    struct sl_request *request = NULL;
    enum sl_status status = sl_request_parse(&request, (const char *)text->data, text->length, error);
    if (status != SL_OK)
        status = sl_error_wrap(error, status, "the request");
    sl_request_destroy(request);
    return status;
}

enum sl_status sl_kit_request(const struct sl_kit_options *options, struct sl_error *error) {
    struct sl_kit_options checked = *options;
    struct sl_stage stage = {0};
    struct sl_buffer text = {0};
    checked.days = 1; /* the authority says how long */
    enum sl_status status = sl_kit_check_options(&checked, error);
    if (status == SL_OK && (options->flock == NULL || !sl_name_is_valid(options->flock)))
        status = sl_error_set(error, SL_USAGE, "%s: not a flock's name: 1 to 63 of a-z, 0-9 and -, not - in front",
                              options->flock != NULL ? options->flock : "");
    if (status == SL_OK)
        status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_stage_open(&stage, options->folder, error);
    for (int purpose = SL_PURPOSE_SERVER; status == SL_OK && purpose <= SL_PURPOSE_CLIENT; purpose++)
        status = make(&text, stage.folder, options, (enum sl_purpose)purpose, error);
    if (status == SL_OK)
        status = check(&text, error);
    if (status == SL_OK)
        status = sl_kit_write(stage.folder, SL_KIT_REQUEST, &text, error);
    if (status == SL_OK)
        status = sl_kit_write_settings(stage.folder, options, options->flock, error);
    if (status == SL_OK)
        status = sl_stage_commit(&stage, error);
    sl_buffer_finish(&text);
    sl_stage_finish(&stage);
    return status;
}
