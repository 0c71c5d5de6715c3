/* SPDX-License-Identifier: Apache-2.0 */
/* The columns are the stages that the event table names, in its order, so that a new stage needs no
 * change here. Tables scroll inside their own region: at 320 px the page itself never does. */
#include "page.h"

#include "base/text.h"

#include <string.h>

/* Contrast on white: text #231f20 16:1, links and heads #005eb8 6.2:1, borders and small print
 * #4c6272 6.4:1. */
const char page_style[] =
    "html{font:100%/1.5 Arial,sans-serif;color:#231f20;background:#fff}\n"
    "body{margin:0}\n"
    "header,main,footer{max-width:72rem;margin:0 auto;padding:0 1rem}\n"
    "header{border-bottom:4px solid #005eb8;max-width:none}\n"
    "header div{max-width:72rem;margin:0 auto;padding:.75rem 0}\n"
    "h1{font-size:1.5rem;margin:0}\n"
    "h2{font-size:1.25rem;margin:2rem 0 .25rem}\n"
    "main{padding-top:1rem}\n"
    "p{margin:.25rem 0 .75rem;max-width:44rem}\n"
    "a{color:#005eb8;text-underline-offset:.15em}\n"
    "a:hover{text-decoration-thickness:.15em}\n"
    ":focus-visible{outline:3px solid #231f20;outline-offset:2px;background:#ffeb3b}\n"
    ".skip{position:absolute;left:-999px}\n"
    ".skip:focus{position:static}\n"
    ".scroll{overflow-x:auto;max-width:100%}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:#4c6272;padding:.25rem 0}\n"
    "caption span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 4rem)}\n"
    "th,td{padding:.4rem .75rem;border-bottom:1px solid #4c6272;text-align:right}\n"
    "th,td{white-space:nowrap}\n"
    "th:first-child{position:sticky;left:0;background:#fff}\n"
    "thead th{border-bottom:2px solid #005eb8;vertical-align:bottom}\n"
    "th:first-child,td.text{text-align:left}\n"
    "tbody th{font-weight:normal;white-space:normal;min-width:7rem}\n"
    "tfoot th,tfoot td{font-weight:bold;border-bottom:0}\n"
    "footer{color:#4c6272;padding-bottom:2rem}\n"
    "@media (min-width:64rem){tbody th{min-width:14rem}}\n"
    "@media (max-width:30rem){th,td{padding:.3rem .4rem}}\n"
    "@media (forced-colors:active){header{border-color:CanvasText}}\n";

void page_init(struct page *page, int64_t now_ms)
{
    memset(page, 0, sizeof(*page));
    page->now_ms = now_ms;
}

/* Distinct stages in the order of the event table. */
static size_t stage_names(const char *names[PAGE_STAGES_MAX])
{
    size_t count = 0;
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        const char *stage = event_word((enum event_kind)kind)->stage;
        bool known = stage == NULL;
        for (size_t i = 0; i < count && !known; i++)
            known = strcmp(names[i], stage) == 0;
        if (!known)
            names[count++] = stage;
    }
    return count;
}

bool page_add_pathway(struct page *page, const char *name, const char *title)
{
    if (page->pathways_count >= PAGE_PATHWAYS_MAX)
        return false;
    size_t at = page->pathways_count++;
    text_copy(page->pathways[at].name, sizeof(page->pathways[at].name), name);
    text_copy(page->pathways[at].title, sizeof(page->pathways[at].title),
              title && *title ? title : name);
    return true;
}

void page_add_sum(struct page *page, bool today_only, const struct volume *sum)
{
    const char *names[PAGE_STAGES_MAX] = {NULL};
    size_t stages = stage_names(names);
    size_t stage = 0;
    while (stage < stages && strcmp(names[stage], sum->stage) != 0)
        stage++;
    size_t at = 0;
    while (at < page->pathways_count && strcmp(page->pathways[at].name, sum->pathway) != 0)
        at++;
    if (stage == stages)
        return;
    if (at == page->pathways_count &&
        !page_add_pathway(page, sum->pathway, *sum->pathway ? NULL : "(pathway not known)"))
        return;
    int64_t *cells = today_only ? page->pathways[at].today : page->pathways[at].week;
    cells[stage] += sum->count;
}

void page_add_count(struct page *page, const struct stored_count *count)
{
    enum event_kind kind = event_kind_parse(count->kind);
    if (kind == EVENT_KINDS)
        return;
    page->events[kind] = count->count;
    page->events_newest_ms[kind] = count->newest_ms;
}

static bool escaped(struct buffer *buffer, const char *value)
{
    for (const char *at = value; *at; at++) {
        switch (*at) {
        case '&':
            buffer_append_text(buffer, "&amp;");
            break;
        case '<':
            buffer_append_text(buffer, "&lt;");
            break;
        case '>':
            buffer_append_text(buffer, "&gt;");
            break;
        case '"':
            buffer_append_text(buffer, "&quot;");
            break;
        case '\'':
            buffer_append_text(buffer, "&#39;");
            break;
        default:
            buffer_append(buffer, at, 1);
        }
    }
    return !buffer->failed;
}

/* What a provider says once it has the referral; that the gateway has taken one is `received`. */
static bool is_providers_word(const char *word)
{
    static const enum event_kind said[] = {EVENT_ACCEPTED, EVENT_DECLINED, EVENT_NO_CONTACT,
                                           EVENT_COMPLETED};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (strcmp(event_word(said[i])->name, word) == 0)
            return true;
    return false;
}

/* "timed-out" -> "Timed out"; "accepted" -> "Accepted by provider" */
static void word_title(struct buffer *buffer, const char *word)
{
    char title[48];
    text_copy(title, sizeof(title), word);
    if (title[0] >= 'a' && title[0] <= 'z')
        title[0] = (char)(title[0] - 'a' + 'A');
    for (char *at = title; *at; at++)
        if (*at == '-')
            *at = ' ';
    escaped(buffer, title);
    if (is_providers_word(word))
        buffer_append_text(buffer, " by provider");
}

static void london_time(struct buffer *buffer, int64_t ms)
{
    char day[DATE_TEXT_SIZE], instant[INSTANT_TEXT_SIZE];
    date_format(london_date(ms), day);
    instant_format(ms, instant);
    int minute = london_minute(ms);
    buffer_append_format(buffer, "<time datetime=\"%s\">%s %02d:%02d</time>", instant, day,
                         minute / 60, minute % 60);
}

static void volume_rows(const struct page *page, struct buffer *buffer, bool today_only,
                        size_t stages)
{
    int64_t sums[PAGE_STAGES_MAX] = {0};
    buffer_append_text(buffer, "<tbody>\n");
    for (size_t i = 0; i < page->pathways_count; i++) {
        const int64_t *cells = today_only ? page->pathways[i].today : page->pathways[i].week;
        buffer_append_text(buffer, "<tr><th scope=\"row\">");
        escaped(buffer, page->pathways[i].title);
        buffer_append_text(buffer, "</th>");
        for (size_t stage = 0; stage < stages; stage++) {
            sums[stage] += cells[stage];
            buffer_append_format(buffer, "<td>%lld</td>", (long long)cells[stage]);
        }
        buffer_append_text(buffer, "</tr>\n");
    }
    buffer_append_text(buffer, "</tbody>\n<tfoot><tr><th scope=\"row\">All pathways</th>");
    for (size_t stage = 0; stage < stages; stage++)
        buffer_append_format(buffer, "<td>%lld</td>", (long long)sums[stage]);
    buffer_append_text(buffer, "</tr></tfoot>\n");
}

static void volume_table(const struct page *page, struct buffer *buffer, bool today_only)
{
    const char *names[PAGE_STAGES_MAX] = {NULL};
    size_t stages = stage_names(names);
    const char *id = today_only ? "today" : "week";
    char from[DATE_TEXT_SIZE], to[DATE_TEXT_SIZE];
    struct date today = london_date(page->now_ms);
    date_format(today, to);
    date_format(today_only ? today : date_from_days(date_to_days(today) - 6), from);
    buffer_append_format(buffer, "<h2 id=\"%s\">%s</h2>\n", id,
                         today_only ? "Volumes today" : "Volumes, last 7 days");
    buffer_append_format(buffer,
                         "<p><a href=\"/v1/volumes?from=%s&amp;to=%s&amp;format=csv\">"
                         "%s (CSV, all dimensions)</a></p>\n",
                         from, to, today_only ? "Today" : "Last 7 days");
    buffer_append_format(
        buffer,
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"%s-caption\" tabindex=\"0\">"
        "<table><caption id=\"%s-caption\"><span>",
        id, id);
    if (today_only)
        buffer_append_format(buffer, "Referrals by pathway that reached a stage on %s", to);
    else
        buffer_append_format(
            buffer, "Referrals by pathway that reached a stage from %s to %s, today included", from,
            to);
    buffer_append_text(buffer, "</span></caption>\n<thead><tr><th scope=\"col\">Pathway</th>");
    for (size_t stage = 0; stage < stages; stage++) {
        buffer_append_text(buffer, "<th scope=\"col\">");
        word_title(buffer, names[stage]);
        buffer_append_text(buffer, "</th>");
    }
    buffer_append_text(buffer, "</tr></thead>\n");
    volume_rows(page, buffer, today_only, stages);
    buffer_append_text(buffer, "</table></div>\n");
}

static void event_table(const struct page *page, struct buffer *buffer)
{
    buffer_append_text(
        buffer,
        "<h2 id=\"events\">Events</h2>\n"
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"events-caption\" tabindex=\"0\">"
        "<table><caption id=\"events-caption\"><span>All events since the database was made, "
        "with the time of the newest (London)</span></caption>\n"
        "<thead><tr><th scope=\"col\">Event</th><th scope=\"col\">Count</th>"
        "<th scope=\"col\">Newest</th></tr></thead>\n<tbody>\n");
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        buffer_append_text(buffer, "<tr><th scope=\"row\">");
        word_title(buffer, event_word((enum event_kind)kind)->name);
        buffer_append_format(buffer, "</th><td>%lld</td><td>", (long long)page->events[kind]);
        if (page->events[kind] > 0)
            london_time(buffer, page->events_newest_ms[kind]);
        else
            buffer_append_text(buffer, "none yet");
        buffer_append_text(buffer, "</td></tr>\n");
    }
    buffer_append_text(buffer, "</tbody></table></div>\n");
}

static void freshness(const struct page *page, struct buffer *buffer)
{
    int64_t newest_ms = 0;
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (page->events[kind] > 0 && page->events_newest_ms[kind] > newest_ms)
            newest_ms = page->events_newest_ms[kind];
    buffer_append_text(buffer, "<p>Made ");
    london_time(buffer, page->now_ms);
    if (newest_ms == 0) {
        buffer_append_text(buffer, ". No event has been seen yet.</p>\n");
        return;
    }
    buffer_append_text(buffer, ". Newest event ");
    london_time(buffer, newest_ms);
    int64_t age_s = page->now_ms > newest_ms ? (page->now_ms - newest_ms) / 1000 : 0;
    if (age_s < 120)
        buffer_append_format(buffer, ", %lld seconds before.", (long long)age_s);
    else if (age_s < 7200)
        buffer_append_format(buffer, ", %lld minutes before.", (long long)(age_s / 60));
    else
        buffer_append_format(buffer, ", %lld hours before.", (long long)(age_s / 3600));
    buffer_append_text(buffer, " Load the page again for newer figures.</p>\n");
}

bool page_write(const struct page *page, struct buffer *buffer)
{
    buffer_append_text(buffer,
                       "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                       "<title>Referral volumes - Kent and Medway</title>\n"
                       "<link rel=\"stylesheet\" href=\"/style.css\">\n"
                       "<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n"
                       "<header><div><a class=\"skip\" href=\"#main\">Skip to the figures</a>"
                       "<h1>Referral volumes, Kent and Medway</h1></div></header>\n"
                       "<main id=\"main\">\n");
    freshness(page, buffer);
    volume_table(page, buffer, true);
    volume_table(page, buffer, false);
    event_table(page, buffer);
    buffer_append_text(
        buffer,
        "</main>\n<footer><p>A day is a day in London, by the time at which something happened; "
        "a late event corrects its day. Exact figures for the Integrated Care Board: "
        "not for publication.</p></footer>\n"
        "</body>\n</html>\n");
    return !buffer->failed;
}
