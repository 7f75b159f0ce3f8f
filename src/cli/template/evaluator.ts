import type { Command, Node, Operand, Pipe } from "./ast.ts";
import { templateFunctions } from "./functions.ts";
import { printValue } from "./print-value.ts";
import { templateError } from "./template-error.ts";
import { entriesOf, isTruthy, kindOf, type TemplateValue } from "./value.ts";

/** A range over a number makes this many turns at most. */
const MAX_TURNS = 1_000_000;

/**
 * Applies a parsed template to `data`.
 * @throws {EngineError} CLI_TEMPLATE_INVALID when it does not fit the data
 */
export function executeTemplate(nodes: readonly Node[], data: TemplateValue): string {
  const evaluation = new Evaluation(data);
  evaluation.runAll(nodes, data);
  return evaluation.output.join("");
}

type Flow = "next" | "break" | "continue";

interface Variable {
  readonly name: string;
  value: TemplateValue;
}

class Evaluation {
  readonly output: string[] = [];
  readonly #variables: Variable[];

  constructor(data: TemplateValue) {
    this.#variables = [{ name: "$", value: data }];
  }

  runAll(nodes: readonly Node[], dot: TemplateValue): Flow {
    for (const node of nodes) {
      const flow = this.#run(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #run(node: Node, dot: TemplateValue): Flow {
    switch (node.kind) {
      case "text":
        this.output.push(node.text);
        return "next";
      case "action": {
        const value = this.#evaluatePipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.output.push(printValue(value));
        return "next";
      }
      case "if":
      case "with":
        return this.#scoped(() => {
          const value = this.#evaluatePipe(node.pipe, dot);
          if (isTruthy(value)) return this.runAll(node.body, node.kind === "with" ? value : dot);
          return this.runAll(node.otherwise, dot);
        });
      case "range":
        return this.#scoped(() => this.#runRange(node, dot));
      case "break":
      case "continue":
        return node.kind;
    }
  }

  #runRange(node: Extract<Node, { readonly kind: "range" }>, dot: TemplateValue): Flow {
    const value = this.#evaluatePipe({ ...node.pipe, variables: [] }, dot);
    const pairs = rangePairs(value);
    if (pairs.length === 0) return this.runAll(node.otherwise, dot);
    const { variables, assigns } = node.pipe;
    for (const [key, item] of pairs) {
      const flow = this.#scoped(() => {
        const values = variables.length === 2 ? [key, item] : [item];
        for (const [index, name] of variables.entries()) this.#bind(name, values[index], assigns);
        return this.runAll(node.body, item);
      });
      if (flow === "break") break;
    }
    return "next";
  }

  #scoped(body: () => Flow): Flow {
    const visible = this.#variables.length;
    const flow = body();
    this.#variables.length = visible;
    return flow;
  }

  #bind(name: string, value: TemplateValue, assigns: boolean): void {
    const existing = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (existing === undefined) this.#variables.push({ name, value });
    else existing.value = value;
  }

  #evaluatePipe(pipe: Pipe, dot: TemplateValue): TemplateValue {
    let value: TemplateValue;
    for (const [index, command] of pipe.commands.entries()) value = this.#evaluateCommand(command, dot, index === 0 ? [] : [value]);
    for (const name of pipe.variables) this.#bind(name, value, pipe.assigns);
    return value;
  }

  /** `piped` holds the result of the command before, or nothing. */
  #evaluateCommand(command: Command, dot: TemplateValue, piped: readonly TemplateValue[]): TemplateValue {
    const [first, ...rest] = command.operands;
    if (first === undefined) return undefined;
    if (first.kind === "function" && (first.name === "and" || first.name === "or"))
      return this.#evaluateLogic(first.name, rest, dot, piped);
    const args = [...rest.map((operand) => this.#evaluateOperand(operand, dot)), ...piped];
    if (first.kind === "function") return callNamed(first.name, args);
    return this.#evaluateOperand(first, dot, args);
  }

  /** The first argument that decides, else the last; what comes behind it is not evaluated. */
  #evaluateLogic(name: "and" | "or", operands: readonly Operand[], dot: TemplateValue, piped: readonly TemplateValue[]): TemplateValue {
    const thunks = [...operands.map((operand) => () => this.#evaluateOperand(operand, dot)), ...piped.map((value) => () => value)];
    if (thunks.length === 0) throw failure(name, `wrong number of args for ${name}: want at least 1 got 0`);
    let value: TemplateValue;
    for (const thunk of thunks) {
      value = thunk();
      if (isTruthy(value) === (name === "or")) break;
    }
    return value;
  }

  /** `args`: what a method at the end of a path is called with. */
  #evaluateOperand(operand: Operand, dot: TemplateValue, args: readonly TemplateValue[] = []): TemplateValue {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "literal":
        return operand.value;
      case "function":
        return callNamed(operand.name, []);
      case "nested":
        return followPath(this.#evaluatePipe(operand.pipe, dot), operand.fields, args, "(…)");
      case "path": {
        const { variable, fields } = operand;
        if (variable === undefined) return followPath(dot, fields, args, "");
        return followPath(this.#variables.findLast(({ name }) => name === variable)?.value, fields, args, variable);
      }
    }
  }
}

function rangePairs(value: TemplateValue): readonly (readonly [TemplateValue, TemplateValue])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item: unknown, index) => [index, item]);
  if (kindOf(value) === "map") return entriesOf(value);
  if (typeof value === "number" && Number.isInteger(value) && value <= MAX_TURNS)
    return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
  throw failure(printValue(value), `range can't iterate over ${printValue(value)}`);
}

function followPath(start: TemplateValue, fields: readonly string[], args: readonly TemplateValue[], prefix: string): TemplateValue {
  let value = start;
  let place = prefix;
  for (const [index, field] of fields.entries()) {
    place += `.${field}`;
    const receiver = value;
    value = fieldOf(receiver, field, place);
    if (typeof value === "function") {
      const method = value;
      const methodArgs = index === fields.length - 1 ? args : [];
      value = guarded(field, () => method.apply(receiver, methodArgs) as TemplateValue);
    } else if (args.length > 0 && index === fields.length - 1) {
      throw failure(place, `${field} has arguments but cannot be invoked as function`);
    }
  }
  if (fields.length === 0 && args.length > 0) throw failure(place, "can't give argument to non-function");
  return value;
}

function fieldOf(value: TemplateValue, field: string, place: string): TemplateValue {
  switch (kindOf(value)) {
    case "struct":
      if (Object.hasOwn(Object(value), field)) return Reflect.get(Object(value), field) as TemplateValue;
      throw failure(place, `can't evaluate field ${field}: there is no such field`);
    case "map":
      return Object.hasOwn(Object(value), field) ? (Reflect.get(Object(value), field) as TemplateValue) : undefined;
    case "nil":
    case "missing":
      throw failure(place, `nil pointer evaluating field ${field}`);
    default:
      throw failure(place, `can't evaluate field ${field} in type ${kindOf(value)}`);
  }
}

function callNamed(name: string, args: readonly TemplateValue[]): TemplateValue {
  const callee = templateFunctions[name];
  if (callee === undefined) throw failure(name, `function ${JSON.stringify(name)} not defined`);
  // Those with optional arguments declare none, so that this is the least number for all of them.
  if (args.length < callee.length) throw failure(name, `wrong number of args for ${name}: want ${callee.length} got ${args.length}`);
  return guarded(name, () => callee(...args));
}

function guarded(name: string, body: () => TemplateValue): TemplateValue {
  try {
    return body();
  } catch (error) {
    throw failure(name, `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function failure(place: string, message: string): Error {
  return templateError(`:1: executing "" at <${place}>: ${message}`);
}
