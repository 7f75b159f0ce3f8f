/*
 * What the plan executor hands to the monitor (operation MONITOR).
 */
#ifndef WHERRY_MONITOR_H
#define WHERRY_MONITOR_H

#include "kernel.h"

struct monitor_args {
	pid_t pid;            /* the container's process, a child of the caller */
	int pidfd;
	int client;           /* descriptor 3 */
	int listener;         /* of monitor_prepare(), -1: none */
	int console;          /* master of the terminal, -1: none */
	int in, out, err;     /* write end, read end, read end; -1: none */
	const char *rundir;   /* absolute; attach.sock and exit are made there */
	uint64_t flags;       /* docs/plan-protocol.md, MONITOR */
	const char *log_path;
	uint64_t log_bytes;   /* rotate after so many; 0: no log */
	uint64_t log_files;
	uint64_t buffer;      /* bytes a slow client may lag behind */
	char *const *hook_argv; /* NULL-terminated; empty: no hook */
	char *const *hook_env;
	/* Called with plan once nothing above is needed any more: the decoded plan's memory need not stay. NULL: nothing. */
	void (*release)(void *plan);
	void *plan;
};

/* MONITOR's flags, docs/plan-protocol.md */
enum {
	MONITOR_WANTS_STDOUT = 1,
	MONITOR_WANTS_STDERR = 2,
	MONITOR_MAY_WRITE = 4,
	MONITOR_CLAIMS = 8,
	MONITOR_STDIN_ONCE = 16,
	MONITOR_NO_LISTENER = 32,
};

/*
 * To be called before STARTED is sent, so that whoever hears it can connect, and can't end the monitor by a signal: listens on
 * rundir/attach.sock, mode 0600, in place of what is there (*listener; unless MONITOR_NO_LISTENER, then -1). -1 with errno.
 */
int monitor_prepare(const char *rundir, uint64_t flags, int *listener);

/* STARTED has been sent before. Returns the exit code of the launcher. */
int monitor_run(struct monitor_args *args);

#endif
