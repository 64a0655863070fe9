/*
 * What people call a message: AUTHOR:ADDRESSEE/NUMBER, AUTHOR/NUMBER, NUMBER,
 * or the 32 digits of its id; and new ids. Pure but for their random bytes.
 */
#ifndef OL_STATION_NAMES_H
#define OL_STATION_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define OL_MESSAGE_NAME 96u

struct ol_name {
    bool is_id;
    uint8_t id[16];
    char author[33], addressee[33]; /* empty: not said */
    uint64_t number;
};

bool ol_name_parse(const char *text, struct ol_name *name);
void ol_name_put(char out[OL_MESSAGE_NAME], const char *author,
                 const char *addressee, uint64_t number);
/* A new id, as each record of ours has one: see base/id.h. */
void ol_id_new(uint8_t id[16], uint64_t wall_ms);

#endif
