import type { ByteSocket } from "./byte-socket.ts";

/** The part of Bun's own sockets that is used here; node: has nothing that takes a descriptor and costs nothing to load. */
interface RuntimeSocket {
  /** How many of the bytes were taken. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  end(): void;
}

/** How much is taken from the kernel before anybody wants it. */
const receiveBytes = 65_536;

interface Listeners {
  readonly data: Set<(chunk: Buffer) => void>;
  readonly error: Set<(error: Error) => void>;
  readonly close: Set<(nothing: undefined) => void>;
}

/**
 * A connected stream socket that this process was started with, by its descriptor, with back-pressure both ways. By the runtime's own
 * sockets, and not a stream of node:stream: loading node:net and that costs every start 3 ms.
 */
export class InheritedSocket implements ByteSocket {
  readonly #listeners: Listeners = { data: new Set(), error: new Set(), close: new Set() };
  readonly #received: Buffer[] = [];
  readonly #unsent: { bytes: Uint8Array; readonly done: () => void }[] = [];
  #socket: RuntimeSocket | undefined;
  /** By whoever listens. */
  #paused = false;
  /** By us, because too much waits. */
  #halted = false;
  /** Nothing more comes or goes. */
  #ended = false;
  #closed = false;

  constructor(descriptor: number) {
    const handlers = {
      open: (socket: RuntimeSocket) => {
        if (this.#ended) return socket.end();
        this.#socket = socket;
        this.#flush();
      },
      data: (socket: RuntimeSocket, bytes: Buffer) => {
        this.#received.push(bytes);
        this.#deliver();
        this.#halted = this.#received.reduce((sum, { length }) => sum + length, 0) > receiveBytes;
        if (this.#halted) socket.pause();
      },
      drain: () => this.#flush(),
      close: () => this.#end(),
      error: (_: RuntimeSocket, error: Error) => this.#fail(error),
    };
    connectDescriptor({ fd: descriptor, socket: handlers }).catch((error: unknown) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  get writable(): boolean {
    return !this.#ended;
  }

  on(event: keyof Listeners, listener: (argument: never) => void): void {
    (this.#listeners[event] as Set<typeof listener>).add(listener);
    // Whoever listens may have more to set up before the first bytes.
    if (event === "data") queueMicrotask(() => this.#deliver());
  }

  off(event: keyof Listeners, listener: (argument: never) => void): void {
    (this.#listeners[event] as Set<typeof listener>).delete(listener);
  }

  write(bytes: Uint8Array, done: () => void = () => {}): void {
    if (this.#ended) return done();
    this.#unsent.push({ bytes, done });
    this.#flush();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  destroy(): void {
    this.#received.length = 0;
    this.#socket?.end();
    this.#end();
  }

  /** What has come is still to be read: how the process ended, say, right before its monitor left. */
  #deliver(): void {
    while (!this.#paused && this.#listeners.data.size > 0) {
      const bytes = this.#received.shift();
      if (bytes === undefined) break;
      emit(this.#listeners.data, bytes);
    }
    if (this.#received.length > 0) return;
    if (this.#ended) return this.#close();
    if (!this.#halted) return;
    this.#halted = false;
    this.#socket?.resume();
  }

  #flush(): void {
    for (let next = this.#unsent[0]; next !== undefined && this.#socket !== undefined; next = this.#unsent[0]) {
      const written = Math.max(this.#socket.write(next.bytes), 0);
      next.bytes = next.bytes.subarray(written);
      if (next.bytes.length > 0) return;
      this.#unsent.shift();
      next.done();
    }
  }

  #fail(error: Error): void {
    emit(this.#listeners.error, error);
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket = undefined;
    for (const { done } of this.#unsent.splice(0)) done();
    if (this.#received.length === 0) this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => emit(this.#listeners.close, undefined));
  }
}

/** To those who listen now: whoever takes over from within a call gets what comes next, not this. */
function emit<Argument>(listeners: ReadonlySet<(argument: Argument) => void>, argument: Argument): void {
  for (const listener of Array.from(listeners)) listener(argument);
}

async function connectDescriptor(options: { readonly fd: number; readonly socket: object }): Promise<void> {
  const { Bun: runtime } = globalThis as { readonly Bun?: { connect(options: object): Promise<unknown> } };
  if (runtime === undefined) throw new Error("only Bun takes a connected socket by its descriptor");
  await runtime.connect(options);
}
