#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "membership/state.h"

enum sl_status sl_actions_add(struct sl_membership *membership, struct sl_membership_action **out,
                              enum sl_membership_action_type type, const char *node) {
    struct sl_membership_actions *actions = membership->actions;
    enum sl_status status =
        sl_array_reserve(&actions->items, &actions->capacity, actions->count + 1, sizeof *actions->items);
    if (status != SL_OK)
        return status;
    *out = &actions->items[actions->count++];
    **out = (struct sl_membership_action){.type = type};
    memcpy((*out)->node, node, strlen(node) + 1);
    return SL_OK;
}

static void finish_action(struct sl_membership_action *action) {
    sl_roster_finish(&action->roster);
    sl_roster_digest_finish(&action->digest);
    for (size_t i = 0; i < action->address_count; i++)
        free(action->addresses[i]);
    free(action->addresses);
    *action = (struct sl_membership_action){.type = action->type};
}

void sl_actions_drop_last(struct sl_membership *membership) {
    finish_action(&membership->actions->items[--membership->actions->count]);
}

enum sl_status sl_actions_report(struct sl_membership *membership, const char *node, const char *text) {
    struct sl_membership_action *action = NULL;
    enum sl_status status = sl_actions_add(membership, &action, SL_MEMBERSHIP_REPORT, node);
    if (status == SL_OK)
        action->text = text;
    return status;
}

void sl_membership_actions_clear(struct sl_membership_actions *actions) {
    for (size_t i = 0; i < actions->count; i++)
        finish_action(&actions->items[i]);
    actions->count = 0;
}

void sl_membership_actions_finish(struct sl_membership_actions *actions) {
    sl_membership_actions_clear(actions);
    free(actions->items);
    *actions = (struct sl_membership_actions){0};
}
