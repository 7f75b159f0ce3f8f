import { Duplex } from "node:stream";

/** The part of Bun's own sockets that is used here; node: has nothing that takes a descriptor and costs nothing to load. */
interface RuntimeSocket {
  /** How many of the bytes were taken. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  end(): void;
}

/**
 * A connected stream socket that this process was started with, by its descriptor, as a Duplex with back-pressure both ways. By the
 * runtime's own sockets: node:net, which would wrap the same, costs every start 1.7 ms of loading.
 */
export class InheritedSocket extends Duplex {
  #socket: RuntimeSocket | undefined;
  #waiting: { readonly bytes: Uint8Array; readonly done: (error?: Error | null) => void } | undefined;

  constructor(descriptor: number) {
    super();
    const handlers = {
      open: (socket: RuntimeSocket) => {
        this.#socket = socket;
        this.#flush();
      },
      data: (socket: RuntimeSocket, bytes: Buffer) => {
        if (!this.push(bytes)) socket.pause();
      },
      drain: () => this.#flush(),
      end: () => this.push(null),
      close: () => this.#closed(),
      error: (_: RuntimeSocket, error: Error) => this.destroy(error),
    };
    connectDescriptor({ fd: descriptor, socket: handlers }).catch((error: unknown) =>
      this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** What has come is still to be read: how the process ended, say, right before its monitor left. */
  #closed(): void {
    this.#socket = undefined;
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
    this.push(null);
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#waiting = { bytes, done };
    this.#flush();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#waiting?.done(error ?? new Error("the socket was closed"));
    this.#waiting = undefined;
    this.#socket?.end();
    done(error);
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#socket === undefined) return;
    const written = Math.max(this.#socket.write(waiting.bytes), 0);
    if (written < waiting.bytes.length) {
      this.#waiting = { bytes: waiting.bytes.subarray(written), done: waiting.done };
      return;
    }
    this.#waiting = undefined;
    waiting.done();
  }
}

async function connectDescriptor(options: { readonly fd: number; readonly socket: object }): Promise<void> {
  const { Bun: runtime } = globalThis as { readonly Bun?: { connect(options: object): Promise<unknown> } };
  if (runtime === undefined) throw new Error("only Bun takes a connected socket by its descriptor");
  await runtime.connect(options);
}
