/*
 * The end of the process: recorded at once, then told to the clients, then followed up.
 */
#include "attach.h"

#include <sys/wait.h>

/* Renamed into place, so that whoever sees it sees all of it. */
static void write_exit(const struct monitor *monitor)
{
	static const char temporary[] = ".exit.tmp";
	int fd = openat(monitor->directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	int ok = dprintf(fd, "status %d\ntime %lld\nlog-dropped %llu\n", monitor->status, (long long)monitor->ended_at,
				 (unsigned long long)monitor->log.dropped) > 0;
	close(fd);
	if (!ok || renameat(monitor->directory, temporary, monitor->directory, "exit") < 0)
		unlinkat(monitor->directory, temporary, 0);
}

void process_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	if (waitpid(monitor->pid, &monitor->status, WNOHANG | __WALL) == 0) {
		/* dead, but a debugger has to let go of it first; its pidfd is readable all the time */
		source_want(monitor, source, 0);
		monitor->reap_at = monotonic_ms() + 10;
		return;
	}
	monitor->ended = true;
	monitor->ended_at = (int64_t)realtime_ns();
	source_close(monitor, source);
	uint64_t dropped = monitor->log.dropped;
	write_exit(monitor);

	listener_close(monitor);
	output_drain(monitor);
	log_close(&monitor->log);
	if (monitor->log.dropped != dropped)
		write_exit(monitor);
	for (struct client *client = monitor->clients; client; client = client->next) {
		client_resume(monitor, client);
		client_tell_exit(monitor, client);
	}
}
