/* Whether a certificate is valid for what was dialled. */
#include <arpa/inet.h>
#include <string.h>

#include "identity/certificate.h"

enum { HOST_TEXT_SIZE = 320 };

/* GnuTLS falls back on the common name where a certificate has no DNS name; here a common name is a node's, not a
 * host's. */
static bool has_dns_name(gnutls_x509_crt_t certificate) {
    gnutls_subject_alt_names_t names;
    if (sl_certificate_alternative_names(&names, certificate) < 0)
        return false;
    gnutls_datum_t name;
    unsigned type;
    bool found = false;
    for (unsigned i = 0; !found && gnutls_subject_alt_names_get(names, i, &type, &name, NULL) >= 0; i++)
        found = type == GNUTLS_SAN_DNSNAME;
    gnutls_subject_alt_names_deinit(names);
    return found;
}

bool sl_certificate_serves_host(gnutls_x509_crt_t certificate, const char *host) {
    char name[HOST_TEXT_SIZE];
    uint8_t address[16];
    size_t length = strcspn(host, "%"); /* fe80::1%eth0: the zone is the dialler's own affair */
    if (length == 0 || length >= sizeof name)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_check_ip(certificate, address, 4, 0) != 0;
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_check_ip(certificate, address, 16, 0) != 0;
    if (host[length] == '%' || !has_dns_name(certificate))
        return false;
    if (name[length - 1] == '.') /* a fully qualified name as people type it */
        name[length - 1] = '\0';
    return gnutls_x509_crt_check_hostname2(certificate, name, GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
}
