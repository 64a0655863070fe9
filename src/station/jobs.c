/*
 * Background work for requests whose answer is long: a piece per turn of the
 * loop, and only while the client reads, so that probes and frames never wait
 * for a reader.
 */
#include "station/control.h"

#include "station/station.h"

void ol_job_start(struct ol_job *job)
{
    struct ol_station *st = job->rq->st;
    struct ol_job **at = &st->jobs;

    while (*at != NULL)
        at = &(*at)->next;
    job->next = NULL;
    *at = job;
    ol_loop_again(st);
}

/* Nobody waits for it any more. */
static void drop(struct ol_job *job)
{
    struct ol_request *rq = job->rq;

    job->drop(job);
    ol_stream_break(rq);
}

void ol_jobs_pump(struct ol_station *st)
{
    struct ol_job **at = &st->jobs;

    while (*at != NULL) {
        struct ol_job *job = *at;

        if (job->rq->client == NULL) {
            *at = job->next;
            drop(job);
        } else if (!ol_request_room(job->rq)) {
            at = &job->next;
        } else if (job->step(job)) {
            ol_loop_again(st);
            at = &job->next;
        } else {
            *at = job->next;
            job->drop(job);
        }
    }
}

void ol_jobs_stop(struct ol_station *st)
{
    while (st->jobs != NULL) {
        struct ol_job *job = st->jobs;

        st->jobs = job->next;
        drop(job);
    }
}
