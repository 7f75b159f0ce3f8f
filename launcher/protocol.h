/*
 * What src/ and launcher/ say to each other (docs/plan-protocol.md; src/kernel/frames.ts draws the same).
 *
 *   client                         launcher                        child
 *     PLAN ─────────────────────────► decode all, HOST, clone3 ─────► (starts)
 *                                     PARENT ◄── GIVE / TAKE ──────► CHILD
 *     ◄───────────────────── TELL     │
 *     GO ───────────────────────────► HOLD
 *     ◄──────────────────── ERROR     ◄───────────── report: ERROR
 *     ◄────────────────── STARTED     ◄─ report: EXECUTING, then closed by exec
 *     STDIN STDIN_EOF RESIZE CLAIM ─► MONITOR ◄───── output
 *     ◄── OUTPUT GAP ...  EXITED
 *
 * A frame, on descriptor 3 and on attach sockets, in both directions:
 *
 *     0        4      5        6      8
 *     | length | type | stream | zero | payload: length bytes
 *
 * A plan:
 *
 *     0          8         12       16           20      24       40
 *     | WHRYPLAN | version | length | operations | slots | bitmap | operation ...
 *
 * An operation:
 *
 *     0      2         3      4        8         10        12
 *     | code | section | zero | length | ignored | ignored | arguments ...
 *
 * All numbers are little endian.
 */
#ifndef WHERRY_PROTOCOL_H
#define WHERRY_PROTOCOL_H

#include "kernel.h"

enum frame_type {
	FRAME_PLAN = 1,
	FRAME_GO = 2,
	FRAME_STDIN = 3,
	FRAME_STDIN_EOF = 4,
	FRAME_RESIZE = 5,
	FRAME_CLAIM = 6,
	FRAME_BEGIN = 7,
	FRAME_DONE = 8,
	FRAME_LABEL = 9,
	FRAME_ERROR = 16,
	FRAME_TELL = 17,
	FRAME_STARTED = 18,
	FRAME_OUTPUT = 19,
	FRAME_GAP = 20,
	FRAME_EXITED = 21,
	FRAME_EXECUTING = 255, /* from the child to the launcher only: execve comes next */
};

enum {
	CLIENT_DESCRIPTOR = 3,
	FRAME_HEADER = 8,
	FRAME_PAYLOAD_MAX = 65536,
	PLAN_LENGTH_MAX = 4 << 20,
	PLAN_VERSION = 1,
	PLAN_HEADER = 40,
	PLAN_BITMAP = 24, /* its offset */
	PLAN_CODES = 128,
	PLAN_SLOTS_MAX = 1024,
	PLAN_OPERATIONS_MAX = 16384,
	RECORD_HEADER = 12,
	SLOT_NONE = 0xffff,
	IGNORE_ANY = 0xffff, /* as the first ignored errno */
	GIVE_BATCH = 250, /* below the kernel's SCM_MAX_FD, 253 */
};

#define PLAN_MAGIC "WHRYPLAN"
#define NO_OPERATION UINT32_MAX

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the protocol is copied, not converted");

static inline uint16_t get16(const void *at) { uint16_t v; memcpy(&v, at, sizeof(v)); return v; }
static inline uint32_t get32(const void *at) { uint32_t v; memcpy(&v, at, sizeof(v)); return v; }
static inline uint64_t get64(const void *at) { uint64_t v; memcpy(&v, at, sizeof(v)); return v; }
static inline void put16(void *at, uint16_t v) { memcpy(at, &v, sizeof(v)); }
static inline void put32(void *at, uint32_t v) { memcpy(at, &v, sizeof(v)); }
static inline void put64(void *at, uint64_t v) { memcpy(at, &v, sizeof(v)); }

/* The place of a label of up to 64 bytes (a container's id) in the arguments of a launcher that waits. */
#define LABEL_FILLER "----------------------------------------------------------------"

#endif
