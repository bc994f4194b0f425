/* SPDX-License-Identifier: Apache-2.0 */
#include "view_ingest.h"

#include <string.h>

#include "draw.h"
#include "text.h"

static double rate_of(uint64_t events, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? (double)events * 1000 / (double)elapsed_ms : 0;
}

static void add_share(struct cli_buf *buf, const struct cli_term *term,
                      const struct cli_ingest_view *view)
{
    double share = (double)view->bytes / (double)view->bytes_total;
    struct cli_buf bar = {0};
    cli_draw_progress(&bar, share, 24, term->unicode);
    cli_term_add(term, buf, CLI_ACCENT, cli_buf_str(&bar));
    cli_buf_printf(buf, " %3.0f%%  ", share * 100);
    cli_buf_fini(&bar);
}

void cli_view_ingest_progress(struct cli_buf *buf, const struct cli_term *term,
                              const struct cli_ingest_view *view)
{
    if (view->reconnecting)
        cli_term_add(term, buf, CLI_WARN, "reconnecting…  ");
    if (view->bytes_total > 0)
        add_share(buf, term, view);
    cli_text_add_count(buf, view->events);
    cli_buf_text(buf, " events  ");
    cli_text_add_short(buf, view->rate);
    cli_buf_text(buf, "/s");
    if (view->skipped > 0) {
        cli_buf_text(buf, "  ");
        cli_text_add_count(buf, view->skipped);
        cli_buf_text(buf, " skipped");
    }
    if (view->bytes_total > view->bytes && view->bytes > 0) {
        cli_buf_text(buf, "  ");
        cli_text_add_ms(buf, (double)view->elapsed_ms *
                                 (double)(view->bytes_total - view->bytes) /
                                 (double)view->bytes);
        cli_buf_text(buf, " left");
    }
}

static void add_part(struct cli_buf *buf, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    cli_buf_text(buf, ", ");
    cli_text_add_count(buf, count);
    cli_buf_printf(buf, " %s", what);
}

static const char *plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

void cli_view_ingest_summary(struct cli_buf *buf, const struct cli_term *term,
                             const char *stream,
                             const struct cli_ingest_view *view,
                             const struct cli_ingest_totals *totals)
{
    struct cli_buf count = {0};
    cli_text_add_count(&count, totals->accepted_events);
    cli_text_add_safe(buf, stream, strlen(stream), 0);
    cli_buf_text(buf, "  ");
    cli_term_add(term, buf, CLI_STRONG, cli_buf_str(&count));
    cli_buf_printf(buf, " %s accepted in ",
                   plural(totals->accepted_events, "event", "events"));
    cli_text_add_ms(buf, (double)view->elapsed_ms);
    if (view->elapsed_ms > 0) {
        cli_buf_text(buf, ", ");
        cli_text_add_short(buf,
                           rate_of(totals->accepted_events, view->elapsed_ms));
        cli_buf_text(buf, "/s");
    }
    add_part(buf, totals->late_events, "late");
    add_part(buf, totals->duplicate_batches,
             plural(totals->duplicate_batches, "duplicate batch",
                    "duplicate batches"));
    add_part(buf, view->skipped,
             plural(view->skipped, "line skipped", "lines skipped"));
    if (view->wants_value)
        add_part(buf, view->without_value, "without a value");
    if (view->wants_latency)
        add_part(buf, view->without_latency, "without a latency");
    cli_buf_text(buf, "\n");
    cli_buf_fini(&count);
}

json_t *cli_ingest_json(const char *stream, const struct cli_ingest_view *view,
                        const struct cli_ingest_totals *totals)
{
    json_t *object = cli_json_object();
    cli_json_set_text(object, "stream", stream);
    cli_json_set_u64(object, "acceptedEvents", totals->accepted_events);
    cli_json_set_u64(object, "lateEvents", totals->late_events);
    cli_json_set_u64(object, "duplicateBatches", totals->duplicate_batches);
    cli_json_set_u64(object, "skippedLines", view->skipped);
    cli_json_set_u64(object, "withoutValue", view->without_value);
    cli_json_set_u64(object, "withoutLatency", view->without_latency);
    cli_json_set_number(object, "seconds", (double)view->elapsed_ms / 1000);
    cli_json_set_number(object, "rate",
                        rate_of(totals->accepted_events, view->elapsed_ms));
    return object;
}
