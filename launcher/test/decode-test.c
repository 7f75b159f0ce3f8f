/* The decoder: a right plan is taken as it is, every wrong one is refused with its reason. */
#include <stdio.h>
#include "plan-writer.h"

static int failures;

static void check(int line, bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "decode-test.c:%d: %s\n", line, what);
	failures++;
}

#define CHECK(condition) check(__LINE__, condition, #condition)

/* The decoder sees exactly `length` bytes, so that ASan notices one too many. */
static const char *refusal_of(const unsigned char *data, size_t length, uint32_t *index)
{
	unsigned char *copy = malloc(length ? length : 1);
	struct plan plan;
	struct plan_refusal refusal = { 0 };
	if (!copy)
		abort();
	memcpy(copy, data, length);
	int result = plan_decode(&plan, copy, length, &refusal);
	*index = refusal.index;
	plan_free(&plan);
	free(copy);
	return result == 0 ? NULL : refusal.field;
}

static void expect(int line, const struct writer *writer, uint32_t index, const char *field)
{
	uint32_t found;
	const char *refused = refusal_of(writer->data, writer->length, &found);
	bool same = refused == field || (refused && field && !strcmp(refused, field));
	if (same && (!field || index == found))
		return;
	fprintf(stderr, "decode-test.c:%d: expected `%s` at %d, got `%s` at %d\n", line, field ? field : "success", (int)index, refused ? refused : "success", (int)found);
	failures++;
}

#define EXPECT(index, field) expect(__LINE__, &w, (uint32_t)(index), field)
#define NONE_AT -1

static struct writer w;

static void test_sample(void)
{
	struct plan plan;
	struct plan_refusal refusal;
	write_sample(&w);
	CHECK(plan_decode(&plan, w.data, w.length, &refusal) == 0);
	CHECK(plan.count == 13 && plan.first[SECTION_PARENT] == 4 && plan.first[SECTION_CHILD] == 8 && plan.first[SECTION_TAIL] == 12 && plan.first[SECTION_END] == 13);
	CHECK(!strcmp(plan.operations[1].args[1].s, "a/b") && plan.operations[1].args[2].u == 0755);
	CHECK(plan.operations[2].args[1].v.count == 2 && !strcmp(plan.operations[2].args[1].v.list[1], "ro") && !plan.operations[2].args[1].v.list[2]);
	CHECK(plan.operations[4].args[0].b.length == 5 && !memcmp(plan.operations[4].args[0].b.data, "0 0 1", 5));
	CHECK(plan.operations[8].args[0].slots.count == 2 && slot_at(plan.operations[8].args[0], 1) == 5);
	CHECK(slot_at(plan.operations[10].args[0], 0) == SLOT_NONE);
	CHECK(plan.operations[11].args[2].v.count == 0 && !plan.operations[11].args[2].v.list[0]);
	plan_free(&plan);
}

static void test_header(void)
{
	write_sample(&w);
	w.data[0] = 'X';
	EXPECT(NONE_AT, "magic");
	write_sample(&w);
	put32(w.data + 8, 2);
	EXPECT(NONE_AT, "version");
	write_sample(&w);
	put32(w.data + 12, (uint32_t)w.length + 1);
	EXPECT(NONE_AT, "length");
	write_sample(&w);
	put32(w.data + 16, 0xffffffff);
	EXPECT(NONE_AT, "number of operations");
	write_sample(&w);
	put32(w.data + 16, 14);
	EXPECT(13, "record header");
	write_sample(&w);
	put32(w.data + 16, 12);
	EXPECT(NONE_AT, "bytes after the last operation");
	write_sample(&w);
	put32(w.data + 20, PLAN_SLOTS_MAX + 1);
	EXPECT(NONE_AT, "number of slots");
	write_sample(&w);
	w.data[PLAN_BITMAP + 15] |= 0x80;
	EXPECT(NONE_AT, "unknown operation in the bitmap");
	write_sample(&w);
	w.data[PLAN_BITMAP] &= (unsigned char)~(1 << OP_OPEN);
	EXPECT(0, "operation missing from the bitmap");
}

static void test_records(void)
{
	write_sample(&w);
	put16(w.data + w.record, 127);
	EXPECT(12, "operation code");
	write_sample(&w);
	put16(w.data + w.record, 0xffff);
	EXPECT(12, "operation code");
	write_sample(&w);
	w.data[w.record + 2] = SECTION_CHILD;
	EXPECT(12, "section");
	write_sample(&w);
	w.data[w.record + 2] = SECTION_END;
	EXPECT(12, "section");
	write_sample(&w);
	w.data[w.record + 3] = 1;
	EXPECT(12, "reserved byte");
	write_sample(&w);
	put32(w.data + w.record + 4, 11);
	EXPECT(12, "record length");
	write_sample(&w);
	put32(w.data + w.record + 4, 0xffffffff);
	EXPECT(12, "record length");
	write_sample(&w);
	put32(w.data + w.record + 4, get32(w.data + w.record + 4) - 1);
	EXPECT(12, "list of strings");
	write_sample(&w);
	write_bytes(&w, "x", 1);
	put32(w.data + 12, (uint32_t)w.length);
	EXPECT(NONE_AT, "bytes after the last operation");
	put32(w.data + w.record + 4, (uint32_t)(w.length - w.record));
	EXPECT(12, "bytes after the arguments");
}

static void write_exec_tail(void)
{
	write_operation(&w, SECTION_CHILD, OP_EXEC, 0, 0, 0);
}

static void test_arguments(void)
{
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_MKDIRP, SLOT_NONE, "abcd", (uint64_t)0, (uint64_t)0, (uint64_t)0);
	size_t text = w.record + RECORD_HEADER + 2;
	w.data[text + 4 + 2] = 0;
	EXPECT(0, "string"); /* a NUL inside */
	w.data[text + 4 + 2] = 'c';
	w.data[text + 4 + 4] = 'x';
	EXPECT(0, "string"); /* none at the end */
	put32(w.data + text, 0xffffffff);
	EXPECT(0, "string"); /* longer than the plan */
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_WRITE, SLOT_NONE, "f", "xyz");
	put32(w.data + w.length - 7, 4);
	EXPECT(0, "bytes");
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_CLOSE, 0);
	put32(w.data + w.length - 4, 0x7fffffff);
	EXPECT(0, "list of slots");
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_UNSHARE, (uint64_t)0);
	put32(w.data + w.record + 4, RECORD_HEADER);
	EXPECT(0, "number");
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_PIDFD, (uint64_t)1, (uint64_t)1, 0);
	put32(w.data + w.record + 4, RECORD_HEADER + 17);
	EXPECT(0, "slot");
	writer_start(&w, 1);
	write_operation(&w, SECTION_CHILD, OP_EXEC, 0, 0, 0);
	put32(w.data + w.length - 4, 0x7fffffff);
	EXPECT(0, "list of strings");
}

static void start_with_pipe(void)
{
	writer_start(&w, 8);
	write_operation(&w, SECTION_HOST, OP_PIPE, 0, 1);
}

static void clone_now(void)
{
	write_operation(&w, SECTION_HOST, OP_CLONE, (uint64_t)0, SLOT_NONE, SLOT_NONE);
}

static void test_slots(void)
{
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_CHOWN, 8, (uint64_t)0, (uint64_t)0);
	EXPECT(1, "slot beyond the count");
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_PIPE, 2, SLOT_NONE);
	EXPECT(1, "slot beyond the count");
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_CHOWN, SLOT_NONE, (uint64_t)0, (uint64_t)0);
	EXPECT(1, "slot beyond the count"); /* f takes no NONE */
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_CHOWN, 2, (uint64_t)0, (uint64_t)0);
	EXPECT(1, "slot not filled on this side");
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_MKDIRP, 2, "x", (uint64_t)0, (uint64_t)0, (uint64_t)0);
	EXPECT(1, "slot not filled on this side");
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_PIPE, 2, 1);
	EXPECT(1, "slot filled twice");
	writer_start(&w, 8);
	write_operation(&w, SECTION_HOST, OP_PIPE, 2, 2);
	EXPECT(0, "slot filled twice");
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_CLOSE, 1, 0);
	write_operation(&w, SECTION_HOST, OP_CHOWN, 0, (uint64_t)0, (uint64_t)0);
	EXPECT(2, "slot not filled on this side"); /* closed */
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_CLOSE, 2, 0, 0);
	EXPECT(1, "slot not filled on this side"); /* closed by the same operation */
	start_with_pipe();
	write_operation(&w, SECTION_HOST, OP_FS, "x", 0, 0, 1, 3, (uint64_t)0, 2);
	EXPECT(1, "slot not filled on this side");
}

static void test_visibility(void)
{
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_PIPE, 2, 3);
	write_operation(&w, SECTION_CHILD, OP_STDIO, 2, SLOT_NONE, SLOT_NONE);
	EXPECT(3, "slot not filled on this side"); /* the parent's own */
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_PIPE, 2, 3);
	write_operation(&w, SECTION_CHILD, OP_PIPE, 2, 3);
	write_operation(&w, SECTION_CHILD, OP_STDIO, 0, 2, 3);
	write_exec_tail();
	EXPECT(NONE_AT, NULL); /* one number, two slots, one on each side; the host's is seen by both */
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_CLOSE, 1, 0);
	write_operation(&w, SECTION_CHILD, OP_STDIO, 0, SLOT_NONE, SLOT_NONE);
	write_exec_tail();
	EXPECT(NONE_AT, NULL); /* the parent's close is its own */
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_CHILD, OP_PIPE, 2, 3);
	write_exec_tail();
	write_operation(&w, SECTION_TAIL, OP_MONITOR, SLOT_NONE, SLOT_NONE, 2, SLOT_NONE, "", (uint64_t)0, "", (uint64_t)0, (uint64_t)0, (uint64_t)0, 0, 0);
	EXPECT(4, "slot not filled on this side"); /* the child's own */
}

static void test_shape(void)
{
	writer_start(&w, 1);
	EXPECT(NONE_AT, "length"); /* nothing was written behind the header, so it tells none */
	writer_start(&w, 1);
	write_exec_tail();
	EXPECT(NONE_AT, "no CLONE");
	writer_start(&w, 1);
	clone_now();
	EXPECT(NONE_AT, "no EXEC");
	writer_start(&w, 1);
	clone_now();
	clone_now();
	write_exec_tail();
	EXPECT(0, "CLONE must be the last of the host section, and the only one");
	writer_start(&w, 1);
	clone_now();
	write_operation(&w, SECTION_HOST, OP_UNSHARE, (uint64_t)0);
	EXPECT(0, "CLONE must be the last of the host section, and the only one");
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_UNSHARE, (uint64_t)0);
	write_exec_tail();
	EXPECT(0, "CLONE must be the last of the host section, and the only one");
	writer_start(&w, 1);
	clone_now();
	write_operation(&w, SECTION_CHILD, OP_SETSID);
	EXPECT(1, "EXEC must be the last of the child section, and the only one");
	writer_start(&w, 1);
	clone_now();
	write_exec_tail();
	write_exec_tail();
	EXPECT(1, "EXEC must be the last of the child section, and the only one");
	writer_start(&w, 1);
	clone_now();
	write_exec_tail();
	write_operation(&w, SECTION_PARENT, OP_UNSHARE, (uint64_t)0);
	EXPECT(2, "section order");
	writer_start(&w, 1);
	clone_now();
	write_exec_tail();
	write_operation(&w, SECTION_TAIL, OP_DETACH);
	write_operation(&w, SECTION_TAIL, OP_DETACH);
	EXPECT(2, "more than one tail operation");
	writer_start(&w, 1);
	write_operation(&w, SECTION_HOST, OP_UNSHARE, (uint64_t)0);
	EXPECT(NONE_AT, NULL); /* for the host alone */
}

static void test_pairs(void)
{
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_GIVE, 0);
	write_exec_tail();
	EXPECT(2, "GIVE without TAKE");
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_CHILD, OP_TAKE, 0);
	write_exec_tail();
	EXPECT(2, "TAKE without GIVE");
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_GIVE, 1, 0);
	write_operation(&w, SECTION_CHILD, OP_TAKE, 2, 4, 5);
	write_exec_tail();
	EXPECT(3, "TAKE of another length than its GIVE");
	start_with_pipe();
	clone_now();
	write_operation(&w, SECTION_PARENT, OP_TAKE, 1, 4);
	write_operation(&w, SECTION_CHILD, OP_GIVE, 1, 0);
	write_exec_tail();
	EXPECT(NONE_AT, NULL);
}

/* Every shorter plan is refused, and no byte behind it is read. */
static void test_truncation(void)
{
	write_sample(&w);
	for (size_t length = 0; length < w.length; length++) {
		unsigned char copy[sizeof(w.data)];
		uint32_t index;
		memcpy(copy, w.data, w.length);
		CHECK(refusal_of(copy, length, &index) != NULL);
		if (length >= PLAN_HEADER)
			put32(copy + 12, (uint32_t)length);
		CHECK(refusal_of(copy, length, &index) != NULL);
	}
}

int main(void)
{
	test_sample();
	test_header();
	test_records();
	test_arguments();
	test_slots();
	test_visibility();
	test_shape();
	test_pairs();
	test_truncation();
	if (failures)
		return 1;
	puts("decode-test: ok");
	return 0;
}
