import { printable } from "./printable.ts";

/** What went wrong, in the few kinds that an edge (exit code, HTTP status) tells apart. */
export type ErrorKind =
  | "invalidArgument"
  | "unauthenticated"
  | "forbidden"
  | "notFound"
  | "conflict"
  | "alreadyExists"
  | "notModified"
  | "failedPrecondition"
  | "resourceExhausted"
  | "unavailable"
  | "notImplemented"
  | "cancelled"
  | "internal";

export interface EngineErrorInit {
  readonly kind: ErrorKind;
  /** One of the codes in `error-codes.ts`. */
  readonly code: string;
  /**
   * Lower case, no full stop: what was being done, the operand in backquotes, the cause, the remedy where there is one. Control characters
   * come out as `\\x1b`.
   */
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class of the engine. Anything else that is thrown is a bug of ours. */
export class EngineError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(init: EngineErrorInit) {
    super(printable(init.message), init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "EngineError";
    this.kind = init.kind;
    this.code = init.code;
    this.details = init.details ?? {};
  }
}
