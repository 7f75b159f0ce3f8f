import type { Verb } from "./verb.ts";

/** A verb's entry in the table that the dispatcher reads: enough for `wherry help`, while the verb itself is loaded only when it runs. */
export interface VerbEntry {
  readonly summary: string;
  /** The heading in `wherry help`; absent: not listed. */
  readonly group?: "common" | "management" | "command";
  load(): Promise<Verb>;
}

/** A word that groups verbs: `wherry container ls`. */
export interface VerbGroup {
  readonly summary: string;
  readonly verbs: Readonly<Record<string, VerbEntry>>;
}

const run: VerbEntry = { summary: "Create and run a new container from an image", group: "common", load: async () => (await import("./verbs/run.ts")).runVerb };

/** Verbs by the word after `wherry`. */
export const verbs: Readonly<Record<string, VerbEntry>> = { run };

export const groups: Readonly<Record<string, VerbGroup>> = {};
