/* SPDX-License-Identifier: Apache-2.0 */
/* The providers: what each answers, and when it is not there at all. Their tempers are functions of
 * the plan and the virtual time; what the directory says of them changes by events. */
#ifndef SIM_PROVIDERS_H
#define SIM_PROVIDERS_H

#include "base/random.h"
#include "core/classify.h"
#include "plan.h"

enum temper {
    TEMPER_HEALTHY,
    TEMPER_IDEMPOTENT, /* healthy, and answers 409 duplicate when it gets something twice */
    TEMPER_SLOW,
    TEMPER_DEAD,  /* for minutes to hours: refuses connections */
    TEMPER_BLACK, /* for minutes to hours: swallows everything */
    TEMPER_FLAPPING,
    TEMPER_LOSSY,    /* takes it, and the answer is often lost */
    TEMPER_BUSY,     /* 429 with seconds, mostly */
    TEMPER_DATED,    /* 429 and 503 with a date */
    TEMPER_UNWELL,   /* 5xx, mostly */
    TEMPER_REFUSING, /* 404 */
    TEMPER_GONE,     /* 410 until the directory changes it */
    TEMPER_REDIRECTING,
    TEMPERS,
};

#define RETRY_AFTER_SIZE 48

struct provider {
    char code[16];
    enum temper temper;
    int32_t host;
    int64_t ill_from_ms, ill_until_ms; /* of DEAD and BLACK; period and phase of FLAPPING */
    uint64_t endpoint;                 /* changes with its URL */
    bool paused;
    bool cured; /* its endpoint was changed: healthy from then on */
};

struct host {
    int64_t down_from_ms, down_until_ms;
};

struct providers {
    const struct plan *plan;
    struct provider *items;
    struct host *hosts;
    int32_t count;
};

/* False without memory. */
__attribute__((warn_unused_result)) bool providers_init(struct providers *providers,
                                                        const struct plan *plan, int64_t start_ms);
void providers_clear(struct providers *providers);
/* The provider whose code it is; "D0017" -> 17. */
int32_t provider_number(const char *code);

/* Nobody answers: since when, or INT64_MIN if it does answer. */
int64_t provider_dead_since(const struct providers *providers, int32_t number, int64_t now_ms);
/* Nothing ever goes wrong with it. */
bool provider_sound(const struct providers *providers, int32_t number);
/* It takes what it gets, sooner or later. */
bool provider_takes(const struct providers *providers, int32_t number, int64_t now_ms);

struct reply {
    struct answer answer;
    int64_t wait_ms;
    bool taken;                         /* the provider has it, whatever is heard of it */
    char retry_after[RETRY_AFTER_SIZE]; /* what answer.retry_after points to, if anything */
};
/* What comes of one request. `again` = it has been taken before; `draw` is all the chance there is
 * in it. */
void provider_reply(const struct providers *providers, int32_t number, int64_t now_ms,
                    int64_t timeout_ms, bool again, uint64_t draw, struct reply *ret_reply);

#endif
