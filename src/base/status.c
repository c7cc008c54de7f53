#include <errno.h>
#include <starling/status.h>

const char *sl_status_text(enum sl_status status) {
    switch (status) {
#define SL_STATUS_TEXT(name, text)                                                                                     \
    case SL_##name:                                                                                                    \
        return text;
        SL_STATUS_LIST(SL_STATUS_TEXT)
#undef SL_STATUS_TEXT
    }
    return "unknown status";
}

/* A flat table of the system's own list; what it does not name is an I/O failure. */
enum sl_status sl_status_from_errno(int number) {
    switch (number) {
    case 0:
        return SL_OK;
    case ENOMEM:
        return SL_NO_MEMORY;
    case ENOENT:
    case ENOTDIR:
        return SL_NOT_FOUND;
    case EEXIST:
        return SL_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SL_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* RLIMIT_FSIZE, or more than the file system can hold */
        return SL_DISK_FULL;
    case EMFILE:
    case ENFILE:
    case ENAMETOOLONG:
    case ELOOP:
        return SL_LIMIT;
    case EADDRINUSE:
    case EBUSY:
    case ETXTBSY:
        return SL_IN_USE;
    case ETIMEDOUT:
        return SL_TIMEOUT;
    case EPIPE:
        return SL_CLOSED;
    case ECANCELED:
        return SL_CANCELLED;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case EADDRNOTAVAIL:
    case ENOTCONN:
        return SL_NETWORK;
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return SL_UNSUPPORTED;
    }
    return SL_IO;
}
