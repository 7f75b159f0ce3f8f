/** A tar's member as it is written, right or wrong: the exploits of test/e2e/hostile-archives.test.ts are made of these. */
export interface RawMember {
  readonly name: string;
  /** Default `0`, a file. */
  readonly type?: string;
  readonly data?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  /** The size field; default: the data's length. A text is written as it is. */
  readonly size?: number | string | Buffer;
  readonly major?: number;
  readonly minor?: number;
  /** PAX records before it. */
  readonly pax?: Readonly<Record<string, string>>;
  /** A PAX header of exactly these bytes. */
  readonly rawPax?: string | Buffer;
  /** GNU's long name and link. */
  readonly longName?: string;
  readonly longLink?: string;
}

const block = 512;

export function rawTar(...members: readonly RawMember[]): Buffer {
  return Buffer.concat([...members.map(rawMember), Buffer.alloc(2 * block)]);
}

export function rawMember(member: RawMember): Buffer {
  const parts: Buffer[] = [];
  const extension = (type: string, data: Buffer) => parts.push(header({ name: "x", type, data }), padded(data));
  if (member.rawPax !== undefined) extension("x", Buffer.from(member.rawPax));
  if (member.pax !== undefined) extension("x", Buffer.from(Object.entries(member.pax).map(paxRecord).join(""), "latin1"));
  if (member.longName !== undefined) extension("L", Buffer.from(`${member.longName}\0`));
  if (member.longLink !== undefined) extension("K", Buffer.from(`${member.longLink}\0`));
  return Buffer.concat([...parts, header(member), padded(Buffer.from(member.data ?? ""))]);
}

function paxRecord([key, value]: readonly [string, string]): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}

function header(member: RawMember): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, width: number) => bytes.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  bytes.write(member.name.slice(0, 100), 0, "latin1");
  octal(member.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  const size = member.size ?? Buffer.from(member.data ?? "").length;
  if (typeof size === "number") octal(size, 124, 12);
  else bytes.set(Buffer.from(size).subarray(0, 12), 124);
  octal(0, 136, 12);
  bytes.write("        ", 148, "latin1");
  bytes.write(member.type ?? "0", 156, "latin1");
  bytes.write((member.link ?? "").slice(0, 100), 157, "latin1");
  bytes.write("ustar\x0000", 257, "latin1");
  octal(member.major ?? 0, 329, 8);
  octal(member.minor ?? 0, 337, 8);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((block - (data.length % block)) % block)]);
}
