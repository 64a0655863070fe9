/*
 * Building a document member by member, without a check at each: a value that
 * could not be made spoils the whole, which then is NULL.
 */
#ifndef OL_STATION_JSON_SET_H
#define OL_STATION_JSON_SET_H

#include <jansson.h>

static inline void set(json_t **doc, const char *key, json_t *value)
{
    if (json_object_set_new(*doc, key, value) == 0) /* takes value anyway */
        return;
    json_decref(*doc);
    *doc = NULL;
}

#endif
