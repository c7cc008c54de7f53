/* sl_proof_verify: a proof file, without a flock. */
#include <starling/proof.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "crypto/random.h"
#include "exchange/proof.h"
#include "identity/offline.h"

static enum sl_status read_name_from(enum sl_name_from *out, const char *text, struct sl_error *error) {
    static const char *const texts[] = {
        [SL_NAME_FROM_URI] = "uri", [SL_NAME_FROM_CN] = "cn", [SL_NAME_FROM_DNS] = "dns"};
    *out = SL_NAME_FROM_URI;
    for (size_t i = 0; text != NULL && i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(text, texts[i]) == 0) {
            *out = (enum sl_name_from)i;
            return SL_OK;
        }
    }
    return text == NULL ? SL_OK : sl_error_set(error, SL_USAGE, "a name comes from uri, cn or dns, not \"%s\"", text);
}

/* Whose key signed it, and what. */
static enum sl_status check_statement(struct sl_proof_report *report, size_t which,
                                      const struct sl_statement *statement, const struct sl_manifest *manifest,
                                      const struct sl_proof_options *options, struct sl_error *error) {
    struct sl_credential *credential = NULL;
    struct sl_buffer message = {0};
    struct sl_digest digest;
    enum sl_name_from name_from;
    enum sl_status status = read_name_from(&name_from, options->name_from, error);
    if (status == SL_OK)
        status = sl_offline_check(&credential, options->authority, manifest->flock, name_from, statement->chain,
                                  statement->chain_count, error);
    if (status != SL_OK)
        return status;
    if (strcmp(sl_credential_node(credential), manifest->origin) != 0)
        status = sl_error_set(error, SL_MISMATCH, "an update of %s, signed by %s", manifest->origin,
                              sl_credential_text(credential));
    if (status == SL_OK && sl_statement_message(&message, SL_MANIFEST_CONTEXT, statement->body) != SL_OK)
        status = sl_error_set(error, SL_NO_MEMORY, "out of memory");
    if (status == SL_OK)
        status = sl_credential_verify(credential, (struct sl_bytes){message.data, message.length}, statement->signature,
                                      error);
    sl_manifest_payload_digest(&digest, manifest);
    sl_digest_text(report->updates[which].payload, &digest);
    (void)snprintf(report->updates[which].certificate, sizeof report->updates[which].certificate, "%s",
                   sl_credential_text(credential));
    sl_buffer_finish(&message);
    sl_credential_unref(credential);
    return status;
}

static enum sl_status check_proof(struct sl_proof_report *report, const struct sl_proof *proof,
                                  const struct sl_proof_options *options, struct sl_error *error) {
    const struct sl_statement *statements[] = {proof->first, proof->second};
    enum sl_status status = sl_proof_check(proof, NULL, error);
    for (size_t i = 0; i < 2 && status == SL_OK; i++) {
        struct sl_manifest manifest;
        status = sl_manifest_decode(&manifest, statements[i]->body.data, statements[i]->body.length, error);
        if (status != SL_OK)
            break;
        memcpy(report->node, manifest.origin, sizeof report->node);
        memcpy(report->flock, manifest.flock, sizeof report->flock);
        memcpy(report->run, manifest.run, sizeof report->run);
        report->epoch = manifest.epoch;
        report->round = manifest.round;
        report->lineage = manifest.lineage;
        status = check_statement(report, i, statements[i], &manifest, options, error);
        sl_manifest_finish(&manifest);
    }
    return status;
}

enum sl_status sl_proof_verify(struct sl_proof_report *out, const struct sl_proof_options *options,
                               struct sl_error *error) {
    struct sl_buffer bytes = {0};
    struct sl_proof proof;
    *out = (struct sl_proof_report){0};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_file_read(&bytes, options->file, SL_PROOF_MAX, error);
    if (status == SL_OK) {
        status = sl_proof_decode(&proof, bytes.data, bytes.length, error);
        if (status == SL_OK) {
            status = check_proof(out, &proof, options, error);
            sl_proof_finish(&proof);
        }
        if (status != SL_OK)
            sl_error_wrap(error, status, "%s", options->file);
    }
    sl_buffer_finish(&bytes);
    return status;
}
