/*
 * How SQLite finds what the ledger's statements ask for: by a key, never by
 * walking a table that grows. Without statistics it guesses, so every
 * statement's plan is looked at here.
 */
#include "ledger_kit.h"

#include <stdio.h>

#include "ledger/read.h"
#include "ledger/sqlite.h"

/* Tables that hold as much as was ever said; the others stay small. */
static const char *const grow[] = {"record", "mark", "event", "attempt",
                                   "ack", "fact", "piece", "file", "waiting"};

/* Walks that are short: the newest row; whether there is any; the pieces, the
 * parts, the files of one. */
static bool short_walk(const char *text)
{
    static const char *const known[] = {
        "SELECT seq + n - 1 FROM event ORDER BY seq DESC LIMIT 1",
        "SELECT coalesce(max(n), 0) + 1 FROM fact",
        "SELECT EXISTS(SELECT 1 FROM part), EXISTS(SELECT 1 FROM waiting)",
    };

    for (unsigned k = 0; k < OL_LEN(known); k++)
        if (strcmp(text, known[k]) == 0)
            return true;
    return false;
}

static void look(const char *text, const char *plan)
{
    static const char by[] = "SEARCH record USING";
    char walk[64];

    for (unsigned k = 0; k < OL_LEN(grow); k++) {
        snprintf(walk, sizeof(walk), "SCAN %s", grow[k]);
        if (strncmp(plan, walk, strlen(walk)) == 0 && !short_walk(text))
            fail_msg("%s\n  walks a table: %s", text, plan);
    }
    /* All of a line, or of a log: as long as it is. */
    if (strncmp(plan, by, strlen(by)) == 0 &&
        (strstr(plan, "(line=?)") || strstr(plan, "(line=? AND author=?)")) &&
        !strstr(text, "max(number)"))
        fail_msg("%s\n  walks a log: %s", text, plan);
}

static void plans(struct ol_sql *sql)
{
    for (unsigned k = 0; k < sql->n; k++) {
        sqlite3_stmt *s = NULL;
        char text[1024];

        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql->texts[k]);
        assert_int_equal(sqlite3_prepare_v2(sql->db, text, -1, &s, NULL),
                         SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            look(sql->texts[k], (const char *)sqlite3_column_text(s, 3));
        sqlite3_finalize(s);
    }
}

static void everything_is_found_by_a_key(void **state)
{
    struct kit *k = *state;
    struct ol_sqlite *l = (struct ol_sqlite *)k->l;

    assert_true(l->reader.n > 20 && l->writer.n > 10);
    plans(&l->reader);
    plans(&l->writer);
}

/* A table in memory for each row that is put costs more than the row. */
static void no_table_is_made_to_put_a_row(void **state)
{
    struct kit *k = *state;
    struct ol_sql *sql = &((struct ol_sqlite *)k->l)->writer;

    for (unsigned n = 0; n < sql->n; n++) {
        sqlite3_stmt *s = NULL;
        char text[1024];

        snprintf(text, sizeof(text), "EXPLAIN %s", sql->texts[n]);
        assert_int_equal(sqlite3_prepare_v2(sql->db, text, -1, &s, NULL),
                         SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            if (strcmp((const char *)sqlite3_column_text(s, 1),
                       "OpenEphemeral") == 0)
                fail_msg("%s\n  makes a table", sql->texts[n]);
        sqlite3_finalize(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_SQLITE_TEST(everything_is_found_by_a_key)
        KIT_SQLITE_TEST(no_table_is_made_to_put_a_row)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
