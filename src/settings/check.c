#include "settings/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/origins.h"
#include "settings/syntax.h"

bool sl_check_is_sound(const struct sl_check *check, const char *path) {
    return !sl_settings_origin(check->settings, sl_setting_find(path))->broken;
}

static bool are_sound(const struct sl_check *check, const char *a, const char *b) {
    return sl_check_is_sound(check, a) && sl_check_is_sound(check, b);
}

bool sl_setting_is_given(const struct sl_settings *settings, const char *path) {
    const struct sl_setting_origin *origin = sl_settings_origin(settings, sl_setting_find(path));
    return origin->origin != SL_ORIGIN_DEFAULT || origin->broken;
}

void sl_check_blame(const struct sl_check *check, const char *path, const char *format, ...) {
    char key[SL_SETTING_VARIABLE_SIZE];
    snprintf(key, sizeof key, "%.*s", (int)strcspn(path, "["), path);
    const struct sl_setting_origin *origin = sl_settings_origin(check->settings, sl_setting_find(key));
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sl_problems_add(check->problems, origin->name != NULL ? origin->name : check->settings->file, path, "%s", text);
}

static void check_order(const struct sl_check *check, const char *low_path, double low, const char *high_path,
                        double high) {
    if (are_sound(check, low_path, high_path) && low > high)
        sl_check_blame(check, low_path, "expected at most %s, which is %g s, found %g", high_path, high, low);
}

static void check_rounds(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    check_order(check, "round.deadline_min", settings->round.deadline_min, "round.deadline_max",
                settings->round.deadline_max);
    check_order(check, "membership.dial_retry_min", settings->membership.dial_retry_min, "membership.dial_retry_max",
                settings->membership.dial_retry_max);
    if (are_sound(check, "round.averaging_rounds", "round.rounds") &&
        settings->round.averaging_rounds > settings->round.rounds)
        sl_check_blame(check, "round.averaging_rounds", "expected at most round.rounds, which is %llu, found %llu",
                       (unsigned long long)settings->round.rounds,
                       (unsigned long long)settings->round.averaging_rounds);
    if (are_sound(check, "mix.stream", "overlay.topology") && settings->mix.stream &&
        strcmp(settings->overlay.topology, "full") != 0)
        sl_check_blame(check, "mix.stream", "expected false, since overlay.topology is not \"full\", found true");
    if (are_sound(check, "mix.stream", "mix.codec") && settings->mix.stream && settings->mix.codec != SL_CODEC_F32)
        sl_check_blame(check, "mix.codec", "expected \"f32\", since mix.stream is true, found \"int8\"");
}

static void check_idx(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    if (sl_check_is_sound(check, "data.train") && settings->data.train.count != 2)
        sl_check_blame(check, "data.train",
                       "expected 2 files, images and labels, since data.format is \"idx\", found %zu",
                       settings->data.train.count);
    if (sl_check_is_sound(check, "data.test") && settings->data.test.count != 0 && settings->data.test.count != 2)
        sl_check_blame(check, "data.test",
                       "expected 2 files, images and labels, or none, since data.format is \"idx\", found %zu",
                       settings->data.test.count);
}

static void check_no_data(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    if (sl_check_is_sound(check, "learner.trainer") && settings->learner.trainer != SL_TRAINER_IDLE)
        sl_check_blame(check, "data.format",
                       "expected \"idx\" or \"cifar10\", since learner.trainer is not \"idle\", found "
                       "\"none\"");
    if (sl_check_is_sound(check, "data.train") && settings->data.train.count > 0)
        sl_check_blame(check, "data.train", "expected no file, since data.format is \"none\", found %zu",
                       settings->data.train.count);
    if (sl_check_is_sound(check, "data.test") && settings->data.test.count > 0)
        sl_check_blame(check, "data.test", "expected no file, since data.format is \"none\", found %zu",
                       settings->data.test.count);
}

static void check_files(const struct sl_check *check) {
    if (!sl_check_is_sound(check, "data.format"))
        return;
    switch (check->settings->data.format) {
    case SL_SETTING_DATA_NONE:
        check_no_data(check);
        return;
    case SL_SETTING_DATA_IDX:
        check_idx(check);
        return;
    case SL_SETTING_DATA_CIFAR10:
        if (sl_check_is_sound(check, "data.train") && check->settings->data.train.count == 0)
            sl_check_blame(check, "data.train", "expected files, since data.format is \"cifar10\", found none");
        return;
    }
}

static void check_parts(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    unsigned long long parts = settings->data.parts;
    if (are_sound(check, "data.part", "data.parts") && settings->data.part >= settings->data.parts)
        sl_check_blame(check, "data.part", "expected less than data.parts, which is %llu, found %llu", parts,
                       (unsigned long long)settings->data.part);
    size_t shares = 0;
    if (are_sound(check, "data.partition", "data.parts") &&
        sl_partition_syntax_is_valid(settings->data.partition, &shares) && shares != 0 && shares != parts)
        sl_check_blame(check, "data.partition", "expected %llu proportions, one for each of data.parts, found %zu",
                       parts, shares);
}

static void check_learner(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    if (are_sound(check, "learner.lanes", "learner.batch") && settings->learner.lanes > settings->learner.batch)
        sl_check_blame(check, "learner.lanes", "expected at most learner.batch, which is %llu, found %llu",
                       (unsigned long long)settings->learner.batch, (unsigned long long)settings->learner.lanes);
}

void sl_settings_check(const struct sl_settings *settings, struct sl_problems *problems) {
    const struct sl_check check = {.settings = settings, .problems = problems};
    sl_check_transport(&check);
    check_rounds(&check);
    check_learner(&check);
    check_files(&check);
    check_parts(&check);
}
