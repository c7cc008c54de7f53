/* The report of the public call: the same options, the same bytes; other ones, others. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <starling/simulate.h>

static char *report(const struct sl_simulation_options *options, size_t *length) {
    char *text = NULL;
    struct sl_error error = {.status = SL_OK, .text = ""};
    FILE *out = open_memstream(&text, length);
    cr_assert_not_null(out);
    cr_assert_eq(sl_simulate(options, out, &error), SL_OK, "%s", error.text);
    cr_assert_eq(fclose(out), 0);
    return text;
}

static bool same(const struct sl_simulation_options *a, const struct sl_simulation_options *b) {
    size_t length_a, length_b;
    char *text_a = report(a, &length_a), *text_b = report(b, &length_b);
    bool same = length_a == length_b && memcmp(text_a, text_b, length_a) == 0;
    free(text_a);
    free(text_b);
    return same;
}

Test(simulate, is_the_same_to_the_bit_and_depends_on_the_seed) {
    struct sl_simulation_options options;
    sl_simulation_defaults(&options);
    options.rounds = 20;
    options.loss = 0.1;
    struct sl_simulation_options other = options;
    cr_expect(same(&options, &other));
    other.seed = 2;
    cr_expect(!same(&options, &other));
}

Test(simulate, a_thousand_nodes_are_the_same_to_the_bit) {
    struct sl_simulation_options options;
    sl_simulation_defaults(&options);
    options.nodes = 1000;
    options.rounds = 5;
    options.loss = 0.01;
    cr_expect(same(&options, &options));
}

Test(simulate, writes_one_json_line_a_round_and_a_summary) {
    struct sl_simulation_options options;
    sl_simulation_defaults(&options);
    options.nodes = 8;
    options.rounds = 12;
    options.topology = "full";
    options.json = true;
    size_t length;
    char *text = report(&options, &length);
    size_t lines = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n');
        cr_assert_not_null(end);
        cr_expect(line[0] == '{' && end[-1] == '}');
        lines++;
    }
    cr_expect_eq(lines, 13);
    cr_expect_not_null(strstr(text, "{\"event\":\"summary\",\"nodes\":8,\"finished\":8,\"rounds\":12,"));
    free(text);
}

Test(simulate, refuses_what_is_out_of_range) {
    struct sl_simulation_options defaults;
    sl_simulation_defaults(&defaults);
    struct sl_simulation_options wrong[9];
    for (size_t i = 0; i < 9; i++)
        wrong[i] = defaults;
    wrong[0].nodes = 0;
    wrong[1].rounds = 0;
    wrong[2].elements = 0;
    wrong[3].loss = 1;
    wrong[4].loss = -0.1;
    wrong[5].delay = -1;
    wrong[6].deadline_min = 3;
    wrong[7].topology = "regular:banana";
    wrong[8].loss = (double)NAN;
    for (size_t i = 0; i < 9; i++) {
        struct sl_error error = {.status = SL_OK, .text = ""};
        cr_expect_neq(sl_simulate(&wrong[i], stdout, &error), SL_OK, "case %zu", i);
        cr_expect_neq(error.text[0], '\0', "case %zu", i);
    }
}
