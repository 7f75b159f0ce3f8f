import { invalidChange } from "./instructions.ts";

/** The pairs of ENV and LABEL, as they are written: `NAME=VALUE …`, or the old form `NAME VALUE` for a single one. @throws {EngineError} INVALID_CHANGE */
export function parseNameValues(instruction: string, rest: string): [string, string][] {
  const words = splitQuoted(rest);
  const [first] = words;
  if (first === undefined) throw invalidChange(`${instruction} requires at least one argument`);
  if (!first.includes("=")) {
    const [, name, value] = /^(\S+)\s+(.+)$/s.exec(rest) ?? [];
    if (name === undefined || value === undefined) throw invalidChange(`${instruction} must have two arguments`);
    return [[name, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) throw invalidChange(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (equals === 0) throw invalidChange(`${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** Words with their quotes and backslashes. */
function splitQuoted(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
    if (character === "\\" && quote !== "'" && at + 1 < text.length) word += text.charAt(++at);
    else if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === '"' || character === "'") quote = character;
  }
  if (word !== "") words.push(word);
  return words;
}
