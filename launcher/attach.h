/*
 * The monitor's clients: the starting one on descriptor 3 and those that connect to attach.sock.
 * Frames: docs/plan-protocol.md, section 2.
 */
#ifndef WHERRY_ATTACH_H
#define WHERRY_ATTACH_H

#include "monitor-state.h"
#include "protocol.h"

enum {
	ATTACH_SMALL = 8,             /* no frame from a client but STDIN has a longer payload */
	ATTACH_HOPELESS = 64,         /* buffers missed without having read one byte: disconnected */
};

struct client {
	struct source source;         /* first */
	struct client *next;
	uint8_t wants;                /* 1 stdout, 2 stderr */
	bool starting, may_write, claims, told_exit;
	bool deaf;                    /* can't be written to; goes as soon as its last input is consumed */
	bool gone;                    /* freed after this round of events */

	/* the frame being received */
	uint8_t frame[FRAME_HEADER + ATTACH_SMALL];
	uint32_t have, left;          /* bytes of frame; bytes of payload still to come */
	/* received, but the process's stdin is full */
	char *held;
	size_t held_start, held_end;

	/* to be sent */
	char *queue;
	size_t queue_start, queue_end, queue_capacity;
	uint64_t dropped[2];          /* since the last GAP of that stream */
	uint64_t missed;              /* dropped since it last read something */
};

/* Takes fd over. NULL: no memory; fd is closed. */
struct client *client_add(struct monitor *monitor, int fd, bool starting);
/* Disconnects; the memory goes with clients_sweep(). */
void client_drop(struct monitor *monitor, struct client *client);
void clients_sweep(struct monitor *monitor);

/* attach-output.c */
static inline size_t client_queued(const struct client *client)
{
	return client->queue_end - client->queue_start;
}
void client_output(struct monitor *monitor, struct client *client, int stream, const char *bytes, size_t length);
/* The last frame; nothing follows it. */
void client_tell_exit(struct monitor *monitor, struct client *client);
void client_flush(struct client *client);

/* attach-input.c */
void client_receive(struct monitor *monitor, struct client *client);
/* Goes on with held input. */
void client_resume(struct monitor *monitor, struct client *client);

/* attach.c */
/* A socket on rundir/attach.sock, or -1 with errno. */
int listener_make(const char *rundir);
void listener_open(struct monitor *monitor, int fd);
/* Takes everybody who has connected so far, then removes the socket. */
void listener_close(struct monitor *monitor);
/* Whether the starting client's queue holds back the process's output. */
bool clients_block_output(const struct monitor *monitor);
bool clients_hold_input(const struct monitor *monitor);

#endif
