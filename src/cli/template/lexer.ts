import { templateError } from "./template-error.ts";

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "identifier"
  | "field"
  | "variable"
  | "dot"
  | "string"
  | "char"
  | "number"
  | "pipe"
  | "leftParen"
  | "rightParen"
  | "declare"
  | "assign"
  | "comma"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** As written; for `string` the unquoted text, for `field` and `variable` the bare name. */
  readonly text: string;
  readonly line: number;
  /** A blank stands before it: `.A .B` are two operands, `.A.B` is one. */
  readonly spaced: boolean;
}

const TRIMMED = " \t\r\n";

/**
 * Splits a template into tokens: text as it is, actions into their words. `{{-` and `-}}` trim the text beside them, comments vanish.
 * @throws {EngineError} CLI_TEMPLATE_INVALID
 * @see https://pkg.go.dev/text/template
 */
export function lexTemplate(source: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf("{{", position);
    const trimsBefore = open >= 0 && source[open + 2] === "-" && TRIMMED.includes(source[open + 3] ?? "x");
    let text = source.slice(position, open < 0 ? undefined : open);
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, "");
    if (trimsBefore) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") tokens.push({ kind: "text", text, line: lineAt(source, position), spaced: false });
    if (open < 0) break;

    const start = open + (trimsBefore ? 3 : 2);
    const comment = /\s*\/\*[\s\S]*?\*\/(?=\s*(?:-)?\}\})/y;
    comment.lastIndex = start;
    const end = comment.test(source) ? skipComment(source, comment.lastIndex) : lexAction(source, start, tokens);
    trimNext = end.trim;
    position = end.position;
  }
  tokens.push({ kind: "end", text: "", line: lineAt(source, source.length), spaced: false });
  return tokens;
}

interface ActionEnd {
  /** Just behind the closing braces. */
  readonly position: number;
  readonly trim: boolean;
}

const CLOSE = /\s-\}\}|\}\}/y;
const BLANK = /\s+/y;
const WORDS: readonly (readonly [TokenKind, RegExp])[] = [
  ["declare", /:=/y],
  ["assign", /=/y],
  ["pipe", /\|/y],
  ["leftParen", /\(/y],
  ["rightParen", /\)/y],
  ["comma", /,/y],
  ["field", /\.([\p{L}_][\p{L}\p{Nd}_]*)/uy],
  ["number", /[-+]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\p{L}_])/uy],
  ["dot", /\./y],
  ["variable", /\$([\p{L}\p{Nd}_]*)/uy],
  ["identifier", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\.)+'/y],
];

function lexAction(source: string, start: number, tokens: Token[]): ActionEnd {
  let position = start;
  const line = (): number => lineAt(source, position);
  tokens.push({ kind: "open", text: "{{", line: line(), spaced: false });
  for (;;) {
    const close = matchAt(CLOSE, source, position);
    if (close !== undefined) {
      tokens.push({ kind: "close", text: "}}", line: line(), spaced: true });
      return { position: position + close[0].length, trim: close[0].length > 2 };
    }
    const blank = matchAt(BLANK, source, position);
    if (blank !== undefined && matchAt(/\s*-\}\}/y, source, position) === undefined) position += blank[0].length;
    else if (blank !== undefined) {
      // The blank that belongs to ` -}}`.
      position += blank[0].length - 1;
      continue;
    }
    if (position >= source.length) throw templateError(`:${line()}: unclosed action`);
    if (matchAt(CLOSE, source, position) !== undefined) continue;

    const spaced = blank !== undefined;
    const found = firstWord(source, position);
    if (found === undefined) throw templateError(`:${line()}: unexpected ${JSON.stringify(source[position])} in action`);
    tokens.push({ kind: found.kind, text: found.text, line: line(), spaced });
    position += found.length;
  }
}

function firstWord(
  source: string,
  position: number,
): { readonly kind: TokenKind; readonly text: string; readonly length: number } | undefined {
  for (const [kind, pattern] of WORDS) {
    const match = matchAt(pattern, source, position);
    if (match === undefined) continue;
    const whole = match[0];
    if (kind === "string") return { kind, text: unquote(whole, lineAt(source, position)), length: whole.length };
    return { kind, text: match[1] ?? whole, length: whole.length };
  }
  return undefined;
}

function skipComment(source: string, position: number): ActionEnd {
  const close = /\s*(-?)\}\}/y;
  const match = matchAt(close, source, position);
  return { position: position + (match?.[0].length ?? 0), trim: match?.[1] === "-" };
}

function matchAt(pattern: RegExp, source: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(source) ?? undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** The text of a Go string or rune literal. */
export function unquote(literal: string, line: number): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  return literal.slice(1, -1).replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/gs, (whole, escape: string) => {
    const simple = ESCAPES[escape];
    if (simple !== undefined) return simple;
    const code = /^[xuU]/.test(escape)
      ? Number.parseInt(escape.slice(1), 16)
      : /^[0-7]{3}$/.test(escape)
        ? Number.parseInt(escape, 8)
        : Number.NaN;
    if (Number.isNaN(code) || code > 0x10ffff) throw templateError(`:${line}: invalid escape ${whole} in ${literal}`);
    return String.fromCodePoint(code);
  });
}

function lineAt(source: string, position: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at >= 0 && at < position; at = source.indexOf("\n", at + 1)) line += 1;
  return line;
}
