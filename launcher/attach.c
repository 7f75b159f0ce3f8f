/*
 * Connecting and disconnecting. A client that breaks the protocol loses its connection, nothing else.
 */
#include "attach.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ATTACH_NAME "attach.sock"

static void client_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	struct client *client = (struct client *)source;

	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		client_flush(client);
	if (!client->gone && !client->held && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		client_receive(monitor, client);
}

struct client *client_add(struct monitor *monitor, int fd, bool starting)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client || set_nonblocking(fd) < 0) {
		free(client);
		close(fd);
		return NULL;
	}
	source_open(&client->source, fd, client_ready);
	client->starting = starting;
	client->may_write = true;
	client->next = monitor->clients;
	monitor->clients = client;
	monitor->client_count++;
	return client;
}

void client_drop(struct monitor *monitor, struct client *client)
{
	if (client->gone)
		return;
	client->gone = true;
	source_close(monitor, &client->source);
	if (monitor->once == client) {
		monitor->once = NULL;
		input_close(monitor);
	}
}

void clients_sweep(struct monitor *monitor)
{
	struct client **link = &monitor->clients;

	while (*link) {
		struct client *client = *link;

		if (!client->gone) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		monitor->client_count--;
		free(client->held);
		free(client->queue);
		free(client);
	}
}

bool clients_block_output(const struct monitor *monitor)
{
	for (const struct client *client = monitor->clients; client; client = client->next)
		if (client->starting && !client->gone && client_queued(client) > 0)
			return true;
	return false;
}

bool clients_hold_input(const struct monitor *monitor)
{
	for (const struct client *client = monitor->clients; client; client = client->next)
		if (!client->gone && client->held)
			return true;
	return false;
}

static void listener_ready(struct monitor *monitor, struct source *source, uint32_t events)
{
	while (monitor->client_count < MONITOR_CLIENTS) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			break;
		client_add(monitor, fd, false);
	}
}

/* The run directory's path may be longer than sun_path's 108 bytes, hence the detour. */
int listener_make(const char *rundir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int directory = open(rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = directory < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd >= 0) {
		mode_t old = umask(0177);

		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" ATTACH_NAME, directory);
		unlinkat(directory, ATTACH_NAME, 0);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0)
			error = errno;
		umask(old);
	}
	if (directory >= 0)
		close(directory);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

void listener_open(struct monitor *monitor, int fd)
{
	source_open(&monitor->listener, fd, listener_ready);
}

void listener_close(struct monitor *monitor)
{
	if (monitor->listener.fd < 0)
		return;
	listener_ready(monitor, &monitor->listener, EPOLLIN);
	source_close(monitor, &monitor->listener);
	unlinkat(monitor->directory, ATTACH_NAME, 0);
}
