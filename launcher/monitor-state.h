/*
 * The monitor's state. One thread, one epoll instance; everything that can wake it is a source.
 */
#ifndef WHERRY_MONITOR_STATE_H
#define WHERRY_MONITOR_STATE_H

#include "log.h"
#include "monitor.h"

enum {
	MONITOR_IO = 65536,           /* one read; also the largest payload of a frame */
	MONITOR_MEMORY = MONITOR_IO + LOG_MEMORY,
	MONITOR_CLIENTS = 256,        /* more wait in the listening queue */
	MONITOR_QUIET_MS = 250,       /* after a burst: incomplete lines are logged, buffers given back */
	MONITOR_LINGER_MS = 10000,    /* after the exit: what a client has to take its remaining output */
};

struct monitor;

struct source {
	int fd;                       /* -1: closed */
	uint32_t interest;            /* what epoll was told; 0: not registered, since EPOLLHUP can't be masked */
	void (*ready)(struct monitor *monitor, struct source *source, uint32_t events);
};

struct client;

struct monitor {
	int epoll;
	int directory;                /* the run directory, O_PATH */
	char *io;                     /* MONITOR_IO bytes, valid within one callback; the log's memory follows */
	uint64_t flags, buffer;
	struct log log;

	struct source process;        /* pidfd */
	pid_t pid;
	bool ended;
	int status;
	int64_t ended_at;             /* realtime ns */

	struct source output[2];      /* pipes; a terminal is output[0] and, by the same descriptor, the input */
	bool console;
	int slave;                    /* keeps a terminal open that everybody has closed or hung up */
	struct source input;          /* a pipe */
	bool input_open;
	struct client *once;          /* StdinOnce: the client whose leaving closes the input */
	bool once_taken;

	struct source listener;
	struct client *clients;
	unsigned int client_count;

	char *const *hook_argv, *const *hook_env;
	struct source hook;           /* pidfd of the running hook */
	pid_t hook_pid;
	int hook_pipe;
	bool settled;                 /* the hook has been run, or a client has done its work */

	/* monotonic ms, 0: none */
	int64_t quiet_at, linger_at, hook_at, reap_at;
};

/* 0, or -1 with errno. */
int set_nonblocking(int fd);
void source_open(struct source *source, int fd, void (*ready)(struct monitor *, struct source *, uint32_t));
/* Registers, changes or removes; idempotent. */
void source_want(struct monitor *monitor, struct source *source, uint32_t interest);
void source_close(struct monitor *monitor, struct source *source);

/* monitor-stdio.c */
void output_ready(struct monitor *monitor, struct source *source, uint32_t events);
/* Room for input again, or nobody who reads it. */
void input_ready(struct monitor *monitor, struct source *source, uint32_t events);
/* After the exit: takes what is there, without waiting for those who still hold the pipes. */
void output_drain(struct monitor *monitor);
/* How many bytes were taken; fewer than length: it is full, call again when it is writable. A closed input takes and forgets all. */
size_t input_write(struct monitor *monitor, const char *bytes, size_t length);
/* A terminal has no end of input of its own: nothing is done. */
void input_close(struct monitor *monitor);

/* monitor-hook.c: what follows the exit */
void hook_start(struct monitor *monitor);

/* monitor-exit.c */
void process_ready(struct monitor *monitor, struct source *source, uint32_t events);

#endif
