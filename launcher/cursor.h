/* A record being decoded, of a plan or of the tree protocol. A read beyond its end sets `bad`, and from then on all reads give zeros. */
#ifndef WHERRY_CURSOR_H
#define WHERRY_CURSOR_H

#include "protocol.h"

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

struct bytes {
	const char *data;
	size_t length;
};

/* When `bad`, no more than eight of the bytes may be looked at. */
const uint8_t *take(struct cursor *c, size_t length);
uint32_t take_u32(struct cursor *c);
uint64_t take_u64(struct cursor *c);
struct bytes take_bytes(struct cursor *c);
/* Length, bytes without a NUL, and one NUL that the length does not count. */
const char *take_text(struct cursor *c);

#endif
