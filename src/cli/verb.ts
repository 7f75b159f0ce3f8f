import type { CliContext } from "./cli-context.ts";
import type { FlagTable, FlagValues } from "./flags/flag-spec.ts";

/** One verb: the single description from which parsing, `--help`, completion and running are made. */
export interface VerbSpec<T extends FlagTable> {
  /** The words after `wherry VERB`, in docker's spelling: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs for `--help`. */
  readonly details?: string;
  /** All full spellings, as docker lists them under "Aliases". */
  readonly aliases?: readonly string[];
  readonly flags: T;
  /** Everything from the first positional on belongs to the container's command. */
  readonly stopAtPositional?: boolean;
  readonly minArguments: number;
  /** Absent: any number. */
  readonly maxArguments?: number;
  /** The exit code when the engine refuses; docker's `run` has 125. */
  readonly engineErrorExitCode?: number;
  /** By the code of the error; what stands here goes before the other two. */
  readonly exitCodes?: Readonly<Record<string, number>>;
  /** Resolves with the exit code. */
  run(context: CliContext, input: VerbInput<T>): Promise<number>;
}

export interface VerbInput<T extends FlagTable> {
  readonly values: FlagValues<T>;
  readonly positionals: readonly string[];
}

/** A verb whose flag types are no longer of interest: what the dispatcher handles. */
export type Verb = Omit<VerbSpec<FlagTable>, "run"> & {
  run(
    context: CliContext,
    input: { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] },
  ): Promise<number>;
};

/** Ties the types of `run`'s input to the flag table. */
export function defineVerb<const T extends FlagTable>(spec: VerbSpec<T>): Verb {
  return { ...spec, run: (context, input) => spec.run(context, input as VerbInput<T>) };
}
