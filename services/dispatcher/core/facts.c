/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be written. Answers and intents go into the next transaction, all of them. Deliveries
 * that merely look for another place (their time is up, their destination is gone) may be a whole
 * backlog at once: they go a portion per transaction, those first that have to leave, and hold up
 * no sends meanwhile. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>

#define INTENTS_PER_TRANSACTION 4096
#define MOVES_PER_TRANSACTION 1024
#define ASK_AGAIN_LEAST_MS                                                                         \
    10000 /* less time than this left: another provider is not asked for again */

static bool bare_move(const struct job *job)
{
    return job->fact == FACT_MOVE && !job->attempted;
}

static void post(struct deliverer *core, struct job *job, enum job_fact fact, struct link *list,
                 int64_t now_ms)
{
    assert(link_alone(&job->fact_link));
    job->stage = JOB_FACT;
    job->fact = (uint8_t)fact;
    job->fact_at_ms = now_ms;
    link_append(list, &job->fact_link);
    core->facts_count++;
    core->moves_count += bare_move(job);
    if (fact == FACT_INTENT) {
        job->destination->noting++;
        core->intents_count++;
    }
}

void core_post_fact(struct deliverer *core, struct job *job, enum job_fact fact, int64_t now_ms)
{
    post(core, job, fact, &core->facts, now_ms);
}

void core_post_move(struct deliverer *core, struct job *job, const char *why, bool must_move,
                    int64_t now_ms)
{
    job->why = why;
    job->must_move = must_move;
    post(core, job, FACT_MOVE,
         job->attempted ? &core->facts
         : must_move    ? &core->leaving
                        : &core->asking,
         now_ms);
    if (!job->attempted && !must_move) { /* it may take so long that it has to */
        job->move_at_ms = core_give_up_at(core, job);
        deadlines_put(&core->deadlines, job, now_ms);
    }
}

void core_must_leave(struct deliverer *core, struct job *job)
{
    deadlines_rest(&core->deadlines, job);
    link_remove(&job->fact_link);
    link_append(&core->leaving, &job->fact_link);
    job->must_move = true;
}

void core_unlist(struct deliverer *core, struct job *job)
{
    if (link_alone(&job->fact_link))
        return;
    link_remove(&job->fact_link);
    deadlines_rest(&core->deadlines, job);
    core_note_leave_out(core, job, false);
    core->facts_count--;
    core->moves_count -= bare_move(job);
    if (job->fact == FACT_INTENT) {
        job->destination->noting--;
        core->intents_count--;
    }
    job->fact = FACT_NONE;
    job->attempted = false;
    job->destination->asked -= job->asked;
    job->asked = false;
    free(job->last);
    job->last = NULL;
}

/* Makes an intent of the next fresh job whose turn it is; false if there is none. */
static bool note_one(struct deliverer *core, int64_t now_ms)
{
    while (!core->draining && !link_alone(&core->noters) &&
           core_results(core) < core->results_max && core->intents_open < INTENTS_PER_TRANSACTION) {
        struct destination *destination =
            LINK_ITEM(core->noters.next, struct destination, intent_link);
        link_remove(&destination->intent_link);
        if (!destination_may_note(destination, now_ms, core_note_share(core)))
            continue;
        struct job *fresh = queue_first(&destination->fresh, &core->pool);
        if (!core_note_reserve(core, core_partition(core, fresh->partition))) {
            link_append(&core->noters, &destination->intent_link); /* another transaction */
            break;
        }
        core_expect_turns(core, &core->noters, offsetof(struct destination, intent_link),
                          offsetof(struct destination, fresh));
        core_dequeue(core, fresh);
        core_post_fact(core, fresh, FACT_INTENT, now_ms);
        core->intents_open++;
        core_refresh(core, destination, now_ms);
        return true;
    }
    return false;
}

/* The first of the moves that fit into this transaction. Nobody is sent elsewhere by a process that
 * is about to stop: the next one asks itself. */
static struct link *next_move(struct deliverer *core)
{
    struct link *list = !link_alone(&core->leaving) ? &core->leaving : &core->asking;
    if (link_alone(list) || core->draining || core->moves_open >= MOVES_PER_TRANSACTION)
        return NULL;
    core->moves_open++;
    return list->next;
}

static void write_down(struct deliverer *core, struct link *fact, struct deliver_write *ret_write)
{
    struct job *job = LINK_ITEM(fact, struct job, fact_link);
    deadlines_rest(&core->deadlines, job);
    link_remove(&job->fact_link);
    link_append(&core->written, &job->fact_link);
    job->stage = JOB_WRITTEN;
    core_note_leave_out(core, job, job->fact != FACT_INTENT);
    *ret_write = (struct deliver_write){
        .job = job, .destination = job->destination->code, .fact = (enum job_fact)job->fact};
}

/* What is merely noted is written as a list, at the end. */
bool deliver_next_result(struct deliverer *core, struct deliver_write *ret_write)
{
    while (!link_alone(&core->facts)) {
        write_down(core, core->facts.next, ret_write);
        if (ret_write->fact != FACT_INTENT)
            return true;
        core_note_add(core, ret_write->job);
    }
    return false;
}

bool deliver_next_write(struct deliverer *core, int64_t now_ms, struct deliver_write *ret_write)
{
    do
        if (deliver_next_result(core, ret_write))
            return true;
    while (note_one(core, now_ms));
    struct link *move = next_move(core);
    if (!move)
        return core_note_next(core, ret_write);
    write_down(core, move, ret_write);
    return true;
}

bool deliver_stays(struct deliverer *core, struct job *job, int64_t now_ms)
{
    const int64_t give_up = core_give_up_at(core, job);
    const int64_t left = give_up - now_ms;
    job->stayed_until_ms = left > ASK_AGAIN_LEAST_MS ? now_ms + left / 2 : give_up;
    if (job->stayed_until_ms <= job->next_attempt_at_ms)
        job->stayed_until_ms = job->next_attempt_at_ms + 1;
    job->why = NULL;
    if (job->attempted) {
        job->fact = FACT_RETRY;
        return true;
    }
    const bool asked = job->asked;
    core_unlist(core, job);
    core_enqueue(core, job, now_ms);
    if (asked)
        core_let_go(core, job, now_ms);
    return false;
}

void deliver_committed(struct deliverer *core, int64_t now_ms)
{
    core->intents_open = core->moves_open = 0;
    while (!link_alone(&core->written)) {
        struct job *job = LINK_ITEM(core->written.next, struct job, fact_link);
        struct destination *destination = job->destination;
        core_expect_written(core);
        enum job_fact fact = (enum job_fact)job->fact;
        if (fact == FACT_DELIVERED || fact == FACT_MOVE) {
            core_finish(core, job);
        } else if (job->gone) {
            core_remove(core, job);
        } else {
            if (fact != FACT_INTENT) /* its own record says so now */
                core_note_remove(core, job);
            core_unlist(core, job);
            job->intent = true;
            core_enqueue(core, job, now_ms);
        }
        core_refresh(core, destination, now_ms);
    }
}

void deliver_aborted(struct deliverer *core)
{
    core->intents_open = core->moves_open = 0;
    struct link *next;
    for (struct link *link = core->written.next; link != &core->written; link = next) {
        next = link->next;
        struct job *job = LINK_ITEM(link, struct job, fact_link);
        job->stage = JOB_FACT;
        core_note_leave_out(core, job, false);
        if (job->gone)
            core_remove(core, job);
    }
    link_prepend_all(&core->facts, &core->written);
}

bool deliver_has_news(const struct deliverer *core)
{
    return core->facts_count || !link_alone(&core->noters);
}
