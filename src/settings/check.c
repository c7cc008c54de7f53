#include "settings/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "settings/origins.h"
#include "settings/syntax.h"

struct check {
    const struct sl_settings *settings;
    struct sl_problems *problems;
};

/* Whether nothing wrong was said of this setting. */
static bool is_sound(const struct check *check, const char *path) {
    return !sl_settings_origin(check->settings, sl_setting_find(path))->broken;
}

static bool are_sound(const struct check *check, const char *a, const char *b) {
    return is_sound(check, a) && is_sound(check, b);
}

static bool is_given(const struct sl_settings *settings, const char *path) {
    const struct sl_setting_origin *origin = sl_settings_origin(settings, sl_setting_find(path));
    return origin->origin != SL_ORIGIN_DEFAULT || origin->broken;
}

/* Adds a problem with this setting, which stands where the setting was given. */
static void blame(const struct check *check, const char *path, const char *format, ...) SL_PRINTF(3, 4);
static void blame(const struct check *check, const char *path, const char *format, ...) {
    const struct sl_setting_origin *origin = sl_settings_origin(check->settings, sl_setting_find(path));
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sl_problems_add(check->problems, origin->name != NULL ? origin->name : check->settings->file, path, "%s", text);
}

static void check_order(const struct check *check, const char *low_path, double low, const char *high_path,
                        double high) {
    if (are_sound(check, low_path, high_path) && low > high)
        blame(check, low_path, "expected at most %s, which is %g s, found %g", high_path, high, low);
}

static void check_rounds(const struct check *check) {
    const struct sl_settings *settings = check->settings;
    check_order(check, "round.deadline_min", settings->round.deadline_min, "round.deadline_max",
                settings->round.deadline_max);
    check_order(check, "membership.dial_retry_min", settings->membership.dial_retry_min, "membership.dial_retry_max",
                settings->membership.dial_retry_max);
    if (are_sound(check, "round.averaging_rounds", "round.rounds") &&
        settings->round.averaging_rounds > settings->round.rounds)
        blame(check, "round.averaging_rounds", "expected at most round.rounds, which is %llu, found %llu",
              (unsigned long long)settings->round.rounds, (unsigned long long)settings->round.averaging_rounds);
    if (are_sound(check, "mix.stream", "overlay.topology") && settings->mix.stream &&
        strcmp(settings->overlay.topology, "full") != 0)
        blame(check, "mix.stream", "expected false, since overlay.topology is not \"full\", found true");
}

static bool says_nothing(const char *text) {
    struct sl_address address;
    return sl_address_parse(&address, text, NULL) == SL_OK &&
           (strcmp(address.host, "0.0.0.0") == 0 || strcmp(address.host, "::") == 0);
}

static void check_addresses(const struct check *check) {
    const struct sl_string_list *list = &check->settings->transport.advertise;
    if (!are_sound(check, "transport.advertise", "transport.listen"))
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (!says_nothing(list->items[i]))
            continue;
        if (is_given(check->settings, "transport.advertise"))
            blame(check, "transport.advertise", "expected addresses that others can reach, found \"%s\" at %zu",
                  list->items[i], i);
        else
            blame(check, "transport.advertise",
                  "expected the addresses by which others reach this node, since transport.listen[%zu] is \"%s\", "
                  "found nothing",
                  i, list->items[i]);
    }
}

static void check_idx(const struct check *check) {
    const struct sl_settings *settings = check->settings;
    if (is_sound(check, "data.train") && settings->data.train.count != 2)
        blame(check, "data.train", "expected 2 files, images and labels, since data.format is \"idx\", found %zu",
              settings->data.train.count);
    if (is_sound(check, "data.test") && settings->data.test.count != 0 && settings->data.test.count != 2)
        blame(check, "data.test",
              "expected 2 files, images and labels, or none, since data.format is \"idx\", found %zu",
              settings->data.test.count);
}

static void check_no_data(const struct check *check) {
    const struct sl_settings *settings = check->settings;
    if (is_sound(check, "learner.trainer") && settings->learner.trainer != SL_TRAINER_IDLE)
        blame(check, "data.format",
              "expected \"idx\" or \"cifar10\", since learner.trainer is not \"idle\", found "
              "\"none\"");
    if (is_sound(check, "data.train") && settings->data.train.count > 0)
        blame(check, "data.train", "expected no file, since data.format is \"none\", found %zu",
              settings->data.train.count);
    if (is_sound(check, "data.test") && settings->data.test.count > 0)
        blame(check, "data.test", "expected no file, since data.format is \"none\", found %zu",
              settings->data.test.count);
}

static void check_files(const struct check *check) {
    if (!is_sound(check, "data.format"))
        return;
    switch (check->settings->data.format) {
    case SL_SETTING_DATA_NONE:
        check_no_data(check);
        return;
    case SL_SETTING_DATA_IDX:
        check_idx(check);
        return;
    case SL_SETTING_DATA_CIFAR10:
        if (is_sound(check, "data.train") && check->settings->data.train.count == 0)
            blame(check, "data.train", "expected files, since data.format is \"cifar10\", found none");
        return;
    }
}

static void check_parts(const struct check *check) {
    const struct sl_settings *settings = check->settings;
    unsigned long long parts = settings->data.parts;
    if (are_sound(check, "data.part", "data.parts") && settings->data.part >= settings->data.parts)
        blame(check, "data.part", "expected less than data.parts, which is %llu, found %llu", parts,
              (unsigned long long)settings->data.part);
    size_t shares = 0;
    if (are_sound(check, "data.partition", "data.parts") &&
        sl_partition_syntax_is_valid(settings->data.partition, &shares) && shares != 0 && shares != parts)
        blame(check, "data.partition", "expected %llu proportions, one for each of data.parts, found %zu", parts,
              shares);
}

static void check_learner(const struct check *check) {
    const struct sl_settings *settings = check->settings;
    if (are_sound(check, "learner.lanes", "learner.batch") && settings->learner.lanes > settings->learner.batch)
        blame(check, "learner.lanes", "expected at most learner.batch, which is %llu, found %llu",
              (unsigned long long)settings->learner.batch, (unsigned long long)settings->learner.lanes);
}

void sl_settings_check(const struct sl_settings *settings, struct sl_problems *problems) {
    const struct check check = {.settings = settings, .problems = problems};
    check_addresses(&check);
    check_rounds(&check);
    check_learner(&check);
    check_files(&check);
    check_parts(&check);
}

static bool copy_list(struct sl_string_list *to, const struct sl_string_list *from) {
    to->items = calloc(from->count + 1, sizeof *to->items);
    if (to->items == NULL)
        return false;
    for (; to->count < from->count; to->count++) {
        to->items[to->count] = strdup(from->items[to->count]);
        if (to->items[to->count] == NULL)
            return false;
    }
    return true;
}

void sl_settings_derive(struct sl_settings *settings, struct sl_problems *problems) {
    if (!is_given(settings, "round.min_peers_to_start"))
        settings->round.min_peers_to_start = settings->flock.start_nodes - 1;
    if (!is_given(settings, "transport.advertise") &&
        !copy_list(&settings->transport.advertise, &settings->transport.listen))
        sl_problems_note(problems, SL_NO_MEMORY);
}
