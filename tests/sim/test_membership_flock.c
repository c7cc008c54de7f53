/* How a flock finds out who is gone: the bounds are those of the plan for this part, medians of seeds. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <starling/simulate.h>

#include "sim/membership_flock.h"

static double number(const char *line, const char *key) {
    const char *at = strstr(line, key);
    cr_assert_not_null(at, "%s in %s", key, line);
    return strtod(at + strlen(key) + 2, NULL);
}

/* The caller frees it. */
static char *simulate(uint32_t nodes, uint32_t seeds, double hours) {
    struct sl_membership_simulation_options options;
    struct sl_error error = {.status = SL_OK, .text = ""};
    char *line = NULL;
    size_t length;
    sl_membership_simulation_defaults(&options);
    options.nodes = nodes;
    options.seeds = seeds;
    options.hours = hours;
    options.json = true;
    FILE *out = open_memstream(&line, &length);
    cr_assert_not_null(out);
    cr_assert_eq(sl_simulate_membership(&options, out, &error), SL_OK, "%s", error.text);
    fclose(out);
    return line;
}

static void expect(uint32_t nodes, uint32_t seeds, double hours, double crash) {
    char *line = simulate(nodes, seeds, hours);
    cr_expect_leq(number(line, "\"messages_per_node_second"), 2.3, "%s", line);
    cr_expect_leq(number(line, "\"bytes_per_node_second"), 30, "%s", line);
    cr_expect_leq(number(line, "\"crash_known_seconds"), crash, "%s", line);
    cr_expect_leq(number(line, "\"lossy_crash_known_seconds"), crash, "%s", line);
    cr_expect_leq(number(line, "\"join_known_seconds"), 1, "%s", line);
    cr_expect_eq(number(line, "\"false_drops"), 0, "%s", line);
    free(line);
}

Test(membership_flock, of_16) {
    expect(16, 20, 0.5, 6.1);
}

Test(membership_flock, of_100) {
    expect(100, 7, 0.05, 9.8);
}

Test(membership_flock, of_1000) {
    expect(1000, 3, 0.02, 14.6);
}

Test(membership_flock, is_the_same_to_the_byte) {
    char *lines[2] = {simulate(20, 3, 0.1), simulate(20, 3, 0.1)};
    cr_expect_str_eq(lines[0], lines[1]);
    free(lines[0]);
    free(lines[1]);
}

/* Each wrong suspicion is told to everybody, and so is what refutes it: in a flock of any size they must be so rare
 * that this costs nothing beside the pings. Without the probes through others there would be tens of thousands, with
 * one failed period instead of two thousands, with three helpers in the second 20. */
Test(membership_flock, loss_makes_few_suspicions) {
    struct sl_sim_flock *flock = NULL;
    const struct sl_sim_flock_options options = {.nodes = 1000,
                                                 .seed = 1,
                                                 .probe_period = SL_SECOND,
                                                 .delay = 10 * SL_MILLISECOND,
                                                 .jitter = 5 * SL_MILLISECOND,
                                                 .loss = 0.1};
    cr_assert_eq(sl_sim_flock_create(&flock, &options), SL_OK);
    cr_assert_eq(sl_sim_flock_run(flock, 300 * SL_SECOND), SL_OK);
    /* 300,000 probes; 0.19 · (1 − 0.9⁴)³ = 0.0077 of them fail, of those 0.19 · (1 − 0.9⁴)⁶ twice: 0.7 are expected. */
    const struct sl_sim_flock_counts counts = sl_sim_flock_counts(flock);
    cr_expect_leq(counts.suspicions, 5, "%d", (int)counts.suspicions);
    cr_expect_leq((double)counts.messages, 5.0 * 1000 * 300);
    sl_sim_flock_destroy(flock);
}

/* Half of the flock at once. */
Test(membership_flock, many_crashes_at_once_are_all_found) {
    struct sl_sim_flock *flock = NULL;
    const struct sl_sim_flock_options options = {
        .nodes = 40, .seed = 3, .probe_period = SL_SECOND, .delay = 10 * SL_MILLISECOND, .jitter = 5 * SL_MILLISECOND};
    cr_assert_eq(sl_sim_flock_create(&flock, &options), SL_OK);
    cr_assert_eq(sl_sim_flock_run(flock, 10 * SL_SECOND), SL_OK);
    for (uint32_t i = 0; i < 20; i++)
        sl_sim_flock_crash(flock, i);
    for (uint32_t i = 0; i < 20; i++) {
        bool known = false;
        cr_assert_eq(sl_sim_flock_run_until_known(flock, i, 100 * SL_SECOND, &known), SL_OK);
        cr_expect(known, "%u at %.1f s", i, sl_time_to_seconds(sl_sim_flock_now(flock)));
    }
    cr_expect_eq(sl_sim_flock_counts(flock).false_drops, 0);
    sl_sim_flock_destroy(flock);
}
