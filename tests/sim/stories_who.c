/*
 * Stories of who is there: what a station shows of its officer reaches the
 * other side, in time, and is not taken for more than it is.
 */
#include "law_kit.h"

static void show(unsigned st, enum ol_attendance a)
{
    world_attend(&w, st, a, OL_SHARE_YES);
}

/* Nothing was said of an officer: that is not that nobody is there. */
static void silence_is_not_absence(void)
{
    two();
    run_for(120 * S);
    EXPECT(status(0).theirs == OL_ATT_UNKNOWN);
    EXPECT(status(1).shown == OL_ATT_UNKNOWN);
}

/* A change is there within a round trip, not with the next probe. */
static void a_change_is_told_at_once(void)
{
    static const enum ol_attendance way[] = {
        OL_ATT_ATTENDED, OL_ATT_UNATTENDED, OL_ATT_ATTENDED, OL_ATT_UNKNOWN};

    two();
    for (unsigned k = 0; k < OL_LEN(way); k++) {
        show(1, way[k]);
        EXPECT(status(1).shown == way[k]);
        run_for(100 * MS);
        EXPECT(status(0).theirs == way[k]);
        EXPECT(status(1).theirs == OL_ATT_UNKNOWN);
        run_for(30 * S);
        EXPECT(status(0).theirs == way[k]);
    }
}

static void nonsense_is_refused(void)
{
    struct ol_event ev = {.kind = OL_EV_ATTEND, .attendance = 3};

    two();
    EXPECT(world_step(&w, 0, &ev) == OL_ERR_INPUT);
    EXPECT(status(0).shown == OL_ATT_UNKNOWN);
}

/* What a side said before it was lost tells nothing of now; what it said last
 * is still known as that. */
static void what_was_is_not_what_is(void)
{
    two();
    show(1, OL_ATT_ATTENDED);
    run_for(S);
    EXPECT(status(0).theirs == OL_ATT_ATTENDED);
    for (unsigned c = 0; c < 2; c++)
        world_cut(&w, c, 1, true);
    run_for(60 * S);
    EXPECT(status(0).state == OL_LINE_DARK);
    EXPECT(status(0).theirs == OL_ATT_UNKNOWN);
    EXPECT(status(0).said == OL_ATT_ATTENDED);
    show(1, OL_ATT_UNATTENDED); /* while nothing passes */
    run_for(S);
    for (unsigned c = 0; c < 2; c++)
        world_cut(&w, c, 1, false);
    run_for(15 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(status(0).theirs == OL_ATT_UNATTENDED);
}

/* A station that starts anew knows of nobody, and says so. */
static void a_start_forgets(void)
{
    two();
    show(1, OL_ATT_ATTENDED);
    run_for(S);
    world_crash(&w, 1, 5 * S);
    run_for(20 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(status(0).theirs == OL_ATT_UNKNOWN);
    EXPECT(status(0).said == OL_ATT_UNKNOWN);
}

static unsigned small;

/* Frames of 60 bytes and less: a VIEW alone, or acks. */
static bool lose_small(struct world *ww, unsigned ch, unsigned from,
                       const struct ol_send *s)
{
    (void)ww;
    (void)ch;
    if (from != 1 || s->bytes.n > 120)
        return false;
    small++;
    return true;
}

/* While data flows no probe goes; a change that was lost is told again all the
 * same. */
static void a_lost_change_is_told_again(void)
{
    uint64_t until;

    two();
    w.lose = lose_small;
    show(1, OL_ATT_ATTENDED);
    run_for(200 * MS);
    EXPECT(small > 0);
    w.lose = NULL;
    EXPECT(status(0).theirs == OL_ATT_UNKNOWN);
    for (until = w.now_ns + 5 * S; w.now_ns < until; run_for(500 * MS))
        for (unsigned st = 0; st < 2; st++)
            world_say(&w, st, OL_ROUTINE, 200);
    EXPECT(status(0).theirs == OL_ATT_ATTENDED);
}

static const struct story stories[] = {
    {"silence_is_not_absence", silence_is_not_absence},
    {"a_change_is_told_at_once", a_change_is_told_at_once},
    {"nonsense_is_refused", nonsense_is_refused},
    {"what_was_is_not_what_is", what_was_is_not_what_is},
    {"a_start_forgets", a_start_forgets},
    {"a_lost_change_is_told_again", a_lost_change_is_told_again},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
