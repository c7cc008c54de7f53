/* Host names to socket addresses: names on worker threads, several at once, since one that does not resolve takes
 * seconds; literals at once. */
#ifndef SL_TRANSPORT_RESOLVER_H
#define SL_TRANSPORT_RESOLVER_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/address.h"
#include "transport/transport.h"

enum { SL_RESOLVED_MAX = 16 }; /* addresses of one name; further ones are not looked at */

struct sl_resolver;
struct sl_lookup;

/* An IP address as the resolver gives it. */
union sl_socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};
socklen_t sl_socket_address_size(const union sl_socket_address *address);

/* False: `address` is a name. */
bool sl_resolve_literal(union sl_socket_address *out, const struct sl_address *address);

/* `function` is copied; NULL: getaddrinfo. No thread is started before the first lookup. */
SL_MUST_USE enum sl_status sl_resolver_create(struct sl_resolver **out, struct event_base *base,
                                              const struct sl_resolve_function *function);
/* A name that is being resolved is not waited for: without an answer from DNS that takes half a minute, and cannot be
 * stopped. Its thread ends by itself, and until then uses the function and nothing else of ours. Accepts NULL. */
void sl_resolver_destroy(struct sl_resolver *resolver);

/* `done` is called from the loop, never from within this call, with the addresses in the order of RFC 6724 or, of none,
 * the problem. The lookup is gone after it. */
typedef void sl_resolved(void *context, const union sl_socket_address *found, size_t count, const char *problem);
SL_MUST_USE enum sl_status sl_resolver_look_up(struct sl_resolver *resolver, struct sl_lookup **out,
                                               const struct sl_address *address, sl_resolved *done, void *context);
/* `done` is not called any more. */
void sl_lookup_abandon(struct sl_lookup *lookup);

#endif
