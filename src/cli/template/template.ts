import { executeTemplate } from "./evaluator.ts";
import { functionNames } from "./functions.ts";
import { parseTemplate } from "./parser.ts";
import type { TemplateValue } from "./value.ts";

/** A template that has been parsed and can be applied any number of times. */
export interface Template {
  /** @throws {EngineError} CLI_TEMPLATE_INVALID when it does not fit the data */
  execute(data: TemplateValue): string;
}

/**
 * Compiles a `--format` template: Go's text/template without definitions and with docker's functions.
 * @throws {EngineError} CLI_TEMPLATE_INVALID
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source, functionNames);
  return { execute: (data) => executeTemplate(nodes, data) };
}
