/* What a check of ledgers found, for people and for programs. */
#include <starling/ledger.h>

#include <inttypes.h>

#include "base/buffer.h"
#include "monitor/fields.h"

struct row {
    const char *text, *key;
    const struct sl_ledger_amount *amount;
};
enum { ROWS = 9 };

static void fill(struct row rows[ROWS], const struct sl_ledger_report *report) {
    const struct row all[ROWS] = {{"start", "start", &report->start},
                                  {"training", "training", &report->training},
                                  {"exchanges, both ends", "both_ends", &report->both_ends},
                                  {"  the other end waits", "waiting", &report->waiting},
                                  {"  written off", "written_off", &report->written_off},
                                  {"  with nodes not given", "unseen", &report->unseen},
                                  {"  one end alone", "one_end", &report->one_end},
                                  {"rounded off", "rounding", &report->rounding},
                                  {"now", "now", &report->now}};
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = all[i];
}

static bool is_conserved(const struct sl_ledger_report *report) {
    return report->problem[0] == '\0';
}

static enum sl_status append_table(struct sl_buffer *out, const struct sl_ledger_report *report,
                                   const struct row rows[ROWS]) {
    enum sl_status status = sl_buffer_printf(
        out, "run %s: %" PRIu64 " nodes, %" PRIu64 " lineages, %" PRIu64 " rounds%s\n%-24s %10s %16s %16s %16s\n",
        report->run, report->nodes, report->lineages, report->rounds,
        report->by_samples ? ", nodes weigh as their samples do" : "", "", "lines", "sum", "projection 1",
        "projection 2");
    for (size_t i = 0; status == SL_OK && i < ROWS; i++)
        status =
            sl_buffer_printf(out, "%-24s %10" PRIu64 " %16.8g %16.8g %16.8g\n", rows[i].text, rows[i].amount->lines,
                             rows[i].amount->sums[0], rows[i].amount->sums[1], rows[i].amount->sums[2]);
    if (status == SL_OK && report->lost_lines > 0)
        status = sl_buffer_printf(
            out, "%" PRIu64 " lines were lost to a full or slow disk: what is said here may be wrong\n",
            report->lost_lines);
    if (status != SL_OK)
        return status;
    return sl_buffer_printf(out, "%s: off by %.3g of the norm %.8g\n",
                            is_conserved(report) ? "conserved" : "not conserved", report->error, report->norm);
}

static enum sl_status append_amount(struct sl_buffer *out, const struct row *row) {
    const double *sums = row->amount->sums;
    const struct sl_field fields[] = {SL_NUMBER("sum", sums[0]), SL_NUMBER("p1", sums[1]), SL_NUMBER("p2", sums[2]),
                                      SL_END};
    enum sl_status status = sl_buffer_printf(out, ",\"%s\":{\"lines\":%" PRIu64, row->key, row->amount->lines);
    if (status == SL_OK)
        status = sl_fields_append_members(out, fields);
    return status == SL_OK ? sl_buffer_append(out, "}", 1) : status;
}

static enum sl_status append_json(struct sl_buffer *out, const struct sl_ledger_report *report,
                                  const struct row rows[ROWS]) {
    const struct sl_field first[] = {SL_UNSIGNED("nodes", report->nodes), SL_UNSIGNED("lineages", report->lineages),
                                     SL_UNSIGNED("rounds", report->rounds),
                                     SL_BOOLEAN("by_samples", report->by_samples), SL_END};
    const struct sl_field last[] = {SL_NUMBER("norm", report->norm),
                                    SL_NUMBER("error", report->error),
                                    SL_UNSIGNED("lost_lines", report->lost_lines),
                                    SL_BOOLEAN("conserved", is_conserved(report)),
                                    SL_TEXT("problem", is_conserved(report) ? NULL : report->problem),
                                    SL_END};
    enum sl_status status = sl_buffer_printf(out, "{\"run\":");
    if (status == SL_OK)
        status = sl_fields_append_text(out, report->run);
    if (status == SL_OK)
        status = sl_fields_append_members(out, first);
    for (size_t i = 0; status == SL_OK && i < ROWS; i++)
        status = append_amount(out, &rows[i]);
    if (status == SL_OK)
        status = sl_fields_append_members(out, last);
    return status == SL_OK ? sl_buffer_append(out, "}\n", 2) : status;
}

enum sl_status sl_ledger_write(const struct sl_ledger_report *report, FILE *out, bool json) {
    struct row rows[ROWS];
    struct sl_buffer text = {0};
    fill(rows, report);
    enum sl_status status = (json ? append_json : append_table)(&text, report, rows);
    if (status == SL_OK && fwrite(text.data, 1, text.length, out) != text.length)
        status = SL_IO;
    sl_buffer_finish(&text);
    return status;
}
