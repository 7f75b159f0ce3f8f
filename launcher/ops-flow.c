/* Both sides of the clone, and the client, wait for one another. */
#include "run.h"

#include <sys/socket.h>
#include "frame.h"

int send_descriptors(int to, struct iovec *parts, size_t count, const int *fds, size_t descriptors)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(GIVE_BATCH * sizeof(int))] = { 0 };
	struct cmsghdr header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(descriptors * sizeof(int)) };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	if (descriptors) {
		memcpy(control, &header, sizeof(header));
		memcpy(control + CMSG_LEN(0), fds, descriptors * sizeof(int));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/*
 * One message per batch: a byte for each slot, 1 full or 0 empty, with the descriptors of the full ones;
 * a signal without slots is one byte 2.
 */
static int send_batch(struct run *run, union argument slots, uint32_t first, uint32_t count)
{
	int fds[GIVE_BATCH];
	unsigned char present[GIVE_BATCH] = { 2 };
	size_t full = 0;
	for (uint32_t i = 0; i < count; i++) {
		int fd = run->slots[slot_at(slots, first + i)];
		present[i] = fd >= 0;
		if (present[i])
			fds[full++] = fd;
	}
	struct iovec part = { present, count ? count : 1 };
	return send_descriptors(run->sync, &part, 1, fds, full);
}

static int receive_batch(struct run *run, union argument slots, uint32_t first, uint32_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(GIVE_BATCH * sizeof(int))];
	unsigned char present[GIVE_BATCH + 1];
	struct iovec part = { present, sizeof(present) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(run->sync, &message, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -1;
	if (got == 0)
		return refuse(run, EPIPE, "the other side of the clone is gone");
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	size_t full = header ? (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0, used = 0;
	const unsigned char *fds = header ? CMSG_DATA(header) : NULL;
	bool wrong = (size_t)got != (count ? count : 1) || message.msg_flags & (MSG_CTRUNC | MSG_TRUNC);
	for (uint32_t i = 0; i < count && !wrong; i++) {
		if (!present[i])
			continue;
		wrong = used >= full;
		if (!wrong)
			memcpy(&run->slots[slot_at(slots, first + i)], fds + used++ * sizeof(int), sizeof(int));
	}
	if (!wrong)
		return 0;
	return refuse(run, EPROTO, "unexpected message");
}

static uint32_t batch_after(union argument slots, uint32_t done)
{
	uint32_t left = slots.slots.count - done;
	return left < GIVE_BATCH ? left : GIVE_BATCH;
}

int op_GIVE(struct run *run, const union argument *args)
{
	uint32_t done = 0;
	do {
		uint32_t count = batch_after(args[0], done);
		if (send_batch(run, args[0], done, count) != 0)
			return -1;
		done += count;
	} while (done < args[0].slots.count);
	return 0;
}

int op_TAKE(struct run *run, const union argument *args)
{
	uint32_t done = 0;
	do {
		uint32_t count = batch_after(args[0], done);
		if ((!run->in_child && await(run, run->sync) != 0) || receive_batch(run, args[0], done, count) != 0)
			return -1;
		done += count;
	} while (done < args[0].slots.count);
	return 0;
}

int op_TELL(struct run *run, const union argument *args)
{
	unsigned char payload[512];
	size_t length = strlen(args[0].s);
	if (length > sizeof(payload) - 4)
		return failing(ENAMETOOLONG);
	put32(payload, (uint32_t)run->child);
	memcpy(payload + 4, args[0].s, length);
	return frame_write(run->client, FRAME_TELL, 0, payload, (uint32_t)(4 + length));
}

int op_HOLD(struct run *run, const union argument *args)
{
	struct frame frame;
	char point[512];
	if (await(run, run->client) != 0)
		return -1;
	int got = frame_read_header(run->client, &frame);
	if (got < 0)
		return -1;
	if (got == 0)
		return refuse(run, ECANCELED, "the client is gone");
	size_t length = strlen(args[0].s);
	if (frame.type == FRAME_GO && frame.length == length && length <= sizeof(point)) {
		if (read_exactly(run->client, point, length) != 0)
			return -1;
		if (memcmp(point, args[0].s, length) == 0)
			return 0;
	}
	return refuse(run, EPROTO, "another frame than the go for this point");
}
