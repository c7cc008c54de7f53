#include "node/expiry.h"

#include <string.h>

#define DAY ((int64_t)86400)

/* When something is to be said next of a thing that ends at `at`, at a time when all before `now` was said. */
static int64_t next_due(const struct sl_expiry *item, int64_t now) {
    static const int64_t ahead[] = {30, 7, 1, 0};
    for (size_t i = item->is_list ? 2 : 0; i < sizeof ahead / sizeof ahead[0]; i++)
        if (item->at - ahead[i] * DAY > now)
            return item->at - ahead[i] * DAY;
    return now + DAY - (now - item->at) % DAY;
}

/* Of a thing that is new: now, where one of its days has passed. */
static int64_t first_due(const struct sl_expiry *item, int64_t now) {
    int64_t first = item->at - (item->is_list ? 1 : 30) * DAY;
    return first > now ? first : now;
}

static int64_t due_of(const struct node_expiries *expiries, const struct sl_expiry *item, int64_t now) {
    for (size_t i = 0; i < expiries->count; i++)
        if (expiries->known[i].item.at == item->at && strcmp(expiries->known[i].item.what, item->what) == 0)
            return expiries->known[i].due;
    return first_due(item, now);
}

void node_expiries_check(struct node_expiries *expiries, const struct sl_expiry *items, size_t count, int64_t now,
                         node_expiry_say *say, void *context) {
    struct node_expiries former = *expiries;
    expiries->count = count < NODE_EXPIRIES_MAX ? count : NODE_EXPIRIES_MAX;
    for (size_t i = 0; i < expiries->count; i++) {
        int64_t due = due_of(&former, &items[i], now);
        if (due <= now) {
            say(context, &items[i], items[i].at - now);
            due = next_due(&items[i], now);
        }
        expiries->known[i].item = items[i];
        expiries->known[i].due = due;
    }
}
