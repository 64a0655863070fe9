/*
 * A record: one immutable entry of a log, as a C structure.
 *
 * All spans are borrowed: a decoded record points into the bytes it was
 * decoded from. Texts are UTF-8. Source: doc/protocol.md 6.
 */
#ifndef OPENLINE_RECORD_H
#define OPENLINE_RECORD_H

#include "span.h"

#define OL_RECORD_MAX 8192u /* canonical bytes */
#define OL_TEXT_MAX 4096u   /* bytes of text in a record */
#define OL_ID_SIZE 16u
#define OL_LANG_MAX 35u
#define OL_ROLE_MAX 64u
#define OL_SUBJECT_MAX 256u
#define OL_FORM_ID_MAX 64u
#define OL_FORM_FIELDS_MAX 4096u
#define OL_FILE_NAME_MAX 255u
#define OL_MEDIA_TYPE_MAX 127u
#define OL_OFFICIAL_MAX 64u
/* What a signed 64-bit integer holds: ledgers and scripts have no other. */
#define OL_NUMBER_MAX UINT64_C(0x7fffffffffffffff)
/* The end of the year 9999, the last that RFC 3339 can write. */
#define OL_TIME_MAX_MS UINT64_C(253402300799999)

/* The order is the rank: lower goes first. One log per precedence. */
enum ol_prec { OL_FLASH, OL_IMMEDIATE, OL_PRIORITY, OL_ROUTINE, OL_PRECS };

/* Kinds 0 to 255; unknown kinds are kept, acknowledged and shown as such. */
enum ol_kind {
    OL_KIND_MESSAGE = 1,
    OL_KIND_RECEIPT = 2,
    OL_KIND_ASK = 3,
    OL_KIND_ANSWER = 4,
    OL_KIND_DECLINE = 5,
    OL_KIND_CANCEL = 6,
    OL_KIND_STANCE = 7,
    OL_KIND_CLOSING = 8,
    OL_KIND_RULE = 9,
    OL_KIND_NOTIFICATION = 10,
    OL_KIND_RETURNED = 11, /* what a restored station lost and got back */
};

enum ol_marking { OL_ACTUAL, OL_EXERCISE, OL_TEST, OL_MARKINGS };

/* How far a message came, as its own rank: rungs only rise. */
enum ol_rung {
    OL_RUNG_DRAFT,
    OL_RUNG_QUEUED,
    OL_RUNG_SENT,
    OL_RUNG_DELIVERED,
    OL_RUNG_READ,
    OL_RUNG_UNDERSTOOD,
    OL_RUNG_ANSWERED,
    OL_RUNGS
};

/* What a reference says of the record it points to. */
enum ol_rel {
    OL_REL_ANSWERS = 1,
    OL_REL_SUPERSEDES = 2,
    OL_REL_CANCELS = 3,
    OL_REL_TRANSLATES = 4,
    OL_REL_READ = 5,       /* receipt-of: its officer has read it */
    OL_REL_UNDERSTOOD = 6, /* receipt-of: and has understood it */
    OL_REL_DECLINES = 7,
    OL_REL_RESTS_ON = 8, /* the FLASH index on which it rests */
    OL_REL_DISTRIBUTED = 9, /* receipt-of: it was handed on; text: to whom */
    OL_REL_CHECKED = 10,    /* receipt-of: a line check reached its station */
    OL_REL_FULFILS = 11,    /* does what was announced */
    OL_REL_REMINDS = 12,    /* of an ask that is not answered */
    OL_RELS
};

#define OL_REFS_MAX 8u
#define OL_ATTACHMENTS_MAX 8u
#define OL_RELEASES_MAX 8u
#define OL_ADDRESSEES_MAX 8u

struct ol_ref {
    uint8_t rel;     /* enum ol_rel; unknown ones are kept */
    bool own;        /* the record was written by this record's author */
    uint64_t number; /* of that author on this line, 1 to OL_NUMBER_MAX */
};

struct ol_attachment {
    struct ol_span hash; /* 32 bytes, BLAKE2b-256 of the content */
    uint64_t size;       /* bytes, at most OL_NUMBER_MAX */
    struct ol_span name; /* 1 to 255 bytes of UTF-8; no '/', no control
                            characters, neither "." nor ".." */
    struct ol_span type; /* media type, printable ASCII, may be empty */
};

struct ol_release {
    struct ol_span by;  /* official, 1 to 64 bytes */
    struct ol_span sig; /* 64 bytes */
};

struct ol_record {
    uint8_t prec;     /* enum ol_prec */
    uint32_t index;   /* in its log, from 1 */
    uint64_t number;  /* per author and line, from 1 to OL_NUMBER_MAX: only
                         a name */
    struct ol_span id; /* OL_ID_SIZE bytes, 10 of them random at least */
    uint8_t kind;     /* enum ol_kind */
    uint64_t written_ms; /* Unix time of the author's clock: content; at most
                            OL_TIME_MAX_MS */
    struct ol_span lang; /* BCP 47, [A-Za-z0-9-], at most 35 bytes, may be
                            empty */
    uint8_t marking;     /* enum ol_marking */
    struct ol_span originator; /* role, at most 64 bytes, may be empty */
    struct ol_span to;         /* addressed role, the same */
    struct ol_span addressees[OL_ADDRESSEES_MAX]; /* roles, none empty */
    uint8_t n_addressees;
    struct ol_span subject; /* at most 256 bytes, may be empty */
    struct ol_span text;    /* at most OL_TEXT_MAX */
    struct ol_span form_id; /* at most 64 bytes, may be empty */
    struct ol_span form_hash;   /* 0 or 32 bytes */
    struct ol_span form_fields; /* at most 4,096 bytes, opaque here */
    struct ol_ref refs[OL_REFS_MAX];
    uint8_t n_refs;
    uint64_t deadline_ms; /* Unix time, as written_ms; 0: none */
    struct ol_attachment attachments[OL_ATTACHMENTS_MAX];
    uint8_t n_attachments;
    struct ol_release releases[OL_RELEASES_MAX];
    uint8_t n_releases;
};

#endif
