#include "plan.h"

#include <stdlib.h>

const struct operation_kind operation_kinds[PLAN_CODES] = {
#define OP(code, name, signature, sections) [code] = { #name, signature, sections },
#include "operations.def"
#undef OP
};

struct plan_chunk {
	struct plan_chunk *next;
	max_align_t data[];
};

struct reader {
	const unsigned char *at, *end;
};

/* What the slots hold on each side of the clone, as far as the plan got. */
struct visibility {
	unsigned char filled[2][PLAN_SLOTS_MAX]; /* may be used */
	unsigned char used[2][PLAN_SLOTS_MAX];   /* was filled once: never again */
};

enum { LAUNCHER_SIDE = 1, CHILD_SIDE = 2 }; /* bit masks */

static int sides_of(unsigned section)
{
	if (section == SECTION_HOST)
		return LAUNCHER_SIDE | CHILD_SIDE;
	return section == SECTION_CHILD ? CHILD_SIDE : LAUNCHER_SIDE;
}

static void *plan_allocate(struct plan *plan, size_t size)
{
	struct plan_chunk *chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->next = plan->chunks;
	plan->chunks = chunk;
	return chunk->data;
}

void plan_free(struct plan *plan)
{
	while (plan->chunks) {
		struct plan_chunk *next = plan->chunks->next;
		free(plan->chunks);
		plan->chunks = next;
	}
	free(plan->data);
	plan->data = NULL;
}

static const unsigned char *take(struct reader *reader, size_t length)
{
	if ((size_t)(reader->end - reader->at) < length)
		return NULL;
	const unsigned char *at = reader->at;
	reader->at += length;
	return at;
}

static const char *take_string(struct reader *reader)
{
	const unsigned char *length = take(reader, 4);
	if (!length)
		return NULL;
	size_t bytes = get32(length);
	const char *string = (const char *)take(reader, bytes + 1);
	if (!string || string[bytes] != 0 || memchr(string, 0, bytes))
		return NULL;
	return string;
}

static const char *decode_strings(struct plan *plan, struct reader *reader, union argument *argument)
{
	const unsigned char *count = take(reader, 4);
	if (!count)
		return "list of strings";
	uint32_t n = get32(count);
	if (n > (size_t)(reader->end - reader->at) / 5) /* an empty string takes five bytes */
		return "list of strings";
	argument->v.count = n;
	argument->v.list = plan_allocate(plan, ((size_t)n + 1) * sizeof(char *));
	if (!argument->v.list)
		return "memory";
	for (uint32_t i = 0; i < n; i++) {
		argument->v.list[i] = (char *)(uintptr_t)take_string(reader);
		if (!argument->v.list[i])
			return "list of strings";
	}
	argument->v.list[n] = NULL;
	return NULL;
}

static const char *decode_slots(struct plan *plan, struct reader *reader, union argument *argument)
{
	const unsigned char *count = take(reader, 4);
	if (!count)
		return "list of slots";
	uint32_t n = get32(count);
	const unsigned char *slots = n <= PLAN_SLOTS_MAX ? take(reader, 2 * (size_t)n) : NULL;
	if (!slots)
		return "list of slots";
	uint16_t *list = plan_allocate(plan, 2 * (size_t)n);
	if (!list)
		return "memory";
	memcpy(list, slots, 2 * (size_t)n);
	argument->slots.count = n;
	argument->slots.list = list;
	return NULL;
}

/* NULL, or the offending field. */
static const char *decode_argument(struct plan *plan, struct reader *reader, char letter, union argument *argument)
{
	const unsigned char *at;
	switch (letter) {
	case 'u':
		if (!(at = take(reader, 8)))
			return "number";
		argument->u = get64(at);
		return NULL;
	case 's':
		argument->s = take_string(reader);
		return argument->s ? NULL : "string";
	case 'b':
		if (!(at = take(reader, 4)))
			return "bytes";
		argument->b.length = get32(at);
		argument->b.data = take(reader, argument->b.length);
		return argument->b.data ? NULL : "bytes";
	case 'v':
		return decode_strings(plan, reader, argument);
	case 'F':
	case 'O':
		return decode_slots(plan, reader, argument);
	default:
		if (!(at = take(reader, 2)))
			return "slot";
		argument->slot = get16(at);
		return NULL;
	}
}

static const char *check_input(const struct plan *plan, const struct visibility *visibility, int sides, uint16_t slot)
{
	if (slot >= plan->slots)
		return "slot beyond the count";
	for (int side = 0; side < 2; side++)
		if ((sides & (1 << side)) && !visibility->filled[side][slot])
			return "slot not filled on this side";
	return NULL;
}

static const char *fill_output(const struct plan *plan, struct visibility *visibility, int sides, uint16_t slot)
{
	if (slot >= plan->slots)
		return "slot beyond the count";
	for (int side = 0; side < 2; side++) {
		if (!(sides & (1 << side)))
			continue;
		if (visibility->used[side][slot])
			return "slot filled twice";
		visibility->used[side][slot] = visibility->filled[side][slot] = 1;
	}
	return NULL;
}

/* Inputs first: an operation can't use what it fills itself. */
static const char *check_slots(const struct plan *plan, struct visibility *visibility, const struct operation *op)
{
	const char *signature = operation_kinds[op->code].signature;
	int sides = sides_of(op->section);
	const char *wrong = NULL;
	for (int i = 0; signature[i] && !wrong; i++) {
		const union argument *argument = &op->args[i];
		if (signature[i] == 'f' || (strchr("dg", signature[i]) && argument->slot != SLOT_NONE))
			wrong = check_input(plan, visibility, sides, argument->slot);
		for (uint32_t j = 0; signature[i] == 'F' && j < argument->slots.count && !wrong; j++) {
			uint16_t slot = argument->slots.list[j];
			wrong = check_input(plan, visibility, sides, slot);
			for (int side = 0; op->code == OP_CLOSE && side < 2 && !wrong; side++)
				if (sides & (1 << side))
					visibility->filled[side][slot] = 0;
		}
	}
	for (int i = 0; signature[i] && !wrong; i++) {
		const union argument *argument = &op->args[i];
		if (signature[i] == 'o')
			wrong = fill_output(plan, visibility, sides, argument->slot);
		for (uint32_t j = 0; signature[i] == 'O' && j < argument->slots.count && !wrong; j++)
			wrong = fill_output(plan, visibility, sides, argument->slots.list[j]);
	}
	return wrong;
}

/* The n-th GIVE of one side must be the n-th TAKE of the other, with as many slots. */
static const char *check_pairs(const struct plan *plan, uint32_t *index)
{
	for (int giver = SECTION_PARENT; giver <= SECTION_CHILD; giver++) {
		int taker = giver == SECTION_PARENT ? SECTION_CHILD : SECTION_PARENT;
		uint32_t g = plan->first[giver], t = plan->first[taker];
		for (;;) {
			while (g < plan->first[giver + 1] && plan->operations[g].code != OP_GIVE)
				g++;
			while (t < plan->first[taker + 1] && plan->operations[t].code != OP_TAKE)
				t++;
			bool gives = g < plan->first[giver + 1], takes = t < plan->first[taker + 1];
			if (!gives && !takes)
				break;
			*index = takes ? t : g;
			if (gives != takes)
				return gives ? "GIVE without TAKE" : "TAKE without GIVE";
			if (plan->operations[g].args[0].slots.count != plan->operations[t].args[0].slots.count)
				return "TAKE of another length than its GIVE";
			g++, t++;
		}
	}
	return NULL;
}

/* Sections in order, CLONE ends the first, EXEC the third, and there is at most one operation in the last. */
static const char *check_shape(struct plan *plan, uint32_t *index)
{
	unsigned section = SECTION_HOST;
	plan->first[SECTION_HOST] = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct operation *op = &plan->operations[i];
		*index = i;
		if (op->section < section)
			return "section order";
		while (section < op->section)
			plan->first[++section] = i;
		bool last = i + 1 == plan->count || plan->operations[i + 1].section != op->section;
		if (op->section == SECTION_HOST && (op->code == OP_CLONE) != last)
			return "CLONE must be the last of the host section, and the only one";
		if (op->section == SECTION_CHILD && (op->code == OP_EXEC) != last)
			return "EXEC must be the last of the child section, and the only one";
		if (op->section == SECTION_TAIL && !last)
			return "more than one tail operation";
	}
	while (section < SECTION_END)
		plan->first[++section] = plan->count;
	*index = NO_OPERATION;
	if (plan->first[SECTION_PARENT] == 0)
		return "no CLONE";
	if (plan->first[SECTION_CHILD] == plan->first[SECTION_TAIL])
		return "no EXEC";
	return check_pairs(plan, index);
}

static const char *decode_operation(struct plan *plan, struct reader *reader, struct operation *op, const unsigned char *bitmap)
{
	const unsigned char *record = take(reader, RECORD_HEADER);
	if (!record)
		return "record header";
	op->code = get16(record);
	op->section = record[2];
	uint32_t length = get32(record + 4);
	op->ignored[0] = get16(record + 8);
	op->ignored[1] = get16(record + 10);
	if (op->code >= PLAN_CODES || !operation_kinds[op->code].name)
		return "operation code";
	if (!(bitmap[op->code / 8] & (1 << op->code % 8)))
		return "operation missing from the bitmap";
	if (op->section >= SECTION_END || !strchr(operation_kinds[op->code].sections, "HPCT"[op->section]))
		return "section";
	if (record[3] != 0)
		return "reserved byte";
	if (length < RECORD_HEADER || length - RECORD_HEADER > (size_t)(reader->end - reader->at))
		return "record length";
	struct reader arguments = { reader->at, reader->at + (length - RECORD_HEADER) };
	reader->at = arguments.end;
	const char *signature = operation_kinds[op->code].signature;
	for (int i = 0; signature[i]; i++) {
		const char *wrong = decode_argument(plan, &arguments, signature[i], &op->args[i]);
		if (wrong)
			return wrong;
	}
	return arguments.at == arguments.end ? NULL : "bytes after the arguments";
}

static const char *decode_header(struct plan *plan, const unsigned char *data, size_t length)
{
	if (length < PLAN_HEADER || memcmp(data, PLAN_MAGIC, 8) != 0)
		return "magic";
	if (get32(data + 8) != PLAN_VERSION)
		return "version";
	for (int code = 0; code < PLAN_CODES; code++)
		if ((data[PLAN_BITMAP + code / 8] & (1 << code % 8)) && !operation_kinds[code].name)
			return "unknown operation in the bitmap";
	if (get32(data + 12) != length || length > PLAN_LENGTH_MAX)
		return "length";
	plan->count = get32(data + 16);
	plan->slots = get32(data + 20);
	if (plan->count > PLAN_OPERATIONS_MAX || plan->count > (length - PLAN_HEADER) / RECORD_HEADER)
		return "number of operations";
	if (plan->slots > PLAN_SLOTS_MAX)
		return "number of slots";
	return NULL;
}

int plan_decode(struct plan *plan, const unsigned char *data, size_t length, struct plan_refusal *refusal)
{
	memset(plan, 0, sizeof(*plan));
	refusal->index = NO_OPERATION;
	refusal->field = decode_header(plan, data, length);
	if (refusal->field)
		return -1;
	plan->operations = plan_allocate(plan, plan->count * sizeof(*plan->operations));
	struct visibility *visibility = plan_allocate(plan, sizeof(*visibility));
	if (!plan->operations || !visibility) {
		refusal->field = "memory";
		return -1;
	}
	memset(visibility, 0, sizeof(*visibility));
	struct reader reader = { data + PLAN_HEADER, data + length };
	for (uint32_t i = 0; i < plan->count; i++) {
		struct operation *op = &plan->operations[i];
		refusal->index = i;
		refusal->field = decode_operation(plan, &reader, op, data + PLAN_BITMAP);
		if (!refusal->field)
			refusal->field = check_slots(plan, visibility, op);
		if (refusal->field)
			return -1;
	}
	refusal->index = NO_OPERATION;
	refusal->field = reader.at == reader.end ? check_shape(plan, &refusal->index) : "bytes after the last operation";
	return refusal->field ? -1 : 0;
}
