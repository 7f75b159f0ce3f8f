/*
 * The process's own descriptors: its terminal, or up to three pipes.
 */
#include "attach.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

static void distribute(struct monitor *monitor, int stream, size_t length)
{
	log_write(&monitor->log, stream, monitor->io, length);
	for (struct client *client = monitor->clients; client; client = client->next)
		client_output(monitor, client, stream, monitor->io, length);
}

/*
 * EIO: nobody has the terminal open any more, or it was hung up because its session's leader ended. It may be opened again
 * (/dev/console of a system container), which nothing would tell us: we open it ourselves, so that reads wait as before.
 */
static bool keep_terminal(struct monitor *monitor)
{
	if (monitor->slave >= 0)
		close(monitor->slave);
	monitor->slave = ioctl(monitor->output[0].fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return monitor->slave >= 0;
}

/* Bytes read, 0: nothing at the moment, -1: never again. */
static ssize_t read_output(struct monitor *monitor, struct source *source)
{
	ssize_t n = read(source->fd, monitor->io, MONITOR_IO);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (monitor->console && !monitor->ended && keep_terminal(monitor))
		return 0;
	return -1;
}

void input_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		for (struct client *client = monitor->clients; client; client = client->next)
			client_resume(monitor, client);
}

void output_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	int stream = source == &monitor->output[1] ? 2 : 1;

	if (monitor->console)
		input_ready(monitor, source, events);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	/* a few at a time, so that the other stream and the clients get their turn */
	for (int round = 0; round < 8 && !clients_block_output(monitor); round++) {
		ssize_t n = read_output(monitor, source);

		if (n < 0)
			source_close(monitor, source);
		if (n <= 0)
			return;
		distribute(monitor, stream, (size_t)n);
	}
}

void output_drain(struct monitor *monitor)
{
	for (int i = 0; i < 2; i++) {
		struct source *source = &monitor->output[i];
		/* a survivor that keeps writing must not keep us here: no more than the pipe held (a terminal holds less) */
		int held = source->fd < 0 ? 0 : fcntl(source->fd, F_GETPIPE_SZ);
		ssize_t left = held > 0 ? held : 1 << 20;

		while (source->fd >= 0 && left > 0) {
			ssize_t n = read_output(monitor, source);

			if (n <= 0)
				break;
			left -= n;
			distribute(monitor, i + 1, (size_t)n);
		}
		source_close(monitor, source);
	}
	source_close(monitor, &monitor->input);
	monitor->input_open = false;
	if (monitor->slave >= 0)
		close(monitor->slave);
	monitor->slave = -1;
}

size_t input_write(struct monitor *monitor, const char *bytes, size_t length)
{
	int fd = monitor->console ? monitor->output[0].fd : monitor->input.fd;
	if (!monitor->input_open || fd < 0)
		return length;
	ssize_t n = write(fd, bytes, length);
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN)
		return 0;
	/* EPIPE: the process has closed it. EIO: a terminal that nobody has open */
	if (!monitor->console)
		input_close(monitor);
	return length;
}

void input_close(struct monitor *monitor)
{
	if (monitor->console)
		return;
	monitor->input_open = false;
	source_close(monitor, &monitor->input);
}
