import type { Command, Node, Operand, Pipe } from "./ast.ts";
import { lexTemplate, type Token, type TokenKind, unquote } from "./lexer.ts";
import { templateError } from "./template-error.ts";

/** Deeper nesting is refused: the parser recurses, and a template may come from a script's input. */
const MAX_DEPTH = 200;

/**
 * Parses a template; `functions` are the names that may be called.
 * @throws {EngineError} CLI_TEMPLATE_INVALID
 */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Node[] {
  const parser = new Parser(lexTemplate(source), functions);
  return parser.parseAll();
}

type BlockEnd = "end" | "else" | "eof";

class Parser {
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  #position = 0;
  #depth = 0;
  #loops = 0;
  /** Names that are visible, innermost last. */
  #variables = ["$"];

  constructor(tokens: readonly Token[], functions: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#functions = functions;
  }

  parseAll(): readonly Node[] {
    const { nodes, end } = this.#parseList();
    if (end !== "eof") throw this.#error(`unexpected {{${end}}}`);
    return nodes;
  }

  /** Nodes up to `{{end}}`, `{{else` (whose close is not consumed) or the end of the text. */
  #parseList(): { readonly nodes: readonly Node[]; readonly end: BlockEnd } {
    const nodes: Node[] = [];
    this.#enter();
    for (;;) {
      const token = this.#next();
      if (token.kind === "end") {
        this.#depth -= 1;
        return { nodes, end: "eof" };
      }
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const word = this.#peek();
      if (word.kind === "identifier" && (word.text === "end" || word.text === "else")) {
        this.#next();
        if (word.text === "end") this.#expectClose("end");
        this.#depth -= 1;
        return { nodes, end: word.text };
      }
      nodes.push(this.#parseAction(word));
    }
  }

  #parseAction(word: Token): Node {
    if (word.kind === "identifier") {
      switch (word.text) {
        case "if":
        case "with":
        case "range":
          this.#next();
          return this.#parseBlock(word.text);
        case "break":
        case "continue":
          this.#next();
          if (this.#loops === 0) throw this.#error(`{{${word.text}}} outside {{range}}`);
          this.#expectClose(word.text);
          return { kind: word.text };
        case "define":
        case "template":
        case "block":
          throw this.#error(`{{${word.text}}} is not supported`);
      }
    }
    const pipe = this.#parsePipe("command", "close");
    return { kind: "action", pipe };
  }

  #parseBlock(kind: "if" | "with" | "range"): Node {
    const visible = this.#variables.length;
    const pipe = this.#parsePipe(kind, "close");
    if (kind === "range") this.#loops += 1;
    const { nodes: body, end } = this.#parseList();
    if (kind === "range") this.#loops -= 1;
    let otherwise: readonly Node[] = [];
    if (end === "else") otherwise = this.#parseElse(kind);
    else if (end === "eof") throw this.#error("unexpected EOF");
    this.#variables.length = visible;
    return { kind, pipe, body, otherwise };
  }

  #parseElse(kind: "if" | "with" | "range"): readonly Node[] {
    const word = this.#peek();
    if (word.kind === "identifier" && word.text === kind && kind !== "range") {
      // `{{else if x}}` is `{{else}}{{if x}}…{{end}}` with one end for both.
      this.#next();
      this.#enter();
      const nested = this.#parseBlock(kind);
      this.#depth -= 1;
      return [nested];
    }
    this.#expectClose("else");
    const { nodes, end } = this.#parseList();
    if (end !== "end") throw this.#error(end === "eof" ? "unexpected EOF" : "expected end; found {{else}}");
    return nodes;
  }

  #parsePipe(context: string, until: TokenKind): Pipe {
    this.#enter();
    const { variables, assigns } = this.#parseDeclaration(context);
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#parseCommand(context));
      const token = this.#next();
      if (token.kind === until) break;
      if (token.kind !== "pipe") throw this.#unexpected(token, context);
    }
    // What follows a pipe receives its result as an argument, so it must be something that can be called.
    for (const [index, { operands }] of commands.entries()) {
      const first = operands[0];
      const callable = first?.kind === "function" || first?.kind === "path" || first?.kind === "nested";
      if (index > 0 && !callable) throw this.#error(`non executable command in pipeline stage ${index + 1}`);
    }
    if (!assigns) this.#variables.push(...variables);
    this.#depth -= 1;
    return { variables, assigns, commands };
  }

  #parseDeclaration(context: string): { readonly variables: string[]; readonly assigns: boolean } {
    const [first, second, third, fourth] = [0, 1, 2, 3].map((ahead) => this.#tokens[this.#position + ahead]);
    if (first?.kind === "variable" && (second?.kind === "declare" || second?.kind === "assign")) {
      this.#position += 2;
      return this.#declared([first.text], second.kind === "assign");
    }
    if (
      first?.kind === "variable" &&
      second?.kind === "comma" &&
      third?.kind === "variable" &&
      (fourth?.kind === "declare" || fourth?.kind === "assign")
    ) {
      if (context !== "range") throw this.#error(`too many declarations in ${context}`);
      this.#position += 4;
      return this.#declared([first.text, third.text], fourth.kind === "assign");
    }
    return { variables: [], assigns: false };
  }

  #declared(names: readonly string[], assigns: boolean): { readonly variables: string[]; readonly assigns: boolean } {
    const variables = names.map((name) => `$${name}`);
    if (assigns) for (const name of variables) this.#checkVariable(name);
    return { variables, assigns };
  }

  #parseCommand(context: string): Command {
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === "close" || token.kind === "pipe" || token.kind === "rightParen") break;
      if (operands.length > 0 && !token.spaced) throw this.#unexpected(token, "operand");
      operands.push(this.#parseOperand(context));
    }
    if (operands.length === 0) throw this.#error(`missing value for ${context}`);
    const [first, ...rest] = operands;
    if (rest.length > 0 && (first?.kind === "literal" || first?.kind === "dot" || first?.kind === "nil"))
      throw this.#error("can't give argument to non-function");
    if (rest.length === 0 && first?.kind === "nil") throw this.#error("nil is not a command");
    return { operands };
  }

  #parseOperand(context: string): Operand {
    const token = this.#next();
    switch (token.kind) {
      case "dot":
        return { kind: "dot" };
      case "field":
        return { kind: "path", fields: [token.text, ...this.#parseFields()] };
      case "variable": {
        const variable = `$${token.text}`;
        this.#checkVariable(variable);
        return { kind: "path", variable, fields: this.#parseFields() };
      }
      case "string":
        return { kind: "literal", value: token.text };
      case "char":
        return { kind: "literal", value: unquote(token.text, token.line).codePointAt(0) ?? 0 };
      case "number":
        return { kind: "literal", value: this.#parseNumber(token) };
      case "leftParen":
        return { kind: "nested", pipe: this.#parsePipe("parenthesized pipeline", "rightParen"), fields: this.#parseFields() };
      case "identifier":
        if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true" };
        if (token.text === "nil") return { kind: "nil" };
        if (!this.#functions.has(token.text)) throw this.#error(`function ${JSON.stringify(token.text)} not defined`);
        return { kind: "function", name: token.text };
      default:
        throw this.#unexpected(token, context);
    }
  }

  #parseFields(): string[] {
    const fields: string[] = [];
    while (this.#peek().kind === "field" && !this.#peek().spaced) fields.push(this.#next().text);
    return fields;
  }

  #parseNumber(token: Token): number {
    const digits = token.text.replaceAll("_", "");
    const negative = digits.startsWith("-");
    const value = Number(digits.replace(/^[-+]/, ""));
    if (Number.isNaN(value)) throw this.#error(`bad number syntax: ${JSON.stringify(token.text)}`);
    return negative ? -value : value;
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#error(`undefined variable ${JSON.stringify(name)}`);
  }

  #expectClose(context: string): void {
    const token = this.#next();
    if (token.kind !== "close") throw this.#unexpected(token, context);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#error("nested too deeply");
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? { kind: "end", text: "", line: 0, spaced: false };
  }

  #next(): Token {
    const token = this.#peek();
    this.#position += 1;
    return token;
  }

  #unexpected(token: Token, context: string): Error {
    return this.#error(token.kind === "end" ? "unexpected EOF" : `unexpected ${JSON.stringify(token.text)} in ${context}`);
  }

  #error(message: string): Error {
    return templateError(`:${this.#tokens[Math.max(0, this.#position - 1)]?.line ?? 1}: ${message}`);
  }
}
