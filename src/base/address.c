#include "base/address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63, SHOWN = 80, PORT_MAX = 65535 };

static enum sl_status refuse(struct sl_error *error, const char *text, const char *problem) {
    return sl_error_set(error, SL_FORMAT, "\"%.*s%s\": %s", SHOWN, text, strnlen(text, SHOWN + 1) > SHOWN ? "…" : "",
                        problem);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* One to five digits, no sign, no leading zero. */
static bool parse_port(uint16_t *out, const char *text) {
    size_t length = strnlen(text, 6);
    if (length == 0 || length > 5 || (length > 1 && text[0] == '0'))
        return false;
    uint32_t port = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]))
            return false;
        port = 10 * port + (uint32_t)(text[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= PORT_MAX;
}

/* Labels of letters, digits, "-" and "_" (which resolvers and container networks accept), in lower case. */
static bool lower_label(char *label, size_t length) {
    if (length == 0 || length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = label[i];
        if (c >= 'A' && c <= 'Z')
            label[i] = (char)(c - 'A' + 'a');
        else if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* A DNS name or an IPv4 literal. Whose last label is a number can only be a literal: resolvers read "127.1" and
 * "0x7f.1" in ways that nobody means, so these are refused. */
static bool check_name(char *host) {
    char *label = host;
    for (;;) {
        size_t length = strcspn(label, ".");
        if (!lower_label(label, length))
            return false;
        if (label[length] == '\0')
            break;
        label += length + 1;
    }
    bool is_hexadecimal =
        label[0] == '0' && label[1] == 'x' && strspn(label + 2, "0123456789abcdef") == strlen(label + 2);
    if (!is_hexadecimal && strspn(label, "0123456789") != strlen(label))
        return true;
    struct in_addr literal;
    return inet_pton(AF_INET, host, &literal) == 1;
}

/* Rewrites an IPv6 literal in its one canonical form (RFC 5952). */
static bool check_v6(char host[SL_HOST_MAX + 1]) {
    struct in6_addr literal;
    return inet_pton(AF_INET6, host, &literal) == 1 && inet_ntop(AF_INET6, &literal, host, SL_HOST_MAX + 1) != NULL;
}

enum sl_status sl_address_parse(struct sl_address *out, const char *text, struct sl_error *error) {
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    size_t length = strcspn(host, bracketed ? "]" : ":");
    const char *rest = host + length;
    if (bracketed && *rest == ']')
        rest++;
    else if (bracketed)
        return refuse(error, text, "expected \"]\" after the IPv6 address");
    if (*rest != ':')
        return refuse(error, text, "expected \"host:port\" or \"[v6]:port\"");
    if (!bracketed && strchr(rest + 1, ':') != NULL)
        return refuse(error, text, "an IPv6 address needs brackets: \"[v6]:port\"");
    if (length == 0)
        return refuse(error, text, "the host is missing; every interface is \"0.0.0.0:port\" or \"[::]:port\"");
    struct sl_address address;
    if (length > SL_HOST_MAX)
        return refuse(error, text, "the host is longer than 255 characters");
    if (!parse_port(&address.port, rest + 1))
        return refuse(error, text, "the port is not a number from 0 to 65535");
    memcpy(address.host, host, length);
    address.host[length] = '\0';
    if (bracketed && !check_v6(address.host))
        return refuse(error, text, "what the brackets hold is not an IPv6 address");
    if (!bracketed && !check_name(address.host))
        return refuse(error, text, "the host is neither a DNS name nor an IPv4 address");
    *out = address;
    return SL_OK;
}

void sl_address_format(char out[SL_ADDRESS_SIZE], const struct sl_address *address) {
    const char *format = strchr(address->host, ':') != NULL ? "[%s]:%u" : "%s:%u";
    snprintf(out, SL_ADDRESS_SIZE, format, address->host, (unsigned)address->port);
}
