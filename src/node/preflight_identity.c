/* Certificates, whose they are, how long they are good for, and whether the clock can be believed. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/address.h"
#include "base/clock.h"
#include "node/expiry.h"
#include "node/preflight.h"

enum { DAY = 86400, TIME_SIZE = 32 };

static void format_time(char out[TIME_SIZE], int64_t seconds, const char *format) {
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(out, TIME_SIZE, format, &parts) == 0)
        (void)snprintf(out, TIME_SIZE, "%lld", (long long)seconds);
}

/* ---- the clock ---- */

/* A certificate that was written in the future was not: the clock is behind. */
static const char *written_later(const struct sl_settings *settings, int64_t now) {
    const char *const files[] = {settings->file, settings->identity.ca, settings->identity.server_certificate,
                                 settings->identity.client_certificate, settings->identity.crl_file};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat about;
        if (stat(files[i], &about) == 0 && about.st_mtime > now + DAY)
            return files[i];
    }
    return NULL;
}

static const char clock_advice[] = "set the clock, and keep it by NTP";

static void check_clock(struct preflight *preflight) {
    int64_t now = sl_clock_wall() / SL_SECOND;
    const char *file = written_later(preflight->settings, now);
    char text[TIME_SIZE];
    format_time(text, now, "%Y-%m-%dT%H:%M:%SZ");
    if (file != NULL)
        preflight_warn(preflight, "clock", clock_advice, "it says %s, but %s was written later", text, file);
    else
        preflight_ok(preflight, "clock", "%s", text);
}

/* ---- dates ---- */

/* As a running node warns: certificates 30 days ahead; lists are renewed as a matter of course, of them the last day.
 */
static void tell_expiry(struct preflight *preflight, const struct sl_expiry *item, int64_t now) {
    char day[TIME_SIZE];
    int64_t left = item->at - now;
    const char *what = item->is_list ? "identity.crl" : "certificate";
    const char *advice =
        item->is_list ? "have the authority make a new one: starling ca crl" : "have it renewed: starling ca renew";
    format_time(day, item->at, "%Y-%m-%d");
    if (left < 0)
        preflight_fail(preflight, what, advice, "%s: it ended on %s", item->what, day);
    else if (left < (item->is_list ? 1 : 30) * DAY)
        preflight_warn(preflight, what, advice, "%s: good until %s, %lld days left", item->what, day,
                       (long long)(left / DAY));
    else
        preflight_ok(preflight, what, "%s: good until %s, %lld days left", item->what, day, (long long)(left / DAY));
}

static void tell_expiries(struct preflight *preflight) {
    struct sl_expiry items[NODE_EXPIRIES_MAX];
    size_t count = sl_identity_expiries(preflight->identity, items, NODE_EXPIRIES_MAX);
    for (size_t i = 0; i < count; i++)
        tell_expiry(preflight, &items[i], sl_clock_wall() / SL_SECOND);
}

/* ---- names ---- */

/* Whether anybody who dials an advertised address may meet a proxy there instead of this node. */
static bool has_proxy(const struct sl_settings *settings) {
    for (size_t i = 0; i < settings->transport.listen.count; i++) {
        if (settings->transport.listen.items[i].proxy)
            return true;
    }
    return false;
}

static void check_host(struct preflight *preflight, const struct sl_credential *credential, size_t index) {
    const struct sl_settings *settings = preflight->settings;
    static const char advice[] = "have it renewed with that --host, or correct transport.advertise";
    struct sl_error error = {.status = SL_OK};
    struct sl_address address;
    char what[64];
    (void)snprintf(what, sizeof what, "transport.%s[%zu]",
                   settings->transport.advertise.count > 0 ? "advertise" : "listen", index);
    if (sl_address_parse(&address, preflight_address(settings, index), &error) != SL_OK)
        preflight_fail(preflight, what, "", "%s", error.text);
    else if (sl_credential_serves_host(credential, address.host))
        preflight_ok(preflight, what, "%s is in the server certificate", address.host);
    else if (has_proxy(settings))
        preflight_warn(preflight, what, "well where a proxy answers there; else have it renewed with that --host",
                       "%s is not in the server certificate", address.host);
    else
        preflight_fail(preflight, what, advice, "%s is not in the server certificate, so nobody could connect",
                       address.host);
}

/* Others check the host that they dial against the server certificate, so it must be there. */
static void check_hosts(struct preflight *preflight) {
    const struct sl_settings *settings = preflight->settings;
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential = NULL;
    struct sl_error error = {.status = SL_OK};
    size_t count = sl_identity_chain(preflight->identity, SL_PURPOSE_SERVER, chain);
    if (sl_identity_check_chain(preflight->identity, &credential, SL_PURPOSE_SERVER, chain, count, &error) != SL_OK) {
        preflight_fail(preflight, "identity.server_certificate", "", "%s", error.text);
        return;
    }
    for (size_t i = 0; i < preflight_address_count(settings); i++) {
        if (preflight_address(settings, i)[0] != '\0')
            check_host(preflight, credential, i);
    }
    sl_credential_unref(credential);
}

void preflight_identity(struct preflight *preflight) {
    const struct sl_settings *settings = preflight->settings;
    struct sl_error error = {.status = SL_OK};
    check_clock(preflight);
    enum sl_status status = sl_identity_load(&preflight->identity, settings, preflight->options->prompt, &error);
    if (status != SL_OK) {
        bool is_early = strstr(error.text, "not valid before") != NULL;
        preflight_fail(preflight, "identity", is_early ? clock_advice : "", "%s%s", error.text,
                       is_early ? ": or is this machine's clock behind?" : "");
        return;
    }
    preflight_ok(preflight, "identity", "keys and certificates are those of node %s of flock %s",
                 sl_identity_node(preflight->identity), sl_identity_flock(preflight->identity));
    const char *warning = sl_identity_warning(preflight->identity);
    if (warning != NULL)
        preflight_warn(preflight, "identity", "", "%s", warning);
    tell_expiries(preflight);
    check_hosts(preflight);
    if (settings->identity.allow.count > 0)
        preflight_ok(preflight, "identity.allow", "%zu nodes are let in", settings->identity.allow.count);
}
