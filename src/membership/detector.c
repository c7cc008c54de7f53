#include "membership/detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
    DIRECT = 4, /* tenths of a period that the member itself has to answer */
    FAILURES = 2,
    CHECKERS = 8, /* of a suspicion, in the whole flock */
    DEAF_MAX = 3, /* probes that only helpers saw answered, until the connection is given up */
    FAVOURS_MAX = 64,
    FAVOURS_EACH = 8 /* of one who asks */
};

struct sl_detector_candidate {
    uint32_t member;
    bool linked;
    uint8_t deaf;
    sl_time heard;
};

struct sl_detector_probe {
    uint32_t member;
    uint8_t failures;
    uint8_t asked, refused; /* helpers; of them, those that got no answer */
    uint32_t helpers[SL_DETECTOR_HELPERS_MOST];
    bool has_asked;
    sl_time began;   /* of the first failed period */
    sl_time started; /* of this period */
};

struct sl_detector_favour {
    uint32_t member, asker;
    sl_time until;
};

struct sl_suspicion {
    uint32_t member;
    uint32_t accusers[SL_DETECTOR_ACCUSERS];
    uint8_t accuser_count;
    sl_time since;
};

void sl_detector_init(struct sl_detector *detector, const struct sl_detector_options *options, sl_time now) {
    *detector = (struct sl_detector){.options = *options, .due = SL_NEVER};
    sl_random_init(&detector->random, options->seed, options->stream);
    /* Nodes that start together do not probe together. */
    detector->tick = now + (sl_time)sl_random_below(&detector->random, (uint64_t)options->probe_period);
}

void sl_detector_finish(struct sl_detector *detector) {
    free(detector->actions);
    free(detector->candidates);
    free(detector->probes);
    free(detector->favours);
    free(detector->suspicions);
    *detector = (struct sl_detector){0};
}

/* ---- lists ---- */

static sl_time period(const struct sl_detector *detector) {
    return detector->options.probe_period * (1 + (sl_time)detector->health);
}

static enum sl_status act(struct sl_detector *detector, enum sl_detector_action_type type, uint32_t member,
                          uint32_t peer, bool answers) {
    enum sl_status status = sl_array_reserve(&detector->actions, &detector->action_capacity, detector->action_count + 1,
                                             sizeof *detector->actions);
    if (status == SL_OK)
        detector->actions[detector->action_count++] =
            (struct sl_detector_action){.type = type, .member = member, .peer = peer, .answers = answers};
    return status;
}

static struct sl_detector_candidate *find_candidate(const struct sl_detector *detector, uint32_t member) {
    for (size_t i = 0; i < detector->candidate_count; i++) {
        if (detector->candidates[i].member == member)
            return &detector->candidates[i];
    }
    return NULL;
}

static struct sl_detector_probe *find_probe(const struct sl_detector *detector, uint32_t member) {
    for (size_t i = 0; i < detector->probe_count; i++) {
        if (detector->probes[i].member == member)
            return &detector->probes[i];
    }
    return NULL;
}

static struct sl_suspicion *find_suspicion(const struct sl_detector *detector, uint32_t member) {
    for (size_t i = 0; i < detector->suspicion_count; i++) {
        if (detector->suspicions[i].member == member)
            return &detector->suspicions[i];
    }
    return NULL;
}

static void end_probe(struct sl_detector *detector, struct sl_detector_probe *probe) {
    *probe = detector->probes[--detector->probe_count];
}

static void swap(struct sl_detector *detector, size_t a, size_t b) {
    struct sl_detector_candidate other = detector->candidates[a];
    detector->candidates[a] = detector->candidates[b];
    detector->candidates[b] = other;
}

/* ---- probes ---- */

static enum sl_status begin_period(struct sl_detector *detector, struct sl_detector_probe *probe, sl_time now) {
    const struct sl_detector_candidate *candidate = find_candidate(detector, probe->member);
    probe->started = now;
    probe->asked = probe->refused = 0;
    probe->has_asked = false;
    if (candidate == NULL || !candidate->linked)
        return SL_OK;
    return act(detector, SL_DETECTOR_PING, probe->member, 0, false);
}

static enum sl_status begin_probe(struct sl_detector *detector, uint32_t member, sl_time now) {
    enum sl_status status = sl_array_reserve(&detector->probes, &detector->probe_capacity, detector->probe_count + 1,
                                             sizeof *detector->probes);
    if (status != SL_OK)
        return status;
    struct sl_detector_probe *probe = &detector->probes[detector->probe_count++];
    *probe = (struct sl_detector_probe){.member = member, .began = now};
    return begin_period(detector, probe, now);
}

/* Some others, each as likely as any: a walk over the candidates from a random place would favour some. */
static enum sl_status ask_helpers(struct sl_detector *detector, struct sl_detector_probe *probe) {
    const size_t most = probe->failures == 0 ? SL_DETECTOR_HELPERS : SL_DETECTOR_HELPERS_MOST;
    uint32_t *chosen = probe->helpers;
    size_t count = 0, seen = 0;
    for (size_t i = 0; i < detector->candidate_count; i++) {
        const struct sl_detector_candidate *candidate = &detector->candidates[i];
        if (!candidate->linked || candidate->member == probe->member ||
            find_suspicion(detector, candidate->member) != NULL)
            continue;
        size_t place = count < most ? count : (size_t)sl_random_below(&detector->random, seen + 1);
        seen++;
        count += count < most;
        if (place < most)
            chosen[place] = candidate->member;
    }
    probe->has_asked = true;
    probe->asked = (uint8_t)count;
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = act(detector, SL_DETECTOR_ASK, probe->member, chosen[i], false);
    return status;
}

static void feel_better(struct sl_detector *detector) {
    detector->health -= detector->health > 0;
}

static void feel_worse(struct sl_detector *detector) {
    detector->health += detector->health < SL_DETECTOR_HEALTH_MAX;
}

static bool accuses(const struct sl_suspicion *suspicion, uint32_t accuser) {
    for (size_t i = 0; i < suspicion->accuser_count; i++) {
        if (suspicion->accusers[i] == accuser)
            return true;
    }
    return false;
}

static enum sl_status accuse(struct sl_detector *detector, uint32_t member, sl_time now) {
    bool counts;
    enum sl_status status = sl_detector_accused(detector, member, detector->options.self, now, &counts);
    return status == SL_OK && counts ? act(detector, SL_DETECTOR_SUSPECT, member, 0, false) : status;
}

/* *ended: there is another probe, or none, in its place. */
static enum sl_status end_period(struct sl_detector *detector, struct sl_detector_probe *probe, sl_time now,
                                 bool *ended) {
    const uint32_t member = probe->member;
    if (probe->asked > 0 && probe->refused == 0)
        feel_worse(detector); /* not even those who live have answered */
    if (probe->failures < FAILURES)
        probe->failures++;
    *ended = probe->failures >= FAILURES && now - probe->began >= detector->options.suspect_after;
    if (!*ended)
        return begin_period(detector, probe, now);
    end_probe(detector, probe);
    return accuse(detector, member, now);
}

/* When the probe is to be looked at again. */
static sl_time probe_due(const struct sl_detector *detector, const struct sl_detector_probe *probe) {
    const struct sl_detector_candidate *candidate = find_candidate(detector, probe->member);
    if (probe->has_asked)
        return probe->started + period(detector);
    return candidate == NULL || !candidate->linked ? probe->started : probe->started + period(detector) / 10 * DIRECT;
}

static enum sl_status step_probes(struct sl_detector *detector, sl_time now) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < detector->probe_count && status == SL_OK;) {
        struct sl_detector_probe *probe = &detector->probes[i];
        bool ended = false;
        if (!probe->has_asked && probe_due(detector, probe) <= now)
            status = ask_helpers(detector, probe);
        else if (probe->has_asked && probe_due(detector, probe) <= now)
            status = end_period(detector, probe, now, &ended);
        else
            i++;
        (void)ended; /* the one that took its place is looked at next */
    }
    return status;
}

/* The next one in turn that is not being probed anyway. */
static enum sl_status step_turn(struct sl_detector *detector, sl_time now) {
    if (now < detector->tick)
        return SL_OK;
    detector->tick = now + period(detector);
    for (size_t tries = 0; tries < detector->candidate_count; tries++) {
        if (detector->turn >= detector->candidate_count)
            detector->turn = 0;
        size_t left = detector->candidate_count - detector->turn;
        swap(detector, detector->turn, detector->turn + (size_t)sl_random_below(&detector->random, left));
        uint32_t member = detector->candidates[detector->turn++].member;
        if (find_probe(detector, member) == NULL)
            return begin_probe(detector, member, now);
    }
    return SL_OK;
}

/* ---- probes for others ---- */

/* Those who wait for that member, or whose time is over where `member` is NULL. */
static enum sl_status answer(struct sl_detector *detector, const uint32_t *member, sl_time now) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < detector->favour_count && status == SL_OK;) {
        const struct sl_detector_favour favour = detector->favours[i];
        if (member != NULL ? favour.member != *member : favour.until > now) {
            i++;
            continue;
        }
        detector->favours[i] = detector->favours[--detector->favour_count];
        status = act(detector, SL_DETECTOR_ANSWER, favour.member, favour.asker, member != NULL);
    }
    return status;
}

static bool may_ask(const struct sl_detector *detector, uint32_t member, uint32_t asker) {
    size_t asked = 0;
    for (size_t i = 0; i < detector->favour_count; i++) {
        if (detector->favours[i].asker == asker && (detector->favours[i].member == member || ++asked == FAVOURS_EACH))
            return false;
    }
    return detector->favour_count < FAVOURS_MAX;
}

enum sl_status sl_detector_asked(struct sl_detector *detector, uint32_t member, uint32_t asker, sl_time now) {
    if (!may_ask(detector, member, asker))
        return SL_OK;
    enum sl_status status = sl_array_reserve(&detector->favours, &detector->favour_capacity, detector->favour_count + 1,
                                             sizeof *detector->favours);
    if (status != SL_OK)
        return status;
    detector->favours[detector->favour_count++] = (struct sl_detector_favour){
        .member = member, .asker = asker, .until = now + detector->options.probe_period / 2};
    return act(detector, SL_DETECTOR_PING, member, 0, false);
}

/* ---- suspicions ---- */

static sl_time suspicion_due(const struct sl_detector *detector, const struct sl_suspicion *suspicion, size_t members) {
    double low = sl_time_to_seconds(detector->options.drop_after) * fmax(1, log10((double)members));
    double most = members < 3 ? 0 : fmin(SL_DETECTOR_ACCUSERS - 1, (double)members - 2);
    double lasts = low;
    if (most > 0) {
        double beside = fmin(most, suspicion->accuser_count - 1);
        lasts = fmax(low, 3 * low - 2 * low * log(beside + 1) / log(most + 1));
    }
    return suspicion->since + sl_time_from_seconds(lasts);
}

static enum sl_status step_suspicions(struct sl_detector *detector, size_t members, sl_time now) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < detector->suspicion_count && status == SL_OK;) {
        struct sl_suspicion *suspicion = &detector->suspicions[i];
        const struct sl_detector_candidate *candidate = find_candidate(detector, suspicion->member);
        if (suspicion_due(detector, suspicion, members) > now) {
            i++;
        } else if (candidate != NULL && candidate->linked && now - candidate->heard < 2 * period(detector)) {
            suspicion->since += period(detector); /* it is for those to drop who don't hear it */
        } else {
            uint32_t member = suspicion->member;
            *suspicion = detector->suspicions[--detector->suspicion_count];
            status = act(detector, SL_DETECTOR_DROP, member, 0, false);
        }
    }
    return status;
}

/* ---- what is told ---- */

enum sl_status sl_detector_watch(struct sl_detector *detector, uint32_t member, bool linked, sl_time now) {
    struct sl_detector_candidate *candidate = find_candidate(detector, member);
    if (candidate == NULL) {
        enum sl_status status = sl_array_reserve(&detector->candidates, &detector->candidate_capacity,
                                                 detector->candidate_count + 1, sizeof *detector->candidates);
        if (status != SL_OK)
            return status;
        candidate = &detector->candidates[detector->candidate_count++];
        *candidate = (struct sl_detector_candidate){.member = member};
    }
    candidate->linked = linked;
    candidate->deaf = 0;
    if (linked)
        sl_detector_heard(detector, member, now);
    return SL_OK;
}

enum sl_status sl_detector_check(struct sl_detector *detector, uint32_t member, sl_time now) {
    if (find_candidate(detector, member) == NULL || find_probe(detector, member) != NULL)
        return SL_OK;
    return begin_probe(detector, member, now);
}

void sl_detector_unwatch(struct sl_detector *detector, uint32_t member) {
    struct sl_detector_candidate *candidate = find_candidate(detector, member);
    struct sl_detector_probe *probe = find_probe(detector, member);
    if (probe != NULL)
        end_probe(detector, probe);
    if (candidate == NULL)
        return;
    size_t index = (size_t)(candidate - detector->candidates);
    if (index < detector->turn) { /* those before `turn` stay those that had theirs */
        swap(detector, index, --detector->turn);
        index = detector->turn;
    }
    detector->candidates[index] = detector->candidates[--detector->candidate_count];
}

void sl_detector_heard(struct sl_detector *detector, uint32_t member, sl_time now) {
    struct sl_detector_candidate *candidate = find_candidate(detector, member);
    struct sl_detector_probe *probe = find_probe(detector, member);
    if (candidate != NULL) {
        candidate->heard = now;
        candidate->deaf = 0;
    }
    (void)answer(detector, &member, now); /* without memory they hear nothing: a failed probe of theirs */
    if (probe == NULL)
        return;
    end_probe(detector, probe);
    feel_better(detector);
}

static bool was_asked(const struct sl_detector_probe *probe, uint32_t helper) {
    for (size_t i = 0; i < probe->asked; i++) {
        if (probe->helpers[i] == helper)
            return true;
    }
    return false;
}

void sl_detector_vouched(struct sl_detector *detector, uint32_t member, uint32_t helper, bool answers) {
    struct sl_detector_candidate *candidate = find_candidate(detector, member);
    struct sl_detector_probe *probe = find_probe(detector, member);
    if (probe == NULL || !was_asked(probe, helper))
        return;
    if (!answers) {
        if (probe->refused < probe->asked)
            probe->refused++;
        return;
    }
    end_probe(detector, probe);
    feel_better(detector);
    if (candidate == NULL || !candidate->linked || ++candidate->deaf < DEAF_MAX)
        return;
    candidate->deaf = 0;
    (void)act(detector, SL_DETECTOR_RELINK, member, 0, false); /* without memory: three probes later */
}

enum sl_status sl_detector_accused(struct sl_detector *detector, uint32_t member, uint32_t accuser, sl_time now,
                                   bool *counts) {
    struct sl_suspicion *suspicion = find_suspicion(detector, member);
    *counts = suspicion == NULL || (suspicion->accuser_count < SL_DETECTOR_ACCUSERS && !accuses(suspicion, accuser));
    if (!*counts)
        return SL_OK;
    bool is_first = suspicion == NULL;
    if (is_first) {
        enum sl_status status = sl_array_reserve(&detector->suspicions, &detector->suspicion_capacity,
                                                 detector->suspicion_count + 1, sizeof *detector->suspicions);
        if (status != SL_OK)
            return status;
        suspicion = &detector->suspicions[detector->suspicion_count++];
        *suspicion = (struct sl_suspicion){.member = member, .since = now};
    }
    suspicion->accusers[suspicion->accuser_count++] = accuser;
    if (!is_first || accuser == detector->options.self || find_candidate(detector, member) == NULL)
        return SL_OK;
    bool is_checker = sl_random_below(&detector->random, detector->candidate_count) < CHECKERS;
    return is_checker ? sl_detector_check(detector, member, now) : SL_OK;
}

bool sl_detector_is_probed(const struct sl_detector *detector, uint32_t member) {
    return find_probe(detector, member) != NULL;
}

bool sl_detector_doubts(const struct sl_detector *detector, uint32_t member) {
    const struct sl_suspicion *suspicion = find_suspicion(detector, member);
    const struct sl_detector_probe *probe = find_probe(detector, member);
    return (probe != NULL && probe->failures > 0) || (suspicion != NULL && accuses(suspicion, detector->options.self));
}

void sl_detector_clear(struct sl_detector *detector, uint32_t member) {
    struct sl_suspicion *suspicion = find_suspicion(detector, member);
    struct sl_detector_probe *probe = find_probe(detector, member);
    if (suspicion != NULL)
        *suspicion = detector->suspicions[--detector->suspicion_count];
    if (probe != NULL)
        end_probe(detector, probe);
}

void sl_detector_doubted(struct sl_detector *detector) {
    feel_worse(detector);
}

/* ---- time ---- */

/* The timer came late: we slept, or had no processor. The others' silence meanwhile says nothing about them. */
static void forgive(struct sl_detector *detector, sl_time now) {
    sl_time late = detector->due == SL_NEVER ? 0 : now - detector->due;
    if (late <= detector->options.probe_period)
        return;
    feel_worse(detector);
    detector->tick += late;
    for (size_t i = 0; i < detector->probe_count; i++) {
        detector->probes[i].began += late;
        detector->probes[i].started += late;
    }
    for (size_t i = 0; i < detector->suspicion_count; i++)
        detector->suspicions[i].since += late;
}

enum sl_status sl_detector_step(struct sl_detector *detector, size_t members, sl_time now) {
    forgive(detector, now);
    detector->due = SL_NEVER;
    enum sl_status status = step_probes(detector, now);
    if (status == SL_OK)
        status = answer(detector, NULL, now);
    if (status == SL_OK)
        status = step_turn(detector, now);
    if (status == SL_OK)
        status = step_suspicions(detector, members, now);
    return status;
}

sl_time sl_detector_next(struct sl_detector *detector, size_t members) {
    sl_time next = detector->candidate_count > 0 ? detector->tick : SL_NEVER;
    for (size_t i = 0; i < detector->probe_count; i++) {
        sl_time due = probe_due(detector, &detector->probes[i]);
        next = due < next ? due : next;
    }
    for (size_t i = 0; i < detector->favour_count; i++)
        next = detector->favours[i].until < next ? detector->favours[i].until : next;
    for (size_t i = 0; i < detector->suspicion_count; i++) {
        sl_time due = suspicion_due(detector, &detector->suspicions[i], members);
        next = due < next ? due : next;
    }
    return detector->due = next;
}
