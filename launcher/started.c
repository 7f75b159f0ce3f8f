/* What was started, told twice: to the client, and to whoever finds the client dead. */
#include "run.h"

#include "frame.h"

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

static const char temporary[] = ".started.tmp";

int prepare_started(struct run *run)
{
	const union argument *monitor = monitor_arguments(run->plan);
	run->child_start = process_start_time(run->child);
	run->monitor_start = process_start_time(getpid());
	if (!monitor)
		return 0;
	const char *path = monitor[4].s;
	run->rundir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (run->rundir < 0)
		return fail(run, "%.1000s", path);
	run->record = openat(run->rundir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return run->record < 0 ? fail(run, "%.1000s/started", path) : 0;
}

void forget_started(struct run *run)
{
	if (run->rundir >= 0)
		unlinkat(run->rundir, temporary, 0);
}

/* Renamed into place, so that whoever sees it sees all of it. */
static int write_record(struct run *run, uint64_t time)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "pid %d\nstart %llu\nmonitor %d\nmonitor-start %llu\ntime %llu\n", (int)run->child,
		(unsigned long long)run->child_start, (int)getpid(), (unsigned long long)run->monitor_start, (unsigned long long)time);
	ssize_t wrote = write(run->record, text, (size_t)length);
	if (wrote >= 0 && wrote != length)
		errno = ENOSPC;
	if (wrote != length)
		return -1;
	close(run->record);
	return renameat(run->rundir, temporary, run->rundir, "started");
}

int tell_started(struct run *run)
{
	unsigned char payload[32];
	uint64_t time = realtime_ns();
	if (run->record >= 0 && write_record(run, time) != 0)
		return fail(run, "writing `started` in the run directory");
	put32(payload, (uint32_t)run->child);
	put64(payload + 4, run->child_start);
	put32(payload + 12, (uint32_t)getpid());
	put64(payload + 16, run->monitor_start);
	put64(payload + 24, time);
	return frame_write(run->client, FRAME_STARTED, 0, payload, sizeof(payload));
}
