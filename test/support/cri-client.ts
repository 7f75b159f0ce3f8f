import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectSocket } from "node:net";

/** A message of protocol buffers: field number, then a string, bytes, a number, a nested message, or several of one kind. */
export interface Fields {
  readonly [field: number]: FieldValue;
}
type FieldValue = string | number | Fields | readonly (string | Fields)[];

/** As much of the Kubernetes container runtime interface as a test needs, spoken to containerd. @see cri-api runtime/v1/api.proto */
export class CriClient implements Disposable {
  readonly #session: ClientHttp2Session;

  constructor(socket: string) {
    this.#session = connect("http://localhost", { createConnection: () => connectSocket(socket) });
  }

  /** One call; returns the fields of the answer that are strings or numbers. @throws with the server's own words */
  async call(method: string, request: Fields): Promise<ReadonlyMap<number, string | number>> {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/runtime.v1.RuntimeService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const message = encode(request);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    const chunks: Buffer[] = [];
    const status = new Map<string, string>();
    const note = (headers: object) => {
      for (const [name, value] of Object.entries(headers)) if (typeof value === "string") status.set(name, value);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve, reject) => {
      stream.on("close", () => resolve());
      stream.on("error", reject);
    });
    if ((status.get("grpc-status") ?? "0") !== "0") throw new Error(`${method}: ${decodeURIComponent(status.get("grpc-message") ?? "")}`);
    return decode(Buffer.concat(chunks).subarray(5));
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

function encode(fields: Fields): Buffer {
  const parts: Buffer[] = [];
  for (const [number, value] of Object.entries(fields)) {
    const values: readonly (string | number | Fields)[] = isList(value) ? value : [value];
    for (const item of values) {
      if (typeof item === "number") parts.push(varint((Number(number) << 3) | 0), varint(item));
      else {
        const bytes = typeof item === "string" ? Buffer.from(item) : encode(item);
        parts.push(varint((Number(number) << 3) | 2), varint(bytes.length), bytes);
      }
    }
  }
  return Buffer.concat(parts);
}

function isList(value: FieldValue): value is readonly (string | Fields)[] {
  return Array.isArray(value);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function decode(bytes: Buffer): ReadonlyMap<number, string | number> {
  const fields = new Map<number, string | number>();
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = next();
    if ((tag & 7) === 0) fields.set(tag >> 3, next());
    else {
      const length = next();
      fields.set(tag >> 3, bytes.toString("utf8", at, at + length));
      at += length;
    }
  }
  return fields;
}
