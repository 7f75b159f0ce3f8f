import { read } from "node:fs";

const chunkBytes = 512 * 1024;

/** `length` bytes of the open file from `offset` on, whatever its position; the next chunk is read while one is looked at. Fewer at the end of the file. */
export async function* readFileRange(fd: number, offset: number, length: number): AsyncGenerator<Buffer> {
  const end = offset + length;
  let next = readAt(fd, offset, Math.min(chunkBytes, length));
  for (let at = offset; at < end; ) {
    const chunk = await next;
    if (chunk.length === 0) return;
    at += chunk.length;
    next = at < end ? readAt(fd, at, Math.min(chunkBytes, end - at)) : next;
    // Nobody waits for it if the reader has had enough.
    next.catch(() => undefined);
    yield chunk;
  }
}

function readAt(fd: number, position: number, length: number): Promise<Buffer> {
  if (length === 0) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunk = Buffer.allocUnsafe(length);
    read(fd, chunk, 0, length, position, (error, count) => (error === null ? resolve(chunk.subarray(0, count)) : reject(error)));
  });
}
