/* SPDX-License-Identifier: Apache-2.0 */
/* A schema with everything that the codec knows, and short ways to schemas and records, for the
 * tests of this folder. */
#ifndef UNIT_CODEC_SAMPLE_H
#define UNIT_CODEC_SAMPLE_H

#include "codec/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Apostrophes stand for quotation marks, so that schemas can be read. */
static inline char *quoted(const char *text)
{
    char *copy = strdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    return copy;
}

static inline struct schema *schema_of(const char *text)
{
    char *json = quoted(text);
    struct reason reason = {0};
    struct schema *schema = schema_parse(json, strlen(json), &reason);
    free(json);
    if (!schema)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    return schema;
}

static inline struct json *json_of(const char *text)
{
    char *copy = quoted(text);
    struct reason reason = {0};
    struct json *json = json_parse(copy, strlen(copy), 1 << 20, &reason);
    free(copy);
    if (!json)
        fail_msg("%s: %s in %s", reason.code, reason.detail, text);
    return json;
}

static const char sample_schema[] =
    "{'type':'record','name':'Sample','namespace':'a.b','fields':["
    "{'name':'id','type':'string','format':'uuid','maxLength':36},"
    "{'name':'kind','type':{'type':'enum','name':'Kind','symbols':['RED','GREEN','BLUE']}},"
    "{'name':'count','type':'int','minimum':0,'maximum':10},"
    "{'name':'at','type':'long','default':5},"
    "{'name':'ratio','type':'double','default':0.5,'minimum':0},"
    "{'name':'small','type':'float','default':1},"
    "{'name':'yes','type':'boolean','default':true},"
    "{'name':'raw','type':'bytes','default':'','maxLength':8},"
    "{'name':'key','type':['null',{'type':'fixed','name':'Key','size':4}],'default':null},"
    "{'name':'postcode','type':['null','string'],'default':null,'format':'postcode','maxLength':8},"
    "{'name':'note','type':['string','null'],'default':'none'},"
    "{'name':'sex','type':'string','default':'unknown','oneOf':['female','male','unknown']},"
    "{'name':'inner','type':{'type':'record','name':'Inner','fields':["
    "  {'name':'x','type':['null','int'],'default':null,'maximum':5},"
    "  {'name':'y_z','type':'string','default':'why'}]}},"
    "{'name':'again','type':['null','Inner'],'default':null},"
    "{'name':'phones','type':{'type':'array','items':{'type':'string','format':'phone'}},"
    "  'default':[],'maxItems':3},"
    "{'name':'people','type':{'type':'array','items':{'type':'record','name':'Person','fields':["
    "  {'name':'name','type':'string'},{'name':'rank','type':'int','default':1}]}},'default':[]},"
    "{'name':'marks','type':{'type':'map','values':'long'},'default':{}}]}";

/* The least that may be posted. */
static const char sample_least[] =
    "{'id':'123e4567-e89b-42d3-a456-426614174000','kind':'GREEN','count':3,'inner':{}}";

/* Everything set. */
static const char sample_full[] =
    "{'id':'123e4567-e89b-42d3-a456-426614174000','kind':'BLUE','count':10,'at':-9007199254740993,"
    "'ratio':0.25,'small':1.5,'yes':false,'raw':'AAEC','key':'AQIDBA==','postcode':'ME14 1XX',"
    "'note':'\xC3\xA9','sex':'male','inner':{'x':5,'y_z':'why not'},'again':{'x':-1,'y_z':''},"
    "'phones':['07700 900123','+44 7700 900124'],'people':[{'name':'A','rank':2},{'name':'B','rank':1}],"
    "'marks':{'one':1,'two':2}}";

static inline struct record *record_of(const struct schema *schema, const char *text)
{
    struct record *record = record_new(schema);
    struct json *json = json_of(text);
    struct reason reason = {0};
    if (!record || record_from_json(record, json, &reason) != DONE)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    json_free(json);
    return record;
}

#endif
