/* The order matters: capabilities go while prctl and capset may still be called, files before system calls, as the
 * filter leaves no way to a new rule. */
#include "node/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/outputs.h"
#include <starling/node.h>

/* Neither the kernel nor a debugger of the same user gets at the memory with the keys. */
static enum sl_status forbid_dumps(struct sl_error *error) {
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return sl_error_set(error, SL_INTERNAL, "cannot forbid core dumps: %s", strerror(errno));
    return SL_OK;
}

/* A node that runs as root keeps what it may need for its ports and for files of others, and no more. */
static enum sl_status drop_capabilities(struct sl_error *error) {
    enum { WORDS = _LINUX_CAPABILITY_U32S_3 };
    const uint32_t kept =
        UINT32_C(1) << CAP_NET_BIND_SERVICE | UINT32_C(1) << CAP_DAC_OVERRIDE | UINT32_C(1) << CAP_DAC_READ_SEARCH;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct sets[WORDS] = {{0}};
    if (syscall(SYS_capget, &header, sets) != 0)
        return sl_error_set(error, SL_INTERNAL, "cannot read capabilities: %s", strerror(errno));
    uint32_t had = 0;
    for (int i = 0; i < WORDS; i++) {
        had |= sets[i].permitted | sets[i].inheritable;
        sets[i].permitted &= i == 0 ? kept : 0;
        sets[i].effective &= sets[i].permitted;
        sets[i].inheritable = 0;
    }
    if (had != 0 && syscall(SYS_capset, &header, sets) != 0)
        return sl_error_set(error, SL_INTERNAL, "cannot drop capabilities: %s", strerror(errno));
    return SL_OK;
}

static enum sl_status make_outputs(struct sl_confinement *out, const struct sl_settings *settings,
                                   struct sl_error *error) {
    struct node_outputs outputs;
    struct sl_error ignored = {.status = SL_OK}; /* who opens them says why it cannot */
    enum sl_status made = node_outputs_make(&outputs, settings, &ignored);
    (void)made;
    enum sl_status status = node_outputs_entrust(out, &outputs, error);
    node_outputs_finish(&outputs);
    return status;
}

enum sl_status sl_node_confine(struct sl_confinement *out, const struct sl_settings *settings, struct sl_error *error) {
    *out = (struct sl_confinement){.on = settings->node.confine};
    if (!out->on)
        return SL_OK;
    enum sl_status status = forbid_dumps(error);
    if (status == SL_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        status = sl_error_set(error, SL_INTERNAL, "cannot set no_new_privs: %s", strerror(errno));
    if (status == SL_OK)
        status = drop_capabilities(error);
    if (status == SL_OK)
        status = make_outputs(out, settings, error);
    if (status == SL_OK)
        status = confine_files(settings, out->landlock, error);
    if (status == SL_OK)
        status = confine_calls(error);
    if (status == SL_OK)
        return SL_OK;
    node_outputs_settle(out, false);
    out->outputs_process = 0;
    return sl_error_wrap(error, status, "node.confine");
}

void confine_log(const struct sl_confinement *confinement, const struct sl_log *log) {
    if (geteuid() == 0)
        sl_log_line(log, SL_LOG_WARNING, "node", "it runs as root, which it need not: give it a user of its own");
    if (!confinement->on)
        sl_log_line(log, SL_LOG_WARNING, "node", "not confined: node.confine is false");
    else
        sl_log_line(log, SL_LOG_INFO, "node", "confined", SL_TEXT("core_dumps", "off"),
                    SL_BOOLEAN("no_new_privs", true), SL_TEXT("landlock", confinement->landlock),
                    SL_TEXT("seccomp", "on"), SL_BOOLEAN("for_sanitizers", SL_SANITIZED != 0));
}
