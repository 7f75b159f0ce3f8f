/* Whole frames over blocking descriptors. */
#ifndef WHERRY_FRAME_H
#define WHERRY_FRAME_H

#include "protocol.h"

struct frame {
	uint32_t length;
	uint8_t type, stream;
};

/* Writes one whole frame. A peer that is gone is EPIPE; the caller ignores SIGPIPE. */
int frame_write(int fd, uint8_t type, uint8_t stream, const void *payload, uint32_t length);

/* 1: a header was read, its payload comes next; 0: the peer closed before it; -1: errno (EPROTO: cut off, or not a header). */
int frame_read_header(int fd, struct frame *frame);

/* Exactly `length` bytes; EPROTO when the peer closes before the last one. */
int read_exactly(int fd, void *buffer, size_t length);

/* An ERROR frame: `index` NO_OPERATION when no operation is to blame. */
int frame_write_error(int fd, uint32_t index, int error, const char *detail);

#endif
