#include "admit/admit.h"

#include <assert.h>
#include <string.h>

/* Whoever reads this file from top to bottom knows who gets in. Each check below is the only one of its kind; each
 * refusal says in one line what was wrong and with which certificate. */

static const char proof_context[] = "starling hello 3"; /* its NUL is signed, too */

static_assert(sizeof proof_context + sizeof(struct sl_admit_binding) + 8 == SL_PROOF_MESSAGE_SIZE,
              "the parts fill the message");

void sl_admit_proof_message(uint8_t out[SL_PROOF_MESSAGE_SIZE], const struct sl_admit_binding *binding, uint64_t boot) {
    memcpy(out, proof_context, sizeof proof_context);
    out += sizeof proof_context;
    memcpy(out, binding->exporter, SL_EXPORTER_SIZE);
    out += SL_EXPORTER_SIZE;
    memcpy(out, binding->accepter_key, SL_KEY_DIGEST_SIZE);
    out += SL_KEY_DIGEST_SIZE;
    memcpy(out, binding->dialler_key, SL_KEY_DIGEST_SIZE);
    out += SL_KEY_DIGEST_SIZE;
    sl_put_u64(out, boot);
}

/* 1. The certificate that the peer showed in TLS is valid for the side that it takes there. */
static enum sl_status check_tls_chain(struct sl_credential **out, const struct sl_identity *self,
                                      const struct sl_admit_request *request, struct sl_error *reason) {
    enum sl_purpose purpose = request->dialled ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT;
    enum sl_status status = sl_identity_check_chain(self, out, purpose, request->tls_chain, request->tls_count, reason);
    return status == SL_OK ? SL_OK : sl_error_wrap(reason, status, "TLS");
}

/* 2. Where we dialled, the outermost certificate serves the host that we dialled: whoever else is in the flock cannot
 * take a node's place on the network. In clear there is no outermost certificate, and nothing stands here for the path
 * but our own settings, which say that it is safe; what travels on it is authenticated all the same. */
static enum sl_status check_host(const struct sl_credential *tls, const struct sl_admit_request *request,
                                 struct sl_error *reason) {
    if (!request->dialled)
        return SL_OK;
    if (request->dialled_host == NULL)
        return sl_error_set(reason, SL_UNTRUSTED, "TLS: it is not known which host was dialled");
    switch (request->security) {
    case SL_SECURITY_MTLS:
        if (sl_credential_serves_host(tls, request->dialled_host))
            return SL_OK;
        return sl_error_set(reason, SL_UNTRUSTED, "TLS: certificate %s: it does not serve the host %s",
                            sl_credential_text(tls), request->dialled_host);
    case SL_SECURITY_TLS:
        if (request->outer_checked)
            return SL_OK;
        return sl_error_set(reason, SL_UNTRUSTED, "outer TLS: not known whether it serves the host %s",
                            request->dialled_host);
    case SL_SECURITY_CLEAR:
        return SL_OK;
    }
    return sl_error_set(reason, SL_UNTRUSTED, "TLS: a connection of no kind");
}

/* 3. The client certificate, whose key signs what the peer says, is valid as a client's. Who dialled has shown it in
 * TLS: step 1 has checked it, and the handshake, that he holds its key in this very session. So his HELLO brings
 * neither chain nor proof, and one that does is refused: what nobody checks, nobody shall send. */
static enum sl_status check_client_chain(struct sl_credential **out, struct sl_credential *tls,
                                         const struct sl_identity *self, const struct sl_admit_request *request,
                                         struct sl_error *reason) {
    const struct sl_delegation *delegation = &request->delegation;
    if (!request->dialled) {
        if (request->hello_count != 0 || request->hello_proof.length != 0 || delegation->key.length != 0 ||
            delegation->signature.length != 0 || delegation->not_after != 0)
            return sl_error_set(reason, SL_MISMATCH, "HELLO: certificate %s: a dialler's brings no chain and no proof",
                                sl_credential_text(tls));
        *out = sl_credential_ref(tls);
        return SL_OK;
    }
    enum sl_status status =
        sl_identity_check_chain(self, out, SL_PURPOSE_CLIENT, request->hello_chain, request->hello_count, reason);
    return status == SL_OK ? SL_OK : sl_error_wrap(reason, status, "HELLO");
}

/* 4. Both are of one node. */
static enum sl_status check_same_node(const struct sl_credential *tls, const struct sl_credential *client,
                                      struct sl_error *reason) {
    if (strcmp(sl_credential_node(tls), sl_credential_node(client)) == 0)
        return SL_OK;
    return sl_error_set(reason, SL_MISMATCH, "HELLO: certificate %s is of %s, that of TLS, %s, of %s",
                        sl_credential_text(client), sl_credential_node(client), sl_credential_text(tls),
                        sl_credential_node(tls));
}

/* 5. HELLO claims no other node and no other flock than the certificates do. (The flock is in their names, which
 * steps 1 and 3 have held against ours.) */
static enum sl_status check_claim(const struct sl_credential *client, const struct sl_identity *self,
                                  const struct sl_admit_request *request, struct sl_error *reason) {
    if (request->hello_node == NULL || !sl_name_is_valid(request->hello_node) || request->hello_flock == NULL ||
        !sl_name_is_valid(request->hello_flock))
        return sl_error_set(reason, SL_MISMATCH, "HELLO: certificate %s: what it claims is not a name",
                            sl_credential_text(client));
    if (strcmp(request->hello_flock, sl_identity_flock(self)) != 0)
        return sl_error_set(reason, SL_MISMATCH, "HELLO: certificate %s: it claims the flock %s, ours is %s",
                            sl_credential_text(client), request->hello_flock, sl_identity_flock(self));
    if (strcmp(request->hello_node, sl_credential_node(client)) != 0)
        return sl_error_set(reason, SL_MISMATCH, "HELLO: it claims to be %s, its certificate %s is of %s",
                            request->hello_node, sl_credential_text(client), sl_credential_node(client));
    return SL_OK;
}

/* 6. It is the node that we wanted, where we wanted one, and never ourselves: neither over a loop in the network nor
 * as a copy of our kit. */
static enum sl_status check_wanted(const struct sl_credential *client, const struct sl_identity *self,
                                   const struct sl_admit_request *request, struct sl_error *reason) {
    const char *node = sl_credential_node(client);
    if (strcmp(node, sl_identity_node(self)) == 0)
        return sl_error_set(reason, SL_MISMATCH, "certificate %s: the peer is %s, which is this node itself",
                            sl_credential_text(client), node);
    if (request->expected_node != NULL && strcmp(node, request->expected_node) != 0)
        return sl_error_set(reason, SL_MISMATCH, "certificate %s: the peer is %s, wanted was %s",
                            sl_credential_text(client), node, request->expected_node);
    return SL_OK;
}

/* 7. Who accepted: the client key lets a key of that node's process speak for it, now and not for long. */
static enum sl_status check_delegation(struct sl_credential *client, const struct sl_identity *self,
                                       const struct sl_admit_request *request, struct sl_error *reason) {
    if (!request->dialled)
        return SL_OK;
    enum sl_status status = sl_identity_check_delegation(self, client, &request->delegation, reason);
    return status == SL_OK ? SL_OK : sl_error_wrap(reason, status, "HELLO's delegation");
}

/* 8. And it holds that key in this very TLS session, between these very certificates: a chain and a delegation that are
 * merely sent, or a proof from elsewhere, prove nothing. */
static enum sl_status check_proof(const struct sl_credential *tls, const struct sl_admit_request *request,
                                  struct sl_error *reason) {
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    struct sl_admit_binding binding;
    if (!request->dialled)
        return SL_OK;
    memcpy(binding.exporter, request->exporter, sizeof binding.exporter);
    memcpy(binding.dialler_key, request->own_key, sizeof binding.dialler_key);
    sl_credential_key_digest(tls, binding.accepter_key);
    sl_admit_proof_message(message, &binding, request->boot);
    enum sl_status status = sl_delegation_verify(&request->delegation, (struct sl_bytes){message, sizeof message},
                                                 request->hello_proof, reason);
    return status == SL_OK ? SL_OK : sl_error_wrap(reason, status, "HELLO's proof");
}

/* 9. It is a member whom this node lets in: on the list where identity.allow has one, and not expelled. */
static enum sl_status check_member(const struct sl_credential *client, const struct sl_identity *self,
                                   const struct sl_admit_request *request, struct sl_error *reason) {
    const char *node = sl_credential_node(client);
    if (!sl_identity_allows(self, node))
        return sl_error_set(reason, SL_UNTRUSTED, "certificate %s: identity.allow does not list %s",
                            sl_credential_text(client), node);
    if (request->expelled != NULL)
        return sl_error_set(reason, SL_UNTRUSTED, "certificate %s: %s is expelled: %s", sl_credential_text(client),
                            node, request->expelled);
    return SL_OK;
}

enum sl_status sl_admit_decide(struct sl_credential **out, const struct sl_identity *self,
                               const struct sl_admit_request *request, struct sl_error *reason) {
    struct sl_credential *tls = NULL, *client = NULL;
    *out = NULL;
    enum sl_status status = check_tls_chain(&tls, self, request, reason);
    if (status == SL_OK)
        status = check_host(tls, request, reason);
    if (status == SL_OK)
        status = check_client_chain(&client, tls, self, request, reason);
    if (status == SL_OK)
        status = check_same_node(tls, client, reason);
    if (status == SL_OK)
        status = check_claim(client, self, request, reason);
    if (status == SL_OK)
        status = check_wanted(client, self, request, reason);
    if (status == SL_OK)
        status = check_delegation(client, self, request, reason);
    if (status == SL_OK)
        status = check_proof(tls, request, reason);
    if (status == SL_OK)
        status = check_member(client, self, request, reason);
    if (status == SL_OK) {
        *out = client;
        client = NULL;
    }
    sl_credential_unref(client);
    sl_credential_unref(tls);
    return status;
}
