/*
 * talk - what a worker says to its coordinator, and how it takes what it is told: the protocol of
 * schema/wire.md from the worker's side, without socket, clock or signals, which are link's.
 *
 *     talk_open --> talk_hello (each new connection) --> talk_hear, talk_work, talk_beat ...
 *                        ^                                     |
 *                        +------------ talk_lost <-------------+--> talk_over, or talk_bye
 *
 * Time:    now_ms is passed in, from a clock that does not jump.
 * Owner:   talk_open gives, talk_close takes (and ends the runner). The config is kept.
 * Errors:  those of link.h: after one the talk can only be closed. What has to be said about it
 *          to the coordinator has been sent.
 */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H

#include "worker/link.h"

struct talk;

/* Sends one message; `body` [body_size] is its second frame, none if the size is 0. What cannot be
 * sent is dropped: results are kept until they are acknowledged. */
typedef void talk_send(void *context, const uint8_t *header, size_t header_size,
                       const uint8_t *body, size_t body_size);

MUST enum err talk_open(const struct link_config *config, talk_send *send, void *context,
                        struct talk **out);
void talk_close(struct talk **talk);

MUST enum err talk_hello(struct talk *talk);
MUST enum err talk_beat(struct talk *talk);
MUST enum err talk_bye(struct talk *talk, const char *reason); /* gives back what is unfinished */

/* A message that came: its first frame. */
MUST enum err talk_hear(struct talk *talk, int64_t now_ms, const uint8_t *bytes, size_t size);
/* Sends what the runner has finished, and asks for more. */
MUST enum err talk_work(struct talk *talk, int64_t now_ms);
void talk_lost(struct talk *talk); /* the connection is gone */

bool talk_greeted(const struct talk *talk);      /* WELCOME came on this connection */
bool talk_over(const struct talk *talk);         /* told to stop */
int talk_event(const struct talk *talk);         /* readable when talk_work is due; -1: none yet */
int64_t talk_beat_ms(const struct talk *talk);   /* how often to call talk_beat */
int64_t talk_oldest_ms(const struct talk *talk); /* when the result that waits longest was sent */

#endif
