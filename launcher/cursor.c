#include "cursor.h"

const uint8_t *take(struct cursor *c, size_t length)
{
	static const uint8_t zeros[8];
	if (c->bad || (size_t)(c->end - c->at) < length) {
		c->bad = true;
		return zeros;
	}
	c->at += length;
	return c->at - length;
}

uint32_t take_u32(struct cursor *c)
{
	return get32(take(c, 4));
}

uint64_t take_u64(struct cursor *c)
{
	return get64(take(c, 8));
}

struct bytes take_bytes(struct cursor *c)
{
	size_t length = take_u32(c);
	const char *data = (const char *)take(c, length);
	return (struct bytes){ data, c->bad ? 0 : length };
}

const char *take_text(struct cursor *c)
{
	struct bytes bytes = take_bytes(c);
	c->bad |= *take(c, 1) != 0 || memchr(bytes.data, 0, bytes.length) != NULL;
	return c->bad ? "" : bytes.data;
}
