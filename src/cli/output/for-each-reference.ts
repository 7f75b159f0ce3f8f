import { EngineError } from "../../core/engine-error.ts";
import type { CliContext } from "../cli-context.ts";

/** What to print: a text, nothing (null), or the reference (undefined). */
type Action = (reference: string) => Promise<string | null | void>;

/** At a time: `stop` waits for each, a hundred of them should not take a hundred times as long. */
const CONCURRENCY = 50;

/**
 * Does `action` for every reference, several at a time, and prints what it returns in the order given. A failure is
 * printed and does not stop the others; "not modified" is success. Resolves with the exit code, 1 if any failed.
 */
export async function forEachReference(context: CliContext, references: readonly string[], action: Action): Promise<number> {
  const outcomes: Promise<Outcome>[] = [];
  let exitCode = 0;
  for (const [index, reference] of references.entries()) {
    if (index >= CONCURRENCY) await outcomes[index - CONCURRENCY];
    outcomes.push(attempt(reference, action));
  }
  for (const outcome of outcomes) {
    const { text, error } = await outcome;
    if (error === undefined) {
      if (text !== null) await context.stdout.write(`${text}\n`);
      continue;
    }
    exitCode = 1;
    await context.stderr.write(`wherry: ${error.message}\n`);
  }
  return exitCode;
}

interface Outcome {
  readonly text: string | null;
  readonly error?: EngineError;
}

async function attempt(reference: string, action: Action): Promise<Outcome> {
  try {
    const text = await action(reference);
    return { text: text === undefined ? reference : text };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.kind === "notModified" ? { text: reference } : { text: "", error };
  }
}
