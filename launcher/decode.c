#include "plan.h"

#include "cursor.h"

const struct operation_kind operation_kinds[PLAN_CODES] = {
#define OP(code, name, signature, sections) [code] = { #name, signature, sections },
#include "operations.def"
#undef OP
};

enum { LAUNCHER_SIDE = 1, CHILD_SIDE = 2 }; /* bit masks */

/* What the slots hold on each side of the clone, as far as the plan got. */
struct visibility {
	unsigned char filled[PLAN_SLOTS_MAX]; /* may be used on these sides */
	unsigned char used[PLAN_SLOTS_MAX];   /* was filled once: never again */
};

static unsigned char sides_of(unsigned section)
{
	if (section == SECTION_HOST)
		return LAUNCHER_SIDE | CHILD_SIDE;
	return section == SECTION_CHILD ? CHILD_SIDE : LAUNCHER_SIDE;
}

void plan_free(struct plan *plan)
{
	free(plan->operations);
	free(plan->strings);
	free(plan->data);
	plan->operations = NULL;
	plan->strings = NULL;
	plan->data = NULL;
}

/* `strings`: room for all lists of the plan. */
static char **take_strings(struct cursor *c, char ***strings, uint32_t count)
{
	char **list = *strings;
	for (uint32_t i = 0; i < count && !c->bad; i++)
		*(*strings)++ = (char *)(uintptr_t)take_text(c);
	*(*strings)++ = NULL;
	return list;
}

static void decode_argument(struct cursor *c, char ***strings, char letter, union argument *argument)
{
	switch (letter) {
	case 'u':
		argument->u = take_u64(c);
		break;
	case 's':
		argument->s = take_text(c);
		break;
	case 'b':
		argument->b.length = take_u32(c);
		argument->b.data = take(c, argument->b.length);
		break;
	case 'v':
		argument->v.count = take_u32(c);
		argument->v.list = take_strings(c, strings, argument->v.count);
		break;
	default:
		argument->slots.count = strchr("FO", letter) ? take_u32(c) : 1;
		argument->slots.list = take(c, 2 * (size_t)argument->slots.count);
	}
}

/* How a refusal calls an argument. */
static const char *const letter_names[] = {
	['u'] = "number", ['s'] = "string", ['b'] = "bytes", ['v'] = "list of strings", ['F'] = "list of slots", ['O'] = "list of slots",
	['f'] = "slot", ['d'] = "slot", ['g'] = "slot", ['o'] = "slot",
};

static const char *check_slot(const struct plan *plan, struct visibility *visibility, const struct operation *op, bool fills, uint16_t slot)
{
	unsigned char sides = sides_of(op->section);
	if (slot >= plan->slots)
		return "slot beyond the count";
	if (fills) {
		if (visibility->used[slot] & sides)
			return "slot filled twice";
		visibility->used[slot] |= sides;
		visibility->filled[slot] |= sides;
		return NULL;
	}
	if ((visibility->filled[slot] & sides) != sides)
		return "slot not filled on this side";
	if (op->code == OP_CLOSE)
		visibility->filled[slot] &= (unsigned char)~sides;
	return NULL;
}

/* Inputs first: an operation can't use what it fills itself. */
static const char *check_slots(const struct plan *plan, struct visibility *visibility, const struct operation *op)
{
	const char *signature = operation_kinds[op->code].signature;
	for (int fills = 0; fills < 2; fills++) {
		for (int i = 0; signature[i]; i++) {
			if (!strchr(fills ? "oO" : "fdgF", signature[i]))
				continue;
			for (uint32_t j = 0; j < op->args[i].slots.count; j++) {
				uint16_t slot = slot_at(op->args[i], j);
				bool none = slot == SLOT_NONE && strchr("dg", signature[i]);
				const char *wrong = none ? NULL : check_slot(plan, visibility, op, fills, slot);
				if (wrong)
					return wrong;
			}
		}
	}
	return NULL;
}

static uint32_t find_code(const struct plan *plan, unsigned section, unsigned code, uint32_t from)
{
	while (from < plan->first[section + 1] && plan->operations[from].code != code)
		from++;
	return from;
}

/* The n-th GIVE of one side must be the n-th TAKE of the other, with as many slots. */
static const char *check_pairs(const struct plan *plan, uint32_t *index)
{
	for (unsigned giver = SECTION_PARENT; giver <= SECTION_CHILD; giver++) {
		unsigned taker = giver == SECTION_PARENT ? SECTION_CHILD : SECTION_PARENT;
		uint32_t g = plan->first[giver], t = plan->first[taker];
		for (;; g++, t++) {
			g = find_code(plan, giver, OP_GIVE, g);
			t = find_code(plan, taker, OP_TAKE, t);
			bool gives = g < plan->first[giver + 1], takes = t < plan->first[taker + 1];
			if (!gives && !takes)
				break;
			*index = takes ? t : g;
			if (gives != takes)
				return gives ? "GIVE without TAKE" : "TAKE without GIVE";
			if (plan->operations[g].args[0].slots.count != plan->operations[t].args[0].slots.count)
				return "TAKE of another length than its GIVE";
		}
	}
	return NULL;
}

/* Sections in order, CLONE ends the first, EXEC the third, and there is at most one operation in the last. Or the first one only, without CLONE. */
static const char *check_shape(struct plan *plan, uint32_t *index)
{
	unsigned section = SECTION_HOST;
	const struct operation *end = plan->count > 0 ? &plan->operations[plan->count - 1] : NULL;
	bool host_only = end && end->section == SECTION_HOST && end->code != OP_CLONE;
	plan->first[SECTION_HOST] = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct operation *op = &plan->operations[i];
		*index = i;
		if (op->section < section)
			return "section order";
		while (section < op->section)
			plan->first[++section] = i;
		bool last = i + 1 == plan->count || plan->operations[i + 1].section != op->section;
		if (op->section == SECTION_HOST && (op->code == OP_CLONE) != (last && !host_only))
			return "CLONE must be the last of the host section, and the only one";
		if (op->section == SECTION_CHILD && (op->code == OP_EXEC) != last)
			return "EXEC must be the last of the child section, and the only one";
		if (op->section == SECTION_TAIL && !last)
			return "more than one tail operation";
	}
	while (section < SECTION_END)
		plan->first[++section] = plan->count;
	*index = NO_OPERATION;
	if (host_only)
		return NULL;
	if (plan->first[SECTION_PARENT] == 0)
		return "no CLONE";
	if (plan->first[SECTION_CHILD] == plan->first[SECTION_TAIL])
		return "no EXEC";
	return check_pairs(plan, index);
}

static const char *decode_operation(struct cursor *c, char ***strings, struct operation *op, const unsigned char *bitmap)
{
	const uint8_t *record = take(c, RECORD_HEADER);
	if (c->bad)
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
	if (length < RECORD_HEADER || length - RECORD_HEADER > (size_t)(c->end - c->at))
		return "record length";
	struct cursor arguments = { c->at, c->at + (length - RECORD_HEADER), false };
	const char *signature = operation_kinds[op->code].signature;
	for (int i = 0; signature[i]; i++) {
		decode_argument(&arguments, strings, signature[i], &op->args[i]);
		if (arguments.bad)
			return letter_names[(unsigned char)signature[i]];
	}
	c->at = arguments.end;
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
	plan->operations = calloc(plan->count + 1, sizeof(*plan->operations));
	/* A list takes at least four bytes, a string in it five: one pointer for each four bytes is enough for all, and their NULLs. */
	plan->strings = calloc(length / 4 + 1, sizeof(*plan->strings));
	if (!plan->operations || !plan->strings) {
		refusal->field = "memory";
		return -1;
	}
	struct visibility visibility = { 0 };
	struct cursor records = { data + PLAN_HEADER, data + length, false };
	char **strings = plan->strings;
	for (uint32_t i = 0; i < plan->count; i++) {
		struct operation *op = &plan->operations[i];
		refusal->index = i;
		refusal->field = decode_operation(&records, &strings, op, data + PLAN_BITMAP);
		if (!refusal->field)
			refusal->field = check_slots(plan, &visibility, op);
		if (refusal->field)
			return -1;
	}
	refusal->index = NO_OPERATION;
	refusal->field = records.at == records.end ? check_shape(plan, &refusal->index) : "bytes after the last operation";
	return refusal->field ? -1 : 0;
}
