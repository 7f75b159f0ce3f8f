/* Plans for the tests, written byte by byte as the client would. */
#ifndef WHERRY_TEST_PLAN_WRITER_H
#define WHERRY_TEST_PLAN_WRITER_H

#include <stdarg.h>
#include <stdlib.h>
#include "plan.h"

struct writer {
	unsigned char data[16384];
	size_t length;
	size_t record; /* where the open operation starts */
};

static inline void write_bytes(struct writer *writer, const void *bytes, size_t length)
{
	if (length > sizeof(writer->data) - writer->length)
		abort();
	memcpy(writer->data + writer->length, bytes, length);
	writer->length += length;
}

static inline void write16(struct writer *writer, uint16_t value)
{
	write_bytes(writer, &value, 2);
}

static inline void write32(struct writer *writer, uint32_t value)
{
	write_bytes(writer, &value, 4);
}

static inline void write_text(struct writer *writer, const char *text)
{
	write32(writer, (uint32_t)strlen(text));
	write_bytes(writer, text, strlen(text) + 1);
}

static inline void writer_start(struct writer *writer, uint32_t slots)
{
	memset(writer, 0, sizeof(*writer));
	write_bytes(writer, PLAN_MAGIC, 8);
	write32(writer, PLAN_VERSION);
	writer->length = PLAN_HEADER;
	put32(writer->data + 20, slots);
}

/* One argument per letter: u uint64_t; s const char *; b const char * (up to its NUL); f d g o int; v F O int count, then that many. */
static inline void write_operation(struct writer *writer, enum section section, int code, ...)
{
	va_list list;
	va_start(list, code);
	writer->record = writer->length;
	unsigned char header[RECORD_HEADER] = { 0 };
	put16(header, (uint16_t)code);
	header[2] = (unsigned char)section;
	write_bytes(writer, header, sizeof(header));
	for (const char *letter = operation_kinds[code].signature; *letter; letter++) {
		if (*letter == 'u') {
			uint64_t value = va_arg(list, uint64_t);
			write_bytes(writer, &value, 8);
		} else if (*letter == 's') {
			write_text(writer, va_arg(list, const char *));
		} else if (*letter == 'b') {
			const char *bytes = va_arg(list, const char *);
			write32(writer, (uint32_t)strlen(bytes));
			write_bytes(writer, bytes, strlen(bytes));
		} else if (strchr("vFO", *letter)) {
			int count = va_arg(list, int);
			write32(writer, (uint32_t)count);
			for (int i = 0; i < count; i++) {
				if (*letter == 'v')
					write_text(writer, va_arg(list, const char *));
				else
					write16(writer, (uint16_t)va_arg(list, int));
			}
		} else {
			write16(writer, (uint16_t)va_arg(list, int));
		}
	}
	va_end(list);
	put32(writer->data + writer->record + 4, (uint32_t)(writer->length - writer->record));
	writer->data[PLAN_BITMAP + code / 8] |= (unsigned char)(1 << code % 8);
	put32(writer->data + 12, (uint32_t)writer->length);
	put32(writer->data + 16, get32(writer->data + 16) + 1);
}

/* A plan that is right, with every kind of argument. */
static inline void write_sample(struct writer *w)
{
	writer_start(w, 8);
	write_operation(w, SECTION_HOST, OP_OPEN, SLOT_NONE, "/", (uint64_t)0, (uint64_t)0, (uint64_t)0, 0);
	write_operation(w, SECTION_HOST, OP_MKDIRP, 0, "a/b", (uint64_t)0755, (uint64_t)0, (uint64_t)0);
	write_operation(w, SECTION_HOST, OP_FS, "tmpfs", 2, "size=1m", "ro", 1, "fd", 1, 0, (uint64_t)0, 1);
	write_operation(w, SECTION_HOST, OP_CLONE, (uint64_t)0x20000, SLOT_NONE, SLOT_NONE);
	write_operation(w, SECTION_PARENT, OP_IDMAP, "0 0 1", "0 0 1");
	write_operation(w, SECTION_PARENT, OP_PIPE, 2, 3);
	write_operation(w, SECTION_PARENT, OP_GIVE, 2, 2, 1);
	write_operation(w, SECTION_PARENT, OP_TAKE, 0);
	write_operation(w, SECTION_CHILD, OP_TAKE, 2, 2, 5);
	write_operation(w, SECTION_CHILD, OP_GIVE, 0);
	write_operation(w, SECTION_CHILD, OP_STDIO, SLOT_NONE, 2, 5);
	write_operation(w, SECTION_CHILD, OP_EXEC, 2, "/bin/sh", "/usr/bin/sh", 1, "sh", 0);
	write_operation(w, SECTION_TAIL, OP_MONITOR, SLOT_NONE, SLOT_NONE, 2, SLOT_NONE, "/run/x", (uint64_t)0, "", (uint64_t)0, (uint64_t)0, (uint64_t)0, 0, 0);
}

#endif
