/* A client's frames: taken whole or in pieces, refused when malformed, held back when the process does not read; random bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "attach.h"

static int failures;
static char memory[MONITOR_MEMORY];
static struct monitor monitor;
static struct client *client;
static int peer, reader;

static void check(int line, bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "attach-test.c:%d: %s\n", line, what);
	failures++;
}

#define CHECK(condition) check(__LINE__, condition, #condition)

static void begin(void)
{
	int pair[2], pipes[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0 || pipe2(pipes, O_NONBLOCK | O_CLOEXEC) < 0)
		abort();
	memset(&monitor, 0, sizeof(monitor));
	monitor.epoll = epoll_create1(EPOLL_CLOEXEC);
	monitor.io = memory;
	monitor.buffer = 1000;
	monitor.process.fd = monitor.output[0].fd = monitor.output[1].fd = monitor.listener.fd = monitor.hook.fd = -1;
	monitor.input.fd = pipes[1];
	monitor.input_open = true;
	reader = pipes[0];
	peer = pair[1];
	client = client_add(&monitor, pair[0], false);
	if (!client)
		abort();
}

static void end(void)
{
	if (monitor.clients)
		client_drop(&monitor, monitor.clients);
	clients_sweep(&monitor);
	source_close(&monitor, &monitor.input);
	close(monitor.epoll);
	close(peer);
	close(reader);
}

static void put_frame(int type, const void *payload, uint32_t length)
{
	unsigned char header[FRAME_HEADER] = { 0 };

	put32(header, length);
	header[4] = (unsigned char)type;
	if (write(peer, header, sizeof(header)) != sizeof(header) || write(peer, payload, length) != (ssize_t)length)
		abort();
}

static void receive(void)
{
	client_receive(&monitor, client);
}

static void test_input(void)
{
	char text[32];

	begin();
	put_frame(FRAME_STDIN, "hello ", 6);
	put_frame(FRAME_STDIN, "", 0);
	put_frame(FRAME_STDIN, "world", 5);
	receive();
	CHECK(!client->gone && read(reader, text, sizeof(text)) == 11 && !memcmp(text, "hello world", 11));
	put_frame(FRAME_STDIN_EOF, "", 0);
	receive();
	CHECK(!client->gone && read(reader, text, sizeof(text)) == 0);
	put_frame(FRAME_STDIN, "for nobody", 10);
	receive();
	CHECK(!client->gone && !client->held);
	end();
}

static void test_byte_by_byte(void)
{
	unsigned char bytes[] = { 1, 0, 0, 0, FRAME_BEGIN, 0, 0, 0, 3, 2, 0, 0, 0, FRAME_STDIN, 0, 0, 0, 'a', 'b', 1, 0, 0, 0, FRAME_CLAIM, 0, 0, 0, 1 };
	char text[4];

	begin();
	for (size_t i = 0; i < sizeof(bytes); i++) {
		CHECK(write(peer, bytes + i, 1) == 1);
		receive();
	}
	CHECK(!client->gone && client->wants == 3 && client->claims);
	CHECK(read(reader, text, sizeof(text)) == 2 && !memcmp(text, "ab", 2));
	end();
}

static void test_held_input(void)
{
	static char block[MONITOR_IO], back[MONITOR_IO];
	size_t total = 0;

	begin();
	fcntl(reader, F_SETPIPE_SZ, 4096);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 31);
	put_frame(FRAME_STDIN, block, sizeof(block));
	put_frame(FRAME_CLAIM, "\1", 1);
	receive();
	receive();
	CHECK(client->held && clients_hold_input(&monitor) && !client->claims);
	for (int round = 0; round < 100 && total < sizeof(block); round++) {
		ssize_t n = read(reader, back + total, sizeof(back) - total);

		total += n > 0 ? (size_t)n : 0;
		client_resume(&monitor, client);
		receive();
	}
	CHECK(total == sizeof(block) && !memcmp(back, block, sizeof(block)));
	CHECK(!client->held && client->claims && !client->gone);
	end();
}

static void expect_refused(int line, const unsigned char *bytes, size_t length)
{
	begin();
	if (write(peer, bytes, length) != (ssize_t)length)
		abort();
	receive();
	check(line, client->gone, "the client is dropped");
	end();
}

#define REFUSED(...) expect_refused(__LINE__, (const unsigned char[]){ __VA_ARGS__ }, sizeof((const unsigned char[]){ __VA_ARGS__ }))

static void test_refusals(void)
{
	REFUSED(0, 0, 0, 0, 0, 0, 0, 0);
	REFUSED(0, 0, 0, 0, FRAME_PLAN, 0, 0, 0);
	REFUSED(0, 0, 0, 0, FRAME_OUTPUT, 0, 0, 0);
	REFUSED(0, 0, 0, 0, 200, 0, 0, 0);
	REFUSED(1, 0, 1, 0, FRAME_STDIN, 0, 0, 0);
	REFUSED(0, 0, 0, 0, FRAME_STDIN, 1, 0, 0);
	REFUSED(0, 0, 0, 0, FRAME_STDIN, 0, 1, 0);
	REFUSED(1, 0, 0, 0, FRAME_STDIN_EOF, 0, 0, 0, 0);
	REFUSED(3, 0, 0, 0, FRAME_RESIZE, 0, 0, 0, 0, 0, 0);
	REFUSED(1, 0, 0, 0, FRAME_BEGIN, 0, 0, 0, 8);
	REFUSED(1, 0, 0, 0, FRAME_CLAIM, 0, 0, 0, 2);
	REFUSED(0, 0, 0, 0, FRAME_DONE, 0, 0, 0);
}

static void test_done(void)
{
	begin();
	put_frame(FRAME_CLAIM, "\1", 1);
	receive();
	CHECK(client->claims && !client->gone);
	monitor.ended = true;
	put_frame(FRAME_DONE, "", 0);
	receive();
	CHECK(!client->gone && monitor.settled && !client->claims);
	end();
}

/* Reads what the client got: the bytes of output, and the sum that its GAPs tell. */
static void count_sent(size_t *output, uint64_t *gaps, bool *exited)
{
	static unsigned char bytes[1 << 20];
	static size_t have;
	ssize_t n;

	have = 0;
	for (;;) {
		n = read(peer, bytes + have, sizeof(bytes) - have);
		if (n > 0)
			have += (size_t)n;
		client_flush(client);
		if (n <= 0 && client_queued(client) == 0 && recv(peer, bytes + have, 1, MSG_PEEK) <= 0)
			break;
	}
	*output = 0;
	*gaps = 0;
	*exited = false;
	for (size_t at = 0; at + FRAME_HEADER <= have; at += FRAME_HEADER + get32(bytes + at)) {
		if (bytes[at + 4] == FRAME_OUTPUT)
			*output += get32(bytes + at);
		if (bytes[at + 4] == FRAME_GAP)
			*gaps += get64(bytes + at + FRAME_HEADER);
		*exited = bytes[at + 4] == FRAME_EXITED;
	}
}

static void test_output(bool starting)
{
	static char block[5000];
	size_t output;
	uint64_t gaps;
	bool exited;

	begin();
	client->starting = starting;
	client->wants = 1;
	for (int i = 0; i < 200; i++)
		client_output(&monitor, client, 1, block, sizeof(block));
	client_output(&monitor, client, 2, block, sizeof(block));
	CHECK(clients_block_output(&monitor) == starting);
	client_tell_exit(&monitor, client);
	count_sent(&output, &gaps, &exited);
	CHECK(output + gaps == 200 * sizeof(block) && exited);
	CHECK(starting ? gaps == 0 : gaps > 0);
	end();
}

/* The monitor may drop the client, and nothing else may happen; ASan and UBSan watch. */
static void test_random(void)
{
	static const unsigned char types[] = { 3, 4, 5, 6, 7, 8, 8, 3 };
	unsigned char bytes[64];
	char sink[256];

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		size_t length = 1 + (size_t)random() % sizeof(bytes);

		begin();
		for (size_t at = 0; at < length; at++)
			bytes[at] = (unsigned char)(random() % 4 ? 0 : random());
		for (size_t at = 4; at < length; at += 12)
			bytes[at] = types[random() % 8];
		monitor.flags = (uint64_t)random() % 64;
		monitor.ended = random() % 2;
		monitor.console = random() % 2;
		if (write(peer, bytes, length) != (ssize_t)length)
			abort();
		receive();
		client_output(&monitor, client, 1, "x", 1);
		client_resume(&monitor, client);
		client_tell_exit(&monitor, client);
		while (read(reader, sink, sizeof(sink)) > 0)
			;
		end();
	}
}

int main(void)
{
	test_input();
	test_byte_by_byte();
	test_held_input();
	test_refusals();
	test_done();
	test_output(true);
	test_output(false);
	test_random();
	printf("attach-test: %s\n", failures ? "failed" : "ok");
	return failures ? 1 : 0;
}
