#include "frame.h"

#include <sys/uio.h>

int frame_write(int fd, uint8_t type, uint8_t stream, const void *payload, uint32_t length)
{
	unsigned char header[FRAME_HEADER] = { 0 };
	put32(header, length);
	header[4] = type;
	header[5] = stream;
	size_t done = 0, total = FRAME_HEADER + (size_t)length;
	while (done < total) {
		size_t head = done < FRAME_HEADER ? FRAME_HEADER - done : 0;
		size_t skip = done < FRAME_HEADER ? 0 : done - FRAME_HEADER;
		struct iovec parts[2] = {
			{ header + (FRAME_HEADER - head), head },
			{ (char *)(uintptr_t)payload + skip, length - skip },
		};
		ssize_t wrote = writev(fd, parts, length ? 2 : 1);
		if (wrote < 0)
			return -1;
		done += (size_t)wrote;
	}
	return 0;
}

/* How many bytes came before the end, at most `length`; -1: errno. */
static ssize_t read_some(int fd, unsigned char *buffer, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t got = read(fd, buffer + done, length - done);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int read_exactly(int fd, void *buffer, size_t length)
{
	ssize_t got = read_some(fd, buffer, length);
	if (got < 0)
		return -1;
	if ((size_t)got != length)
		return failing(EPROTO);
	return 0;
}

int frame_read_header(int fd, struct frame *frame)
{
	unsigned char header[FRAME_HEADER];
	ssize_t got = read_some(fd, header, sizeof(header));
	if (got <= 0)
		return (int)got;
	frame->length = get32(header);
	frame->type = header[4];
	frame->stream = header[5];
	uint32_t limit = frame->type == FRAME_PLAN ? PLAN_LENGTH_MAX : FRAME_PAYLOAD_MAX;
	if (got != FRAME_HEADER || get16(header + 6) != 0 || frame->length > limit)
		return failing(EPROTO);
	return 1;
}

int frame_write_error(int fd, uint32_t index, int error, const char *detail)
{
	unsigned char payload[2048];
	size_t length = strnlen(detail, sizeof(payload) - 8);
	put32(payload, index);
	put32(payload + 4, (uint32_t)error);
	memcpy(payload + 8, detail, length);
	return frame_write(fd, FRAME_ERROR, 0, payload, (uint32_t)(8 + length));
}
