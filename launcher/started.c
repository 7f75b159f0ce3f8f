/* What was started, told twice: to the client, and to whoever finds the client dead. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "frame.h"
#include "kernel.h"

uint64_t process_start_time(pid_t pid)
{
	char path[32], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	text[got] = 0;
	const char *at = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

/* Renamed into place, so that whoever sees it sees all of it. */
static int write_record(const char *rundir, const char *text, size_t length)
{
	static const char temporary[] = ".started.tmp";
	int dir = open(rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t wrote = fd < 0 ? -1 : write(fd, text, length);
	int error = wrote < 0 ? errno : ENOSPC;
	if (fd >= 0)
		close(fd);
	if (wrote == (ssize_t)length && renameat(dir, temporary, dir, "started") == 0)
		return close(dir);
	if (wrote == (ssize_t)length)
		error = errno;
	unlinkat(dir, temporary, 0);
	close(dir);
	errno = error;
	return -1;
}

int tell_started(struct run *run)
{
	char text[256];
	unsigned char payload[32];
	struct timespec now;
	pid_t monitor = getpid();
	uint32_t tail = run->plan->first[SECTION_TAIL];
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	uint64_t child_start = process_start_time(run->child), monitor_start = process_start_time(monitor);
	if (tail < run->plan->count && run->plan->operations[tail].code == OP_MONITOR) {
		const char *rundir = run->plan->operations[tail].args[4].s;
		int length = snprintf(text, sizeof(text), "pid %d\nstart %llu\nmonitor %d\nmonitor-start %llu\ntime %llu\n", (int)run->child,
			(unsigned long long)child_start, (int)monitor, (unsigned long long)monitor_start, (unsigned long long)time);
		if (write_record(rundir, text, (size_t)length) != 0)
			return fail(run, "%.900s/started", rundir);
	}
	put32(payload, (uint32_t)run->child);
	put64(payload + 4, child_start);
	put32(payload + 12, (uint32_t)monitor);
	put64(payload + 16, monitor_start);
	put64(payload + 24, time);
	return frame_write(run->client, FRAME_STARTED, 0, payload, sizeof(payload));
}
