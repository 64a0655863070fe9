/*
 * The other end of the control socket, for the verbs that need no running
 * station but tell one that runs. One question, one answer, blocking.
 */
#ifndef OL_STATION_CLIENT_H
#define OL_STATION_CLIENT_H

#include <jansson.h>

#include <openline/station.h>

/* 0 and *result (the caller's), or the answer's error code with why; 5 when
 * nobody listens. params may be NULL and is consumed. */
int ol_client_call(const char *dir, const char *method, json_t *params,
                   json_t **result, char why[OL_WHY_MAX]);

#endif
