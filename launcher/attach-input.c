/*
 * What clients send. STDIN is passed on as it comes; all other frames are small.
 */
#include "attach.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

static bool may_write(const struct monitor *monitor, const struct client *client)
{
	return client->may_write && !monitor->ended;
}

static void take_once(struct monitor *monitor, struct client *client)
{
	if (!(monitor->flags & MONITOR_STDIN_ONCE) || monitor->once_taken)
		return;
	monitor->once_taken = true;
	monitor->once = client;
}

/* The payload length that a frame of this type must have; -1: STDIN, any up to 64 KiB; -2: no such frame. */
static int payload_length(uint8_t type)
{
	switch (type) {
	case FRAME_STDIN:
		return -1;
	case FRAME_STDIN_EOF:
	case FRAME_DONE:
		return 0;
	case FRAME_RESIZE:
		return 4;
	case FRAME_CLAIM:
	case FRAME_BEGIN:
		return 1;
	default:
		return -2;
	}
}

static bool accept_header(struct client *client)
{
	const uint8_t *h = client->frame;
	uint32_t length = get32(h);
	int expected = payload_length(h[4]);

	client->left = length;
	if (h[5] || h[6] || h[7] || expected == -2)
		return false;
	return expected == -1 ? length <= MONITOR_IO : length == (uint32_t)expected;
}

static void resize(const struct monitor *monitor, const uint8_t *payload)
{
	struct winsize size = { .ws_row = get16(payload), .ws_col = get16(payload + 2) };
	if (monitor->console && monitor->output[0].fd >= 0)
		ioctl(monitor->output[0].fd, TIOCSWINSZ, &size);
}

/* A whole frame other than STDIN. False: it has no place here. */
static bool handle_frame(struct monitor *monitor, struct client *client)
{
	const uint8_t *payload = client->frame + FRAME_HEADER;

	switch (client->frame[4]) {
	case FRAME_STDIN_EOF:
		if (may_write(monitor, client))
			input_close(monitor);
		return true;
	case FRAME_RESIZE:
		resize(monitor, payload);
		return true;
	case FRAME_CLAIM:
		client->claims = payload[0] == 1;
		return payload[0] <= 1;
	case FRAME_BEGIN:
		if (client->starting || payload[0] > 7)
			return false;
		client->wants = payload[0] & 3;
		if (payload[0] & 4)
			take_once(monitor, client);
		return true;
	case FRAME_DONE:
		if (!monitor->ended || !client->claims)
			return false;
		monitor->settled = true;
		client->claims = false;
		return true;
	default:
		return false;
	}
}

/* How many of the bytes the process took, or are not meant for anybody any more; fewer than length: its input is full. */
static size_t pass_input(struct monitor *monitor, const struct client *client, const char *bytes, size_t length)
{
	size_t used = 0;
	for (size_t n = 1; used < length && n > 0; used += n)
		n = may_write(monitor, client) ? input_write(monitor, bytes + used, length - used) : length - used;
	return used;
}

/* False: no memory. */
static bool take_input(struct monitor *monitor, struct client *client, const char *bytes, size_t length)
{
	size_t used = pass_input(monitor, client, bytes, length);
	if (used == length)
		return true;
	client->held = malloc(length - used);
	if (!client->held)
		return false;
	memcpy(client->held, bytes + used, length - used);
	client->held_start = 0;
	client->held_end = length - used;
	return true;
}

/* The bytes of a frame that have come into their place. False: it is malformed. */
static bool take_bytes(struct monitor *monitor, struct client *client, size_t length)
{
	bool in_header = client->have < FRAME_HEADER;
	bool input = !in_header && client->frame[4] == FRAME_STDIN;
	client->have += input ? 0 : (uint32_t)length;
	client->left -= in_header ? 0 : (uint32_t)length;
	if (input && !take_input(monitor, client, monitor->io, length))
		return false;
	if (in_header && client->have == FRAME_HEADER) {
		if (!accept_header(client))
			return false;
		if (client->frame[4] == FRAME_STDIN && may_write(monitor, client))
			take_once(monitor, client);
	}
	if (client->have < FRAME_HEADER || client->left > 0)
		return true;
	client->have = 0;
	return client->frame[4] == FRAME_STDIN || handle_frame(monitor, client);
}

void client_receive(struct monitor *monitor, struct client *client)
{
	/* a few frames at a time, so that others get their turn */
	for (int round = 0; round < 16 && !client->gone && !client->held; round++) {
		bool in_header = client->have < FRAME_HEADER;
		bool input = !in_header && client->frame[4] == FRAME_STDIN;
		void *to = input ? (void *)monitor->io : client->frame + client->have;
		ssize_t n = recv(client->source.fd, to, in_header ? FRAME_HEADER - client->have : client->left, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || !take_bytes(monitor, client, (size_t)n))
			client_drop(monitor, client);
	}
}

void client_resume(struct monitor *monitor, struct client *client)
{
	if (!client->held || client->gone)
		return;
	client->held_start += pass_input(monitor, client, client->held + client->held_start, client->held_end - client->held_start);
	if (client->held_start < client->held_end)
		return;
	free(client->held);
	client->held = NULL;
}
