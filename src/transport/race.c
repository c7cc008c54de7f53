#include "transport/race.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/socket.h"

enum attempt_state { WAITS, CONNECTS, OVER };

struct sl_race_attempt {
    struct sl_race_attempt *next;
    struct sl_race *race;
    size_t name;
    union sl_socket_address address;
    enum attempt_state state;
    int fd; /* while it connects */
    struct event connected;
};

static enum sl_status schedule(struct sl_race *race, int milliseconds) {
    const struct timeval wait = {.tv_usec = milliseconds * 1000};
    return event_add(&race->step, &wait) == 0 ? SL_OK : SL_NO_MEMORY;
}

/* ---- attempts ---- */

static struct sl_race_attempt *find_waiting(const struct sl_race *race, int not_family) {
    struct sl_race_attempt *attempt = race->attempts;
    while (attempt != NULL && (attempt->state != WAITS || attempt->address.any.sa_family == not_family))
        attempt = attempt->next;
    return attempt;
}

static struct sl_race_attempt *choose(const struct sl_race *race) {
    struct sl_race_attempt *other_family = find_waiting(race, race->family);
    return other_family != NULL ? other_family : find_waiting(race, AF_UNSPEC);
}

static void stop_connecting(struct sl_race_attempt *attempt, enum attempt_state state) {
    (void)event_del(&attempt->connected);
    attempt->race->connecting--;
    attempt->state = state;
}

static void win(struct sl_race_attempt *winner) {
    struct sl_race *race = winner->race;
    int fd = winner->fd;
    stop_connecting(winner, OVER);
    (void)event_del(&race->step);
    for (struct sl_race_attempt *other = race->attempts; other != NULL; other = other->next) {
        if (other->state != CONNECTS)
            continue;
        stop_connecting(other, WAITS);
        (void)close(other->fd);
    }
    race->handlers.won(race->handlers.context, fd, winner->name, &winner->address);
}

/* From the loop. Where not even the loop can be asked to come back, this is the end. */
static void go_on_after(struct sl_race *race, const struct sl_race_attempt *attempt, enum sl_status status,
                        const char *reason) {
    race->handlers.failed(race->handlers.context, attempt->name, &attempt->address, status, reason);
    if (schedule(race, 0) == SL_OK)
        return;
    sl_race_stop(race);
    race->handlers.over(race->handlers.context);
}

static void lose(struct sl_race_attempt *attempt, enum sl_status status, const char *reason) {
    struct sl_race *race = attempt->race;
    stop_connecting(attempt, OVER);
    (void)close(attempt->fd);
    go_on_after(race, attempt, status, reason);
}

static void handle_connected(evutil_socket_t fd, short what, void *context) {
    struct sl_race_attempt *attempt = context;
    int failure = 0;
    socklen_t length = sizeof failure;
    if ((what & EV_WRITE) == 0) { /* a process that was held up may see both at once */
        lose(attempt, SL_TIMEOUT, "no answer");
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
        failure = errno;
    if (failure == 0)
        win(attempt);
    else
        lose(attempt, SL_NETWORK, strerror(failure));
}

/* False with errno set: it did not even begin. */
static bool begin(struct sl_race_attempt *attempt) {
    struct sl_race *race = attempt->race;
    race->family = attempt->address.any.sa_family;
    attempt->state = OVER;
    attempt->fd = socket(race->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attempt->fd < 0)
        return false;
    int result = connect(attempt->fd, &attempt->address.any, sl_socket_address_size(&attempt->address));
    int failure = result == 0 || errno == EINPROGRESS ? 0 : errno;
    (void)event_assign(&attempt->connected, race->base, attempt->fd, EV_WRITE, handle_connected, attempt);
    if (failure == 0 && event_add(&attempt->connected, &race->patience) != 0)
        failure = ENOMEM;
    if (failure != 0) {
        (void)close(attempt->fd);
        errno = failure;
        return false;
    }
    attempt->state = CONNECTS;
    race->connecting++;
    return true;
}

/* ---- the order ---- */

static void handle_step(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_race *race = context;
    struct sl_race_attempt *next = race->connecting < SL_RACE_AT_ONCE ? choose(race) : NULL;
    if (next != NULL && !begin(next)) {
        int failure = errno;
        go_on_after(race, next, sl_status_from_errno(failure), strerror(failure));
    } else if (next != NULL && choose(race) != NULL) {
        (void)schedule(race, SL_RACE_DELAY_MILLISECONDS); /* without memory: when this attempt has failed */
    } else if (race->connecting == 0) {
        race->handlers.over(race->handlers.context);
    }
}

enum sl_status sl_race_go(struct sl_race *race) {
    if (race->connecting == 0)
        return schedule(race, 0);
    if (!event_pending(&race->step, EV_TIMEOUT, NULL))
        (void)schedule(race, SL_RACE_DELAY_MILLISECONDS);
    return SL_OK;
}

void sl_race_skip(struct sl_race *race, size_t name) {
    for (struct sl_race_attempt *attempt = race->attempts; attempt != NULL; attempt = attempt->next) {
        if (attempt->name == name && attempt->state == WAITS)
            attempt->state = OVER;
    }
}

void sl_race_stop(struct sl_race *race) {
    for (struct sl_race_attempt *attempt = race->attempts; attempt != NULL; attempt = attempt->next) {
        if (attempt->state == CONNECTS) {
            stop_connecting(attempt, OVER);
            (void)close(attempt->fd);
        }
        attempt->state = OVER;
    }
}

/* ---- the list ---- */

static bool is_equal(const union sl_socket_address *a, const union sl_socket_address *b) {
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

enum sl_status sl_race_add(struct sl_race *race, size_t name, const union sl_socket_address *address) {
    struct sl_race_attempt **place = NULL;
    if (race->count >= SL_RACE_ATTEMPTS_MAX)
        return SL_OK;
    for (struct sl_race_attempt **at = &race->attempts;; at = &(*at)->next) {
        if (place == NULL && (*at == NULL || (*at)->name > name))
            place = at;
        if (*at == NULL)
            break;
        if (is_equal(&(*at)->address, address))
            return SL_OK;
    }
    struct sl_race_attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL)
        return SL_NO_MEMORY;
    attempt->race = race;
    attempt->name = name;
    attempt->address = *address;
    attempt->next = *place;
    *place = attempt;
    race->count++;
    return SL_OK;
}

void sl_race_init(struct sl_race *race, struct event_base *base, struct timeval patience,
                  const struct sl_race_handlers *handlers) {
    *race = (struct sl_race){.base = base, .handlers = *handlers, .patience = patience};
    (void)event_assign(&race->step, base, -1, 0, handle_step, race);
}

void sl_race_finish(struct sl_race *race) {
    (void)event_del(&race->step);
    while (race->attempts != NULL) {
        struct sl_race_attempt *attempt = race->attempts;
        race->attempts = attempt->next;
        if (attempt->state == CONNECTS) {
            (void)event_del(&attempt->connected);
            (void)close(attempt->fd);
        }
        free(attempt);
    }
    race->count = race->connecting = 0;
}
