import { invalidChange } from "./instructions.ts";

/**
 * A word of an instruction as docker's builder reads it: quotes and backslashes taken away, `$NAME`, `${NAME}`, `${NAME:-default}` and
 * `${NAME:+instead}` replaced; single quotes keep all as it is.
 * @throws {EngineError} INVALID_CHANGE, in docker's words
 * @see https://docs.docker.com/reference/dockerfile/#environment-replacement
 */
export function expandWord(word: string, env: readonly string[]): string {
  return expandWords(word, env, false).join("");
}

/** The same, and what is expanded is cut at blanks that no quotes hold together. */
export function expandList(text: string, env: readonly string[]): string[] {
  return expandWords(text, env, true);
}

function expandWords(text: string, env: readonly string[], cut: boolean): string[] {
  try {
    return new Expansion(text, env).run(cut);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidChange(`failed to process ${JSON.stringify(text)}: ${error.message}`);
  }
}

class Expansion {
  readonly #text: string;
  readonly #env: readonly string[];
  #at = 0;

  constructor(text: string, env: readonly string[]) {
    this.#text = text;
    this.#env = env;
  }

  run(cut: boolean): string[] {
    const words: string[] = [];
    let word: string | undefined;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (cut && /\s/.test(character)) {
        if (word !== undefined) words.push(word);
        word = undefined;
        this.#at++;
      } else if (character === "$" && cut) {
        // Not quoted: blanks in the value count, too.
        const [first = "", ...more] = this.#dollar().split(/\s+/);
        word = (word ?? "") + first;
        for (const next of more) {
          words.push(word);
          word = next;
        }
      } else word = (word ?? "") + this.#piece(character);
    }
    if (word !== undefined) words.push(word);
    return words;
  }

  #piece(character: string): string {
    switch (character) {
      case "'":
        return this.#singleQuoted();
      case '"':
        return this.#doubleQuoted();
      case "$":
        return this.#dollar();
      case "\\":
        this.#at += 2;
        return this.#text.charAt(this.#at - 1);
      default:
        this.#at++;
        return character;
    }
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw new SyntaxError("unexpected end of statement while looking for matching single-quote");
    const inside = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inside;
  }

  #doubleQuoted(): string {
    let inside = "";
    this.#at++;
    for (;;) {
      const character = this.#text.charAt(this.#at);
      if (character === "") throw new SyntaxError("unexpected end of statement while looking for matching double-quote");
      if (character === '"') {
        this.#at++;
        return inside;
      }
      if (character === "$") inside += this.#dollar();
      else if (character === "\\" && /^["$\\]/.test(this.#text.slice(this.#at + 1))) {
        inside += this.#text.charAt(this.#at + 1);
        this.#at += 2;
      } else {
        inside += character;
        this.#at++;
      }
    }
  }

  #dollar(): string {
    const rest = this.#text.slice(this.#at + 1);
    const plain = /^(?:[A-Za-z_]\w*|[0-9@*#])/.exec(rest)?.[0];
    if (plain !== undefined) {
      this.#at += 1 + plain.length;
      return this.#value(plain) ?? "";
    }
    if (!rest.startsWith("{")) {
      this.#at++;
      return "$";
    }
    return this.#braces(rest);
  }

  #braces(rest: string): string {
    const [start = "", name = "", operator] = /^\{(\w*)(:[-+]|[-+])?/.exec(rest) ?? [];
    if (name === "") throw new SyntaxError("syntax error: bad substitution");
    this.#at += 1 + start.length;
    if (operator === undefined) {
      if (this.#text.charAt(this.#at) !== "}")
        throw new SyntaxError(this.#at >= this.#text.length ? "syntax error: missing '}'" : "unsupported modifier in substitution");
      this.#at++;
      return this.#value(name) ?? "";
    }
    let word = "";
    while (this.#text.charAt(this.#at) !== "}") {
      if (this.#at >= this.#text.length) throw new SyntaxError("syntax error: missing '}'");
      word += this.#piece(this.#text.charAt(this.#at));
    }
    this.#at++;
    const value = this.#value(name);
    const isSet = value !== undefined && (!operator.startsWith(":") || value !== "");
    if (operator.endsWith("+")) return isSet ? word : "";
    return isSet ? value : word;
  }

  #value(name: string): string | undefined {
    return this.#env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  }
}
