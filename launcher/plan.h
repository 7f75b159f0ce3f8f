/* A plan, decoded: every check that needs no kernel has passed. */
#ifndef WHERRY_PLAN_H
#define WHERRY_PLAN_H

#include "protocol.h"

enum section { SECTION_HOST, SECTION_PARENT, SECTION_CHILD, SECTION_TAIL, SECTION_END };

enum operation_code {
#define OP(code, name, signature, sections) OP_##name = code,
#include "operations.def"
#undef OP
};

enum { ARGUMENTS_MAX = 12 };

/* One member per signature letter; which one is valid says operation_kind. Strings and bytes lie in the plan's own buffer. */
union argument {
	uint64_t u;
	const char *s;
	struct { const unsigned char *data; uint32_t length; } b;
	struct { char **list; uint32_t count; } v; /* list[count] is NULL */
	struct { const unsigned char *list; uint32_t count; } slots; /* F O; f d g o: one; to be read by slot_at() */
};

struct operation {
	uint16_t code;
	uint16_t section;
	uint16_t ignored[2]; /* errno values after which the plan goes on; 0: none */
	union argument args[ARGUMENTS_MAX];
};

struct operation_kind {
	const char *name; /* NULL: no such code */
	const char *signature;
	const char *sections;
};

struct plan {
	uint32_t count;
	uint32_t slots;
	uint32_t first[SECTION_END + 1]; /* section s: operations first[s] to first[s + 1] - 1 */
	struct operation *operations;
	char **strings; /* what the lists of strings are made of */
	unsigned char *data; /* the encoded plan, if plan_free frees it too; NULL: it is the caller's */
};

struct plan_refusal {
	uint32_t index; /* NO_OPERATION: the header */
	const char *field;
};

static inline uint16_t slot_at(union argument argument, uint32_t i)
{
	return get16(argument.slots.list + 2 * (size_t)i);
}

extern const struct operation_kind operation_kinds[PLAN_CODES];

/*
 * Decodes and validates all of it (docs/plan-protocol.md, section 3). `data` must outlive the plan.
 * 0, or -1 with what was refused; plan_free is needed in both cases.
 */
int plan_decode(struct plan *plan, const unsigned char *data, size_t length, struct plan_refusal *refusal);
void plan_free(struct plan *plan);

#endif
