/*
 * The small values of which a message's documents are made.
 */
#ifndef OL_STATION_JSON_VALUES_H
#define OL_STATION_JSON_VALUES_H

#include <openline/span.h>

#include "station/json_set.h"
#include "station/text.h"

static inline void push(json_t **list, json_t *value)
{
    if (*list != NULL && json_array_append_new(*list, value) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

/* Empty: null. */
static inline json_t *text_of(struct ol_span s)
{
    return s.n > 0 ? json_stringn((const char *)s.p, s.n) : json_null();
}

/* 0: null. */
static inline json_t *time_of(uint64_t ms)
{
    char text[OL_TIME_TEXT];

    if (ms == 0)
        return json_null();
    ol_text_time(text, ms);
    return json_string(text);
}

#endif
