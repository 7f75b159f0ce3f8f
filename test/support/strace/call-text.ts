/** A system call as text: strace's output, or a line of `--explain`. */
export interface CallText {
  readonly name: string;
  readonly args: readonly string[];
  /** After ` = `: a number, `fd:NAME`, `<pid>`, `?`; null where a plan names none. */
  readonly result: string | null;
  /** The errno's name of a failed call. */
  readonly error: string | null;
  readonly text: string;
}

const OPEN = "([{<";
const CLOSE = ")]}>";

/**
 * Splits `name(a, {b=c, d}, "e, f") = result` into its parts. Comments of strace are dropped, but for process numbers of another pid
 * namespace (`2 /* 875 in strace's PID NS *\/`), which are translated.
 * @throws when it is no call.
 */
export function parseCall(line: string): CallText {
  const text = line
    .replaceAll(/\b\d+ \/\* (\d+) in strace's PID NS \*\//g, "$1")
    .replaceAll(/0x[0-9a-f]+ \/\* (\d+) vars \*\//g, "[$1 variables]");
  const start = text.indexOf("(");
  const name = text.slice(0, start);
  if (start < 1 || !/^\w+$/.test(name)) throw new Error(`not a system call: ${line.slice(0, 200)}`);
  const { parts, end } = splitArguments(text, start + 1);
  const rest = /^\s*(?:=> .*)?\s*= (-?\w[\w:.-]*|<pid>|\?)(?: ([A-Z][A-Z0-9]+) \()?/.exec(text.slice(end));
  return {
    name,
    args: parts,
    result: rest?.[1] ?? null,
    error: rest?.[1] === "-1" ? (rest[2] ?? "unknown") : null,
    text: text.length > 300 ? `${text.slice(0, 300)}…` : text,
  };
}

/** From `at` to the bracket that closes the list: `parts` separated by commas at the top level, and the place after that bracket. */
function splitArguments(text: string, at: number): { parts: readonly string[]; end: number } {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (let index = at; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === '"') {
      const end = endOfString(text, index);
      part += text.slice(index, end);
      index = end - 1;
    } else if (text.startsWith("/*", index)) {
      index = text.indexOf("*/", index) + 1;
    } else if (text.startsWith("=>", index)) {
      part += "=>";
      index++;
    } else if (text.startsWith("<<", index)) {
      part += "<<";
      index++;
    } else if (depth === 0 && character === ")") {
      if (part.trim() !== "") parts.push(part.trim());
      return { parts, end: index + 1 };
    } else if (depth === 0 && character === ",") {
      parts.push(part.trim());
      part = "";
    } else {
      if (OPEN.includes(character)) depth++;
      else if (CLOSE.includes(character)) depth--;
      part += character;
    }
  }
  throw new Error(`unbalanced: ${text.slice(0, 200)}`);
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index + 1;
}

/** The members of `{a=b, c=d}` or `[x, y]`. */
export function members(text: string): readonly string[] {
  return splitArguments(`${text.slice(1, -1)})`, 0).parts;
}

/** `{a=b, c=d}` as a table. */
export function fields(text: string): ReadonlyMap<string, string> {
  return new Map(
    members(text).map((member) => {
      const at = member.indexOf("=");
      return at < 0 ? [member, ""] : [member.slice(0, at), member.slice(at + 1)];
    }),
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f", '"': '"', "\\": "\\" };

/** The bytes of a quoted string, one character each; `cut` when it ends in `...`. */
export function unquote(text: string): { readonly value: string; readonly cut: boolean } {
  const end = endOfString(text, 0);
  const value = Buffer.from(text.slice(1, end - 1), "utf8")
    .toString("latin1")
    .replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([0-7]{1,3})|(.))/g, (_, hex, unicode, octal, plain) =>
      plain === undefined
        ? String.fromCharCode(hex === undefined && unicode === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? unicode, 16))
        : (ESCAPES[plain] ?? plain),
    );
  return { value, cut: text.slice(end) === "..." };
}

/** `A|B|C` in one order, without `ignored` ones and without zeros. */
export function flagSet(text: string, ignored: readonly string[] = []): string {
  return text
    .split("|")
    .map((flag) => flag.trim())
    .filter((flag) => flag !== "" && flag !== "0" && !ignored.includes(flag))
    .toSorted()
    .join("|");
}
