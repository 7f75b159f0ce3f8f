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

/* How many of the bytes were used; fewer than length: stdin is full, or the client was dropped. */
static size_t consume(struct monitor *monitor, struct client *client, const char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length) {
		size_t n = length - used;

		if (client->have < FRAME_HEADER) {
			if (n > FRAME_HEADER - client->have)
				n = FRAME_HEADER - client->have;
			memcpy(client->frame + client->have, bytes + used, n);
			client->have += (uint32_t)n;
			used += n;
			if (client->have < FRAME_HEADER)
				break;
			if (!accept_header(client))
				goto malformed;
			if (client->frame[4] == FRAME_STDIN && may_write(monitor, client))
				take_once(monitor, client);
		} else if (client->frame[4] == FRAME_STDIN) {
			if (n > client->left)
				n = client->left;
			if (may_write(monitor, client))
				n = input_write(monitor, bytes + used, n);
			if (n == 0)
				return used;
			client->left -= (uint32_t)n;
			used += n;
		} else {
			if (n > client->left)
				n = client->left;
			memcpy(client->frame + client->have, bytes + used, n);
			client->have += (uint32_t)n;
			client->left -= (uint32_t)n;
			used += n;
		}
		if (client->left == 0) {
			if (client->frame[4] != FRAME_STDIN && !handle_frame(monitor, client))
				goto malformed;
			client->have = 0;
		}
	}
	return used;
malformed:
	client_drop(monitor, client);
	return used;
}

void client_receive(struct monitor *monitor, struct client *client)
{
	for (int round = 0; round < 8 && !client->gone && !client->held; round++) {
		ssize_t n = recv(client->source.fd, monitor->io, MONITOR_IO, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			client_drop(monitor, client);
			return;
		}
		size_t used = consume(monitor, client, monitor->io, (size_t)n);
		if (client->gone || used == (size_t)n)
			continue;
		client->held = malloc((size_t)n - used);
		if (!client->held) {
			client_drop(monitor, client);
			return;
		}
		memcpy(client->held, monitor->io + used, (size_t)n - used);
		client->held_start = 0;
		client->held_end = (size_t)n - used;
	}
}

void client_resume(struct monitor *monitor, struct client *client)
{
	if (!client->held || client->gone)
		return;
	client->held_start += consume(monitor, client, client->held + client->held_start, client->held_end - client->held_start);
	if (client->gone || client->held_start < client->held_end)
		return;
	free(client->held);
	client->held = NULL;
}
