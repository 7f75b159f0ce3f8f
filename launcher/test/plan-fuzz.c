/*
 * plan-fuzz [ITERATIONS [SEED]]: mutates a right plan and decodes it, under ASan and UBSan. What is accepted is walked
 * through, so that a wrong pointer in it shows as well. Repeat a failure with the seed that it printed.
 */
#include <stdio.h>
#include <time.h>
#include "plan-writer.h"

static uint64_t state;

/* xorshift64* */
static uint32_t roll(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545F4914F6CDD1Dull) >> 32) % below;
}

static const uint32_t interesting[] = { 0, 1, 2, 4, 5, 7, 8, 9, 11, 12, 250, 0x7f, 0x80, 0xff, 0x3ff, 0x400, 0x401, 0x7fff, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffb, 0xffffffff };

/* Where a record of the plan starts; a plan that is already wrong gives any place. */
static size_t any_record(const struct writer *w)
{
	size_t at = PLAN_HEADER;
	for (uint32_t hop = roll(16); hop > 0 && at + RECORD_HEADER <= w->length; hop--) {
		uint32_t length = get32(w->data + at + 4);
		if (length < RECORD_HEADER || length > w->length - at - RECORD_HEADER)
			break;
		at += length;
	}
	return at;
}

static void mutate(struct writer *w)
{
	if (w->length < PLAN_HEADER + 64)
		return;
	size_t at = roll((uint32_t)w->length - 8);
	uint32_t value = interesting[roll(sizeof(interesting) / sizeof(*interesting))];
	switch (roll(8)) {
	case 0:
		w->data[at] ^= (unsigned char)(1 << roll(8));
		break;
	case 1:
		w->data[at] = (unsigned char)value;
		break;
	case 2:
		put16(w->data + at, (uint16_t)value);
		break;
	case 3:
		put32(w->data + at, value);
		break;
	case 4:
		put32(w->data + at, get32(w->data + at) + roll(9) - 4);
		break;
	case 5: /* cut, and say so */
		w->length -= roll(32);
		put32(w->data + 12, (uint32_t)w->length);
		break;
	case 6: { /* another operation or section in place */
		size_t record = any_record(w);
		if (roll(2))
			put16(w->data + record, (uint16_t)roll(PLAN_CODES));
		else
			w->data[record + 2] = (unsigned char)roll(5);
		break;
	}
	default: { /* a piece moves elsewhere */
		uint32_t length = 1 + roll(40);
		if (at + length < w->length)
			memmove(w->data + at, w->data + roll((uint32_t)w->length - length), length);
	}
	}
	if (roll(2))
		put32(w->data + 12, (uint32_t)w->length);
}

/* Touches all that an accepted plan points to. */
static uint64_t walk(const struct plan *plan)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct operation *op = &plan->operations[i];
		const char *signature = operation_kinds[op->code].signature;
		for (int a = 0; signature[a]; a++) {
			const union argument *argument = &op->args[a];
			if (signature[a] == 's')
				sum += strlen(argument->s);
			if (signature[a] == 'b')
				for (uint32_t j = 0; j < argument->b.length; j++)
					sum += argument->b.data[j];
			if (signature[a] == 'v')
				for (uint32_t j = 0; j < argument->v.count; j++)
					sum += strlen(argument->v.list[j]);
			if (signature[a] == 'F' || signature[a] == 'O')
				for (uint32_t j = 0; j < argument->slots.count; j++)
					sum += slot_at(*argument, j) < plan->slots ? 1 : (abort(), 0);
			if (signature[a] == 'f' || signature[a] == 'o')
				sum += slot_at(*argument, 0) < plan->slots ? 1 : (abort(), 0);
		}
	}
	return sum;
}

int main(int argc, char **argv)
{
	unsigned long iterations = argc > 1 ? strtoul(argv[1], NULL, 10) : 300000, accepted = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1, sum = 0;
	static struct writer sample, w;
	fprintf(stderr, "plan-fuzz: %lu iterations, seed %#llx\n", iterations, (unsigned long long)seed);
	state = seed ? seed : 1;
	write_sample(&sample);
	for (unsigned long i = 0; i < iterations; i++) {
		struct plan plan;
		struct plan_refusal refusal;
		w = sample;
		for (uint32_t n = 1 + roll(4); n > 0; n--)
			mutate(&w);
		unsigned char *copy = malloc(w.length); /* its exact size: ASan guards the end */
		if (!copy)
			abort();
		memcpy(copy, w.data, w.length);
		if (plan_decode(&plan, copy, w.length, &refusal) == 0) {
			accepted++;
			sum += walk(&plan);
		} else if (!refusal.field) {
			abort();
		}
		plan_free(&plan);
		free(copy);
	}
	printf("plan-fuzz: %lu of %lu accepted (%llu)\n", accepted, iterations, (unsigned long long)sum);
	return accepted > 0 && accepted < iterations ? 0 : 1;
}
