/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"
#include "titles.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h needs the four above
#include <cmocka.h>

static struct page page;
static struct buffer buffer;

static int begin(void **state)
{
    (void)state;
    int64_t now_ms = 0;
    if (!instant_parse("2026-07-01T23:30:00Z", &now_ms)) /* 2 July in London */
        return 1;
    page_init(&page, now_ms);
    buffer_init(&buffer, 256 * 1024);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_clear(&buffer);
    return 0;
}

static const char *written(void)
{
    assert_true(page_write(&page, &buffer));
    const char *text = buffer_text(&buffer);
    assert_non_null(text);
    return text;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

static void a_page_without_any_figure_is_whole(void **state)
{
    (void)state;
    const char *html = written();
    assert_non_null(strstr(html, "No event has been seen yet"));
    assert_non_null(strstr(html, "</html>"));
    assert_int_equal(occurrences(html, "<table>"), 2); /* no table of events yet */
    assert_int_equal(occurrences(html, "</table>"), 2);
    assert_int_equal(occurrences(html, "<caption"), 2);
    assert_int_equal(occurrences(html, "<main "), 1);
    assert_int_equal(occurrences(html, "<h1>"), 1);
}

static void every_stage_of_the_event_table_is_a_column_once_it_has_a_figure(void **state)
{
    (void)state;
    assert_true(page_add_pathway(&page, "msk", "Musculoskeletal"));
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        const char *stage = event_word((enum event_kind)kind)->stage;
        struct volume sum = {.pathway = "msk", .count = 1000 + kind};
        if (stage) {
            text_copy(sum.stage, sizeof(sum.stage), stage);
            page_add_sum(&page, true, &sum);
        }
    }
    const char *html = written();
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        const char *stage = event_word((enum event_kind)kind)->stage;
        char cell[64];
        if (!stage)
            continue;
        bool providers = strstr("accepted declined completed", stage) != NULL;
        text_format(cell, sizeof(cell), "<th scope=\"col\">%c%s%s</th>", stage[0] - 'a' + 'A',
                    stage + 1, providers ? " by provider" : "");
        if (occurrences(html, cell) != 2)
            fail_msg("%s: %zu columns", stage, occurrences(html, cell));
        text_format(cell, sizeof(cell), "<td>1,%03d</td>", kind);
        if (occurrences(html, cell) != 2) /* its row, and all pathways */
            fail_msg("%s: %zu figures", stage, occurrences(html, cell));
    }
}

/* Providers' answers and cancellations are not taken yet: a column of zeroes would say they are. */
static void what_nothing_takes_yet_is_not_shown(void **state)
{
    (void)state;
    assert_true(page_add_pathway(&page, "msk", "Musculoskeletal"));
    const char *html = written();
    const char *heads = strstr(html, "<th scope=\"col\">Pathway</th>");
    assert_non_null(heads);
    static const char expected[] =
        "<th scope=\"col\">Pathway</th><th scope=\"col\">Received</th>"
        "<th scope=\"col\">Delivered</th><th scope=\"col\">Returned</th>"
        "<th scope=\"col\">Under way now</th><th scope=\"col\">Recorded</th>"
        "<th scope=\"col\">Refused</th></tr>";
    assert_memory_equal(heads, expected, sizeof(expected) - 1);
    assert_null(strstr(html, "by provider"));
    assert_null(strstr(html, "Cancelled"));
}

static void sums_stand_in_their_row_and_add_up(void **state)
{
    (void)state;
    const struct volume received = {.pathway = "msk", .stage = "received", .count = 1234567};
    const struct volume under_way = {.pathway = "msk", .stage = PAGE_UNDER_WAY, .count = 105};
    const struct volume other = {.pathway = "eyes", .stage = "received", .count = 1};
    assert_true(page_add_pathway(&page, "msk", "Musculoskeletal"));
    page_add_sum(&page, true, &received);
    page_add_sum(&page, true, &under_way);
    page_add_sum(&page, true, &other); /* a pathway that no folder names any more */
    const char *html = written();
    assert_non_null(strstr(html, "<tr><th scope=\"row\">Musculoskeletal</th><td>1,234,567</td>"
                                 "<td>0</td><td>0</td><td>105</td><td>0</td><td>0</td></tr>"));
    assert_non_null(strstr(html, "<tr><th scope=\"row\">eyes</th><td>1</td>"));
    assert_non_null(strstr(html, "<tr><th scope=\"row\">All pathways</th><td>1,234,568</td>"));
    assert_non_null(
        strstr(html, "<tr><th scope=\"row\">All pathways</th><td>0</td>")); /* the week */
}

static void rows_are_in_the_order_of_their_titles(void **state)
{
    static const char *const titles[] = {"aids", "Community", "NHS", "(pathway not known)"};
    (void)state;
    const struct volume nameless = {.pathway = "", .stage = "refused", .count = 1};
    page_add_sum(&page, true, &nameless);
    assert_true(page_add_pathway(&page, "a", "NHS"));
    assert_true(page_add_pathway(&page, "b", "Community"));
    assert_true(page_add_pathway(&page, "c", "aids"));
    for (size_t i = 0; i < page.pathways_count; i++)
        assert_string_equal(page.pathways[i].title, titles[i]);
}

/* Most returns have no callback: one figure of "noticed" would say that all were told. */
static void who_was_told_and_who_was_not_are_two_figures(void **state)
{
    (void)state;
    const struct stored_count all = {.kind = "noticed", .count = 2393, .newest_ms = page.now_ms};
    const struct stored_count told = {.kind = "", .count = 35, .newest_ms = page.now_ms};
    const struct stored_count not_told = {
        .kind = "needs-human", .count = 2358, .newest_ms = page.now_ms};
    page_add_count(&page, &all);
    page_add_notices(&page, &told);
    page_add_notices(&page, &not_told);
    const char *html = written();
    assert_non_null(strstr(html, "Referrer told of a return</th><td>35</td>"));
    assert_non_null(strstr(html, "Return left to a person to tell</th><td>2,358</td>"));
    assert_null(strstr(html, "Noticed"));
    assert_null(strstr(html, "Overdue")); /* has not happened */
}

static void days_are_londons(void **state)
{
    (void)state;
    const char *html = written();
    assert_non_null(strstr(html, "from=2026-07-02&amp;to=2026-07-02&amp;format=csv"));
    assert_non_null(strstr(html, "from=2026-06-26&amp;to=2026-07-02&amp;format=csv"));
    assert_non_null(strstr(html, "datetime=\"2026-07-01T23:30:00.000Z\">2026-07-02 00:30<"));
}

static void every_text_is_escaped(void **state)
{
    (void)state;
    assert_true(page_add_pathway(&page, "x", "<script>alert(\"1\")</script> & 'y'"));
    const char *html = written();
    assert_null(strstr(html, "<script"));
    assert_int_equal(
        occurrences(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;y&#39;"),
        2);
}

static void freshness_is_said_in_words(void **state)
{
    static const struct {
        int line;
        const char *expected;
        int64_t age_ms;
    } rows[] = {
        {__LINE__, ", 0 seconds before.", 0},
        {__LINE__, ", 0 seconds before.", -5000}, /* another machine's clock */
        {__LINE__, ", 119 seconds before.", 119999},
        {__LINE__, ", 2 minutes before.", 120000},
        {__LINE__, ", 119 minutes before.", 7199000},
        {__LINE__, ", 2 hours before.", 7200000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct stored_count count = {
            .kind = "received", .count = 3, .newest_ms = page.now_ms - rows[i].age_ms};
        page_add_count(&page, &count);
        buffer_reset(&buffer);
        if (!strstr(written(), rows[i].expected))
            fail_msg("line %d: no \"%s\"", rows[i].line, rows[i].expected);
    }
}

static void nothing_on_the_page_leads_elsewhere_or_runs(void **state)
{
    (void)state;
    const char *html = written();
    static const char *const banned[] = {"http:",  "https:", "//",    "<script",
                                         "style=", "<img",   "<form", NULL};
    for (size_t i = 0; banned[i]; i++)
        if (strstr(html, banned[i]))
            fail_msg("the page holds %s", banned[i]);
    assert_null(strstr(page_style, "//"));
    assert_null(strstr(page_style, "@import"));
    assert_null(strstr(page_style, "url("));
}

static void a_full_page_takes_no_more_pathways(void **state)
{
    (void)state;
    for (int i = 0; i < PAGE_PATHWAYS_MAX; i++)
        assert_true(page_add_pathway(&page, "msk", "Musculoskeletal"));
    assert_false(page_add_pathway(&page, "one-more", NULL));
    const struct volume unknown = {.pathway = "eyes", .stage = "received", .count = 1};
    page_add_sum(&page, true, &unknown);
    assert_int_equal(page.pathways_count, PAGE_PATHWAYS_MAX);
}

static void titles_come_from_the_pathway_folders(void **state)
{
    (void)state;
    titles_add(SOURCE_DIR "/schemas", &page);
    assert_true(page.pathways_count > 0);
    for (size_t i = 0; i < page.pathways_count; i++)
        assert_string_not_equal(page.pathways[i].title, page.pathways[i].name);
    size_t count = page.pathways_count;
    titles_add("/nonexistent", &page); /* no folder: no row, no fault */
    assert_int_equal(page.pathways_count, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_without_any_figure_is_whole, begin, end),
        cmocka_unit_test_setup_teardown(
            every_stage_of_the_event_table_is_a_column_once_it_has_a_figure, begin, end),
        cmocka_unit_test_setup_teardown(what_nothing_takes_yet_is_not_shown, begin, end),
        cmocka_unit_test_setup_teardown(sums_stand_in_their_row_and_add_up, begin, end),
        cmocka_unit_test_setup_teardown(rows_are_in_the_order_of_their_titles, begin, end),
        cmocka_unit_test_setup_teardown(who_was_told_and_who_was_not_are_two_figures, begin, end),
        cmocka_unit_test_setup_teardown(days_are_londons, begin, end),
        cmocka_unit_test_setup_teardown(every_text_is_escaped, begin, end),
        cmocka_unit_test_setup_teardown(freshness_is_said_in_words, begin, end),
        cmocka_unit_test_setup_teardown(nothing_on_the_page_leads_elsewhere_or_runs, begin, end),
        cmocka_unit_test_setup_teardown(a_full_page_takes_no_more_pathways, begin, end),
        cmocka_unit_test_setup_teardown(titles_come_from_the_pathway_folders, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
