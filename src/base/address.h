/* "host:port", "[v6]:port": what people type and nodes advertise. Hosts are DNS names (≤ 255 characters, labels of
 * letters, digits, "-" and "_") or literals. A parsed host is in its one form: lower case, IPv6 as RFC 5952 writes it;
 * so two addresses are equal where host and port are. */
#ifndef SL_BASE_ADDRESS_H
#define SL_BASE_ADDRESS_H

#include <stdint.h>

#include <starling/error.h>

enum { SL_HOST_MAX = 255, SL_ADDRESS_SIZE = SL_HOST_MAX + 10 };

struct sl_address {
    char host[SL_HOST_MAX + 1]; /* without brackets */
    uint16_t port;
};

/* SL_FORMAT for anything else, *out untouched. An IPv6 zone ("%eth0") and IPv4 in any but the dotted form of four
 * numbers are refused. Port 0 is accepted: it means "any free one" where one listens, and is refused by those who dial.
 */
SL_MUST_USE enum sl_status sl_address_parse(struct sl_address *out, const char *text, struct sl_error *error);
/* Writes the canonical form; a host with a colon gets brackets. */
void sl_address_format(char out[SL_ADDRESS_SIZE], const struct sl_address *address);

#endif
