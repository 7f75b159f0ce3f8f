/*
 * What clients are sent.
 *
 * The starting client misses nothing: while something is queued for it, the process's output is not read. Any other may lag
 * `buffer` bytes; what does not fit is dropped whole and told by a GAP in its place.
 */
#include "attach.h"

#include <sys/socket.h>
#include <sys/uio.h>

static void put_header(char *to, size_t length, int type, int stream)
{
	put32(to, (uint32_t)length);
	to[4] = (char)type;
	to[5] = (char)stream;
	put16(to + 6, 0);
}

static void free_queue(struct client *client)
{
	free(client->queue);
	client->queue = NULL;
	client->queue_start = client->queue_end = client->queue_capacity = 0;
}

static void stop_sending(struct client *client)
{
	client->deaf = true;
	free_queue(client);
}

static void enqueue(struct client *client, const char *bytes, size_t length)
{
	if (client->queue_end + length > client->queue_capacity) {
		size_t queued = client_queued(client);
		size_t capacity = client->queue_capacity;
		char *grown = client->queue;

		if (queued > 0 && client->queue_start > 0)
			memmove(client->queue, client->queue + client->queue_start, queued);
		client->queue_start = 0;
		client->queue_end = queued;
		while (capacity < queued + length)
			capacity = capacity ? capacity * 2 : 4096;
		if (capacity != client->queue_capacity)
			grown = realloc(client->queue, capacity);
		if (!grown) {
			stop_sending(client);
			return;
		}
		client->queue = grown;
		client->queue_capacity = capacity;
	}
	memcpy(client->queue + client->queue_end, bytes, length);
	client->queue_end += length;
}

static void enqueue_gaps(struct client *client)
{
	char frame[FRAME_HEADER + 8];

	for (int stream = 1; stream <= 2; stream++) {
		if (client->dropped[stream - 1] == 0 || client->deaf)
			continue;
		put_header(frame, 8, FRAME_GAP, stream);
		put64(frame + FRAME_HEADER, client->dropped[stream - 1]);
		enqueue(client, frame, sizeof(frame));
		client->dropped[stream - 1] = 0;
	}
}

/* Bytes sent, -1: the connection is broken. */
static ssize_t send_some(struct client *client, const struct iovec *vectors, size_t count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = count};
	ssize_t sent = sendmsg(client->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
		return 0;
	return sent;
}

void client_output(struct monitor *monitor, struct client *client, int stream, const char *bytes, size_t length)
{
	char header[FRAME_HEADER];
	ssize_t sent = 0;

	if (!(client->wants & stream) || client->deaf || client->gone || client->told_exit)
		return;
	put_header(header, length, FRAME_OUTPUT, stream);
	if (client_queued(client) == 0) {
		struct iovec vectors[2] = {{header, sizeof(header)}, {(char *)bytes, length}};

		sent = send_some(client, vectors, 2);
		if (sent < 0) {
			stop_sending(client);
			return;
		}
	} else if (!client->starting && client_queued(client) + sizeof(header) + length > monitor->buffer) {
		client->dropped[stream - 1] += length;
		client->missed += length;
		if (client->missed / ATTACH_HOPELESS > (monitor->buffer > MONITOR_IO ? monitor->buffer : MONITOR_IO))
			client_drop(monitor, client);
		return;
	} else {
		enqueue_gaps(client);
	}
	size_t done = (size_t)sent;
	if (done < sizeof(header)) {
		enqueue(client, header + done, sizeof(header) - done);
		done = sizeof(header);
	}
	done -= sizeof(header);
	if (done < length && !client->deaf)
		enqueue(client, bytes + done, length - done);
}

void client_tell_exit(struct monitor *monitor, struct client *client)
{
	char frame[FRAME_HEADER + 12];

	if (client->deaf || client->gone || client->told_exit)
		return;
	put_header(frame, 12, FRAME_EXITED, 0);
	put32(frame + FRAME_HEADER, (uint32_t)monitor->status);
	put64(frame + FRAME_HEADER + 4, (uint64_t)monitor->ended_at);
	enqueue_gaps(client);
	enqueue(client, frame, sizeof(frame));
	client->told_exit = true;
	client_flush(client);
}

void client_flush(struct client *client)
{
	while (!client->deaf && !client->gone && client_queued(client) > 0) {
		struct iovec vector = {client->queue + client->queue_start, client_queued(client)};
		ssize_t sent = send_some(client, &vector, 1);

		if (sent < 0)
			stop_sending(client);
		if (sent <= 0)
			return;
		client->missed = 0;
		client->queue_start += (size_t)sent;
		if (client_queued(client) == 0 && !client->told_exit)
			enqueue_gaps(client);
	}
	if (client->deaf || client->gone)
		return;
	free_queue(client);
	/*
	 * The last frame is out. What the client still sends is read until it closes, for a reset would overtake our bytes; one
	 * that claims has work to do first, and libraries close their side when they see the end of ours.
	 */
	if (client->told_exit && !client->claims)
		shutdown(client->source.fd, SHUT_WR);
}
