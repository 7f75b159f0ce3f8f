/* A plan while it runs: one copy in the launcher, one in the child. */
#ifndef WHERRY_RUN_H
#define WHERRY_RUN_H

#include <sys/uio.h>
#include "plan.h"

struct run {
	const struct plan *plan;
	int client;   /* launcher only */
	int report;   /* launcher: read end; child: write end; -1: closed */
	int sync;     /* this side's end of the GIVE/TAKE socket */
	int pidfd;    /* launcher: of the child */
	int listener; /* launcher: the monitor's, -1: none */
	int rundir, record; /* launcher: MONITOR's run directory, the file `started` in the making; -1: none */
	uint64_t child_start, monitor_start; /* launcher: for STARTED */
	pid_t child;  /* launcher: its pid; 0 in the child itself and before the clone */
	bool in_child;
	bool executing; /* launcher: the child came as far as execve */
	uint32_t kept;  /* KEEPFDS: how many descriptors of the caller's the program gets */
	bool masked;    /* UMASK was run */
	mode_t umask;   /* the caller's */
	int pdeathsig;  /* armed with PDEATHSIG; credential changes clear it in the kernel */
	int slots[PLAN_SLOTS_MAX]; /* -1: empty */
	char detail[1024]; /* what errno alone doesn't say about a failure */
	/* launcher: what the child reported */
	bool child_failed;
	uint32_t child_index;
	int child_errno;
	char child_detail[1024];
};

/* test/fault.c, linked when FAULT_BUILD is 1: 0, or -1 with errno as if the operation had failed. */
int inject_fault(uint32_t index);

/* An operation: 0, or -1 with errno (and `detail`). */
typedef int operation_function(struct run *run, const union argument *args);

#define OP(code, name, signature, sections) operation_function op_##name;
#include "operations.def"
#undef OP

/* -1 after noting what was being done; keeps errno. */
int fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with an errno of ours. */
#define refuse(run, error, ...) (errno = (error), fail(run, __VA_ARGS__))

/* AT_FDCWD for NONE. */
int slot_directory(const struct run *run, union argument argument);
/* -1 for NONE. */
int slot_optional(const struct run *run, union argument argument);
/* One write(2) to an existing file of procfs or cgroupfs. */
int write_file(int dir, const char *path, const void *data, size_t length);
/* A message with at most GIVE_BATCH descriptors, 0: none. */
int send_descriptors(int to, struct iovec *parts, size_t count, const int *fds, size_t descriptors);
/* Closes all but two, and the socket to the other side of the clone. */
void close_slots(struct run *run, uint16_t kept, uint16_t also);
/* Stores a descriptor that the run owns from now on; a negative one is passed on as the failure. */
int slot_fill(struct run *run, union argument argument, int fd);

/*
 * Launcher: waits until `fd` is readable (-1: until the child has executed) while it watches child and client.
 * -1: the child failed or died (ECHILD), or the client is gone (ECANCELED).
 */
int await(struct run *run, int fd);

/* Arms the parent-death signal again if PDEATHSIG was run, and checks that the launcher is alive. */
int rearm_pdeathsig(struct run *run);

/* Field 22 of /proc/PID/stat: clock ticks since boot; 0 with errno. */
uint64_t process_start_time(pid_t pid);

/* Of the plan's MONITOR; NULL: it has none. */
const union argument *monitor_arguments(const struct plan *plan);

/* What can be prepared for STARTED while the child is busy: start times, and the file `started` in MONITOR's run directory. */
int prepare_started(struct run *run);
/* Undoes that. */
void forget_started(struct run *run);
/* The child has executed: writes `started`, then sends STARTED. */
int tell_started(struct run *run);

/* Runs a decoded plan to its end; the exit code. */
int plan_execute(const struct plan *plan, int client);

#endif
