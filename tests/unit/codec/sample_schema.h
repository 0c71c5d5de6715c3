/* SPDX-License-Identifier: Apache-2.0 */
/* A schema with everything that the codec knows, and JSON for it; also what the fuzz targets run
 * on, so that their corpora do not age with the real schemas. Apostrophes stand for quotation
 * marks. */
#ifndef UNIT_CODEC_SAMPLE_SCHEMA_H
#define UNIT_CODEC_SAMPLE_SCHEMA_H

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
    "'phones':['07700 900123','+44 7700 900124'],"
    "'people':[{'name':'A','rank':2},{'name':'B','rank':1}],"
    "'marks':{'one':1,'two':2}}";

#endif
