import { read } from "node:fs";
import { delay } from "../../core/delay.ts";

const CHUNK_BYTES = 128 * 1024;

/**
 * The bytes of a descriptor as they come. Each chunk is valid until the next is asked for twice over: two buffers take turns, so that one
 * can be written while the other is filled. With `own`, each chunk is the reader's for good: a stream may hold several. Blocks no more than a thread of the pool, which ends with the process.
 *
 * `process.stdin` is not used: it sets O_NONBLOCK on a description shared with the caller's shell, and reads on after we have lost interest.
 */
export async function* readChunks(fd: number, options: { readonly own?: boolean } = {}): AsyncGenerator<Uint8Array> {
  const buffers = options.own === true ? [] : [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  for (let turn = 0; ; turn ^= 1) {
    const buffer = buffers[turn] ?? new Uint8Array(CHUNK_BYTES);
    const count = await readSome(fd, buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

async function readSome(fd: number, buffer: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return await new Promise<number>((resolve, reject) => {
        read(fd, buffer, 0, buffer.length, null, (error, count) => (error === null ? resolve(count) : reject(error)));
      });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      // The description is shared, and somebody else has made it non-blocking.
      if (code === "EAGAIN") await delay(5);
      // EIO: the terminal has hung up. EBADF: stdin was closed from the start (`<&-`). EISDIR: there is nothing to read either.
      else if (code === "EIO" || code === "EBADF" || code === "EISDIR") return 0;
      else throw error;
    }
  }
}
