/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions that nobody owns. To move a partition the group first takes it from its owner, who
 * then joins again, and gives it to another in the rebalance that follows. If that owner dies in
 * between and comes back within its session, under the instance that keeps its place, the group
 * gives it what it has left and begins no rebalance: what was taken from it has no owner, and
 * nobody would ever notice. So each member looks now and then, and where something has no owner for
 * two looks the one that has least leaves the group and joins it anew, which makes it divide the
 * partitions. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 5000
#define AGAIN_MS 3000 /* when some had no owner: they may be on their way */
#define ANSWER_MS 1000

/* ---- what the members have */

static const rd_kafka_topic_partition_list_t *
partitions_of(const rd_kafka_MemberDescription_t *member)
{
    return rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
}

static int owned_of(const rd_kafka_ConsumerGroupDescription_t *group, const char *topic)
{
    const size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    int owned = 0;

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_list_t *list =
            partitions_of(rd_kafka_ConsumerGroupDescription_member(group, i));

        for (int k = 0; list && k < list->cnt; k++)
            owned += strcmp(list->elems[k].topic, topic) == 0;
    }
    return owned;
}

/* Whether we have the fewest, and of those who do the first name: one member only acts. */
static bool has_least(const rd_kafka_ConsumerGroupDescription_t *group, const char *self)
{
    const size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    const char *least = NULL;
    int fewest = 0;

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_MemberDescription_t *member =
            rd_kafka_ConsumerGroupDescription_member(group, i);
        const rd_kafka_topic_partition_list_t *list = partitions_of(member);
        const char *id = rd_kafka_MemberDescription_consumer_id(member);
        const int has = list ? list->cnt : 0;

        if (!least || has < fewest || (has == fewest && strcmp(id, least) < 0)) {
            least = id;
            fewest = has;
        }
    }
    return least && self && strcmp(least, self) == 0;
}

/* ---- what there is to be had */

static bool matches(const char *pattern, const char *topic)
{
    regex_t compiled;
    bool match;

    if (pattern[0] != '^')
        return strcmp(pattern, topic) == 0;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    match = regexec(&compiled, topic, 0, NULL, 0) == 0;
    regfree(&compiled);
    return match;
}

static bool is_subscribed(const struct stream *stream, const char *topic)
{
    char excluded[2048] = "", *rest = excluded;
    size_t size = sizeof(excluded);
    bool subscribed = false;

    for (int i = 0; !subscribed && i < stream->subscription->cnt; i++)
        subscribed = matches(stream->subscription->elems[i].topic, topic);
    if (!subscribed || rd_kafka_conf_get(stream->consumer_conf, "topic.blacklist", excluded,
                                         &size) != RD_KAFKA_CONF_OK)
        return subscribed;
    while (subscribed && rest) {
        const char *pattern = strsep(&rest, ",");

        subscribed = !*pattern || !matches(pattern, topic);
    }
    return subscribed;
}

static int unowned_of(const struct stream *stream, const rd_kafka_ConsumerGroupDescription_t *group)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int unowned = 0;

    if (rd_kafka_metadata(stream->consumer, 1, NULL, &metadata, ANSWER_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

        if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && is_subscribed(stream, topic->topic))
            unowned += topic->partition_cnt - owned_of(group, topic->topic);
    }
    rd_kafka_metadata_destroy(metadata);
    return unowned;
}

/* ---- the look, on a thread of its own */

static void look_at(struct stream *stream, const rd_kafka_ConsumerGroupDescription_t *group)
{
    char *self = rd_kafka_memberid(stream->consumer);

    if (has_least(group, self))
        stream->owners.unowned = unowned_of(stream, group);
    if (self)
        rd_kafka_mem_free(stream->consumer, self);
}

static void look(void *self)
{
    struct stream *stream = self;
    rd_kafka_queue_t *answers = rd_kafka_queue_new(stream->consumer);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(stream->consumer, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    const rd_kafka_DescribeConsumerGroups_result_t *result = NULL;
    const rd_kafka_ConsumerGroupDescription_t **groups = NULL;
    rd_kafka_event_t *event = NULL;
    char name[256] = "", words[128];
    const char *names = name;
    size_t size = sizeof(name), count = 0;

    (void)rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, words, sizeof(words));
    if (rd_kafka_conf_get(stream->consumer_conf, "group.id", name, &size) == RD_KAFKA_CONF_OK) {
        rd_kafka_DescribeConsumerGroups(stream->consumer, &names, 1, options, answers);
        event = rd_kafka_queue_poll(answers, 2 * ANSWER_MS);
    }
    if (event)
        result = rd_kafka_event_DescribeConsumerGroups_result(event);
    if (result)
        groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
    if (groups && count == 1 && !rd_kafka_ConsumerGroupDescription_error(groups[0]) &&
        rd_kafka_ConsumerGroupDescription_state(groups[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE)
        look_at(stream, groups[0]);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(answers);
}

static void join_anew(struct stream *stream)
{
    char count[16];

    text_format(count, sizeof(count), "%d", stream->owners.unowned);
    log_fact(LOG_LEVEL_WARNING, "partitions-unowned", "count", count, "detail",
             "joining the group anew, so that it divides them", NULL);
    /* Nor would a failure be ours to deal with: the library has died then, and says so. */
    if (rd_kafka_unsubscribe(stream->consumer) == RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)rd_kafka_subscribe(stream->consumer, stream->subscription);
}

void stream_owners_watch(struct stream *stream)
{
    struct stream_owners *owners = &stream->owners;
    const int64_t now_ms = clock_monotonic_ms();
    bool found;

    if (owners->looking) {
        if (!aside_ended(owners->aside))
            return;
        owners->looking = false;
        found = owners->unowned > 0;
        owners->at_ms = now_ms + (found && !owners->found ? AGAIN_MS : LOOK_MS);
        if (found && owners->found)
            join_anew(stream);
        owners->found = found && !owners->found;
    } else if (now_ms >= owners->at_ms && stream_not_ready(stream) == NULL) {
        /* The first look of all comes LOOK_MS after there is something to look at. */
        if (owners->at_ms > 0) {
            owners->looking = true;
            owners->unowned = 0;
            aside_begin(owners->aside, look, stream);
        }
        owners->at_ms = now_ms + LOOK_MS;
    }
}

void stream_owners_wait(struct stream *stream)
{
    struct stream_owners *owners = &stream->owners;

    while (owners->looking) {
        struct pollfd ended = {.fd = aside_fd(owners->aside), .events = POLLIN};

        (void)poll(&ended, 1, -1);
        owners->looking = !aside_ended(owners->aside);
    }
    owners->found = false;
}
