/* SPDX-License-Identifier: Apache-2.0 */
/* Pure text. Tables scroll inside their own region: at 320 px the page itself never does. */
#include "page.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

/* Contrast on paper, by day and by night: ink 16:1 and 14:1, links 6.3:1 and 8.4:1, borders and
 * small print 6.4:1 and 8.3:1. The shadow at the right of a table says that it goes on there: its
 * cover scrolls with the table and hides it at the end. */
const char page_style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#231f20;--link:#005eb8;--quiet:#4c6272;"
    "--shade:#4c627299}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#1a1d21;--ink:#e8edee;--link:#7fbcff;"
    "--quiet:#a9b8c3;--shade:#000}}\n"
    "html{font:100%/1.5 Arial,sans-serif;color:var(--ink);background:var(--paper)}\n"
    "body{margin:0}\n"
    "header,main,footer{max-width:72rem;margin:0 auto;padding:0 1rem}\n"
    "header{border-bottom:4px solid var(--link);max-width:none}\n"
    "header div{max-width:72rem;margin:0 auto;padding:.75rem 0}\n"
    "h1{font-size:1.5rem;margin:0}\n"
    "h2{font-size:1.25rem;margin:2rem 0 .25rem}\n"
    "main{padding-top:1rem}\n"
    "p,dl{margin:.25rem 0 .75rem;max-width:44rem}\n"
    "dt{font-weight:bold}\n"
    "dd{margin:0 0 .25rem}\n"
    "@media (min-width:40rem){dl{display:grid;grid-template-columns:max-content 1fr;"
    "column-gap:1rem}}\n"
    "a{color:var(--link);text-underline-offset:.15em}\n"
    "a:hover{text-decoration-thickness:.15em}\n"
    ":focus-visible{outline:3px solid var(--ink);outline-offset:2px}\n"
    "a:focus-visible{color:#231f20;background:#ffeb3b}\n"
    ".skip{position:absolute;left:-999px}\n"
    ".skip:focus{position:static}\n"
    ".scroll{overflow-x:auto;max-width:100%;background:"
    "linear-gradient(to left,var(--paper) 50%,transparent) right/2rem 100% no-repeat local,"
    "linear-gradient(to left,var(--shade),transparent) right/1rem 100% no-repeat scroll}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--quiet);padding:.25rem 0}\n"
    "caption span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 4rem)}\n"
    "th,td{padding:.4rem .75rem;border-bottom:1px solid var(--quiet);text-align:right}\n"
    "th,td{white-space:nowrap}\n"
    "th:first-child{position:sticky;left:0;background:var(--paper)}\n"
    "thead th{border-bottom:2px solid var(--link);vertical-align:bottom;white-space:normal;"
    "max-width:7rem}\n"
    "th:first-child{text-align:left}\n"
    "tbody th{font-weight:normal;white-space:normal;min-width:6rem}\n"
    "tfoot th,tfoot td{font-weight:bold;border-bottom:0}\n"
    "footer{color:var(--quiet);padding-top:1rem;padding-bottom:2rem}\n"
    "@media (min-width:64rem){tbody th{min-width:14rem}}\n"
    "@media (max-width:30rem){table{font-size:.875rem}th,td{padding:.3rem .4rem}}\n"
    "@media (forced-colors:active){header{border-color:CanvasText}}\n";

/* In the order of the page; what nothing takes yet is shown once there is a figure. */
static const struct column {
    const char *stage, *title;
    bool always;
} columns[PAGE_COLUMNS] = {
    {"received", "Received", true},
    {"delivered", "Delivered", true},
    {"returned", "Returned", true},
    {PAGE_UNDER_WAY, "Under way now", true},
    {"recorded", "Recorded", true},
    {"refused", "Refused", true},
    {"cancelled", "Cancelled", false},
    {"accepted", "Accepted by provider", false},
    {"declined", "Declined by provider", false},
    {"completed", "Completed by provider", false},
};

void page_init(struct page *page, int64_t now_ms)
{
    memset(page, 0, sizeof(*page));
    page->now_ms = now_ms;
}

static size_t column_of(const char *stage)
{
    size_t column = 0;
    while (column < PAGE_COLUMNS && strcmp(columns[column].stage, stage) != 0)
        column++;
    return column;
}

/* By title; what has no name stands last. */
static bool stands_before(const char *name, const char *title, const struct page_pathway *other)
{
    if (!*name || !*other->name)
        return *name != '\0';
    return strcasecmp(title, other->title) < 0;
}

bool page_add_pathway(struct page *page, const char *name, const char *title)
{
    if (page->pathways_count >= PAGE_PATHWAYS_MAX)
        return false;
    if (!title || !*title)
        title = *name ? name : "(pathway not known)";
    size_t at = page->pathways_count++;
    for (; at > 0 && stands_before(name, title, &page->pathways[at - 1]); at--)
        page->pathways[at] = page->pathways[at - 1];
    page->pathways[at] = (struct page_pathway){.name = ""};
    text_copy(page->pathways[at].name, sizeof(page->pathways[at].name), name);
    text_copy(page->pathways[at].title, sizeof(page->pathways[at].title), title);
    return true;
}

static struct page_pathway *pathway_of(struct page *page, const char *name)
{
    for (size_t i = 0; i < page->pathways_count; i++)
        if (strcmp(page->pathways[i].name, name) == 0)
            return &page->pathways[i];
    return NULL;
}

void page_add_sum(struct page *page, bool today_only, const struct volume *sum)
{
    size_t column = column_of(sum->stage);
    if (column == PAGE_COLUMNS)
        return;
    if (!pathway_of(page, sum->pathway) && !page_add_pathway(page, sum->pathway, NULL))
        return;
    struct page_pathway *pathway = pathway_of(page, sum->pathway);
    int64_t *cells = today_only ? pathway->today : pathway->week;
    cells[column] += sum->count;
}

void page_add_count(struct page *page, const struct stored_count *count)
{
    enum event_kind kind = event_kind_parse(count->kind);
    if (kind != EVENT_KINDS)
        page->events[kind] = (struct page_count){count->count, count->newest_ms};
}

void page_add_notices(struct page *page, const struct stored_count *count)
{
    struct page_count *to = *count->kind ? &page->left_to_a_person : &page->told;
    *to = (struct page_count){count->count, count->newest_ms};
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

/* 2604 -> "2,604" */
static void figure(struct buffer *buffer, int64_t number)
{
    char digits[WHOLE_TEXT_SIZE];
    size_t left = text_of_whole(number, digits);
    for (const char *at = digits; left > 0; at++, left--)
        buffer_append_format(buffer, left > 1 && left % 3 == 1 ? "%c," : "%c", *at);
}

/* "timed-out" -> "Timed out"; a stage is called what its column is. */
static void word_title(struct buffer *buffer, const char *word)
{
    char title[48];
    size_t column = column_of(word);
    text_copy(title, sizeof(title), column < PAGE_COLUMNS ? columns[column].title : word);
    if (title[0] >= 'a' && title[0] <= 'z')
        title[0] = (char)(title[0] - 'a' + 'A');
    for (char *at = title; *at; at++)
        if (*at == '-')
            *at = ' ';
    escaped(buffer, title);
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

static bool is_shown(const struct page *page, size_t column)
{
    bool shown = columns[column].always;
    for (size_t i = 0; i < page->pathways_count && !shown; i++)
        shown = page->pathways[i].today[column] != 0 || page->pathways[i].week[column] != 0;
    return shown;
}

static void volume_row(const struct page *page, struct buffer *buffer, const char *title,
                       const int64_t cells[PAGE_COLUMNS])
{
    buffer_append_text(buffer, "<tr><th scope=\"row\">");
    escaped(buffer, title);
    buffer_append_text(buffer, "</th>");
    for (size_t column = 0; column < PAGE_COLUMNS; column++) {
        if (!is_shown(page, column))
            continue;
        buffer_append_text(buffer, "<td>");
        figure(buffer, cells[column]);
        buffer_append_text(buffer, "</td>");
    }
    buffer_append_text(buffer, "</tr>\n");
}

static void volume_rows(const struct page *page, struct buffer *buffer, bool today_only)
{
    int64_t sums[PAGE_COLUMNS] = {0};
    buffer_append_text(buffer, "<tbody>\n");
    for (size_t i = 0; i < page->pathways_count; i++) {
        const struct page_pathway *pathway = &page->pathways[i];
        const int64_t *cells = today_only ? pathway->today : pathway->week;
        for (size_t column = 0; column < PAGE_COLUMNS; column++)
            sums[column] += cells[column];
        volume_row(page, buffer, pathway->title, cells);
    }
    buffer_append_text(buffer, "</tbody>\n<tfoot>");
    volume_row(page, buffer, "All pathways", sums);
    buffer_append_text(buffer, "</tfoot>\n");
}

static void volume_table(const struct page *page, struct buffer *buffer, bool today_only)
{
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
    for (size_t column = 0; column < PAGE_COLUMNS; column++)
        if (is_shown(page, column))
            buffer_append_format(buffer, "<th scope=\"col\">%s</th>", columns[column].title);
    buffer_append_text(buffer, "</tr></thead>\n");
    volume_rows(page, buffer, today_only);
    buffer_append_text(buffer, "</table></div>\n");
}

static void meanings(struct buffer *buffer)
{
    buffer_append_text(
        buffer,
        "<h2 id=\"meanings\">What the columns mean</h2>\n"
        "<dl><dt>Received</dt><dd>The router has taken the referral.</dd>\n"
        "<dt>Delivered</dt><dd>Its provider has taken it.</dd>\n"
        "<dt>Returned</dt><dd>It went back to its referrer, with a reason: the pathway's rules do "
        "not allow it, or no provider could take it in time.</dd>\n"
        "<dt>Under way now</dt><dd>Received on any day, and not yet delivered, returned or "
        "recorded.</dd>\n"
        "<dt>Recorded</dt><dd>A pharmacy's own walk-in consultation: there is nothing to "
        "deliver.</dd>\n"
        "<dt>Refused</dt><dd>A record that breaks the contract. It is not among those "
        "received.</dd></dl>\n"
        "<p>Each is counted on its own day. A referral received yesterday and delivered today is "
        "in Received of yesterday and in Delivered of today.</p>\n");
}

static void event_row(struct buffer *buffer, const char *word, const struct page_count *count)
{
    if (count->count == 0)
        return;
    buffer_append_text(buffer, "<tr><th scope=\"row\">");
    word_title(buffer, word);
    buffer_append_text(buffer, "</th><td>");
    figure(buffer, count->count);
    buffer_append_text(buffer, "</td><td>");
    london_time(buffer, count->newest_ms);
    buffer_append_text(buffer, "</td></tr>\n");
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
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (kind != EVENT_NOTICED)
            event_row(buffer, event_word((enum event_kind)kind)->name, &page->events[kind]);
    event_row(buffer, "referrer told of a return", &page->told);
    event_row(buffer, "return left to a person to tell", &page->left_to_a_person);
    buffer_append_text(buffer, "</tbody></table></div>\n");
}

static int64_t newest_event_ms(const struct page *page)
{
    int64_t newest_ms = 0;
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (page->events[kind].count > 0 && page->events[kind].newest_ms > newest_ms)
            newest_ms = page->events[kind].newest_ms;
    return newest_ms;
}

static void freshness(const struct page *page, struct buffer *buffer)
{
    const int64_t newest_ms = newest_event_ms(page);
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
    meanings(buffer);
    if (newest_event_ms(page) > 0)
        event_table(page, buffer);
    buffer_append_text(
        buffer,
        "</main>\n<footer><p>A day is a day in London, by the time at which something happened; "
        "a late event corrects its day. Exact figures for the Integrated Care Board: "
        "not for publication.</p></footer>\n"
        "</body>\n</html>\n");
    return !buffer->failed;
}
