import { EngineError, type ErrorKind } from "../core/engine-error.ts";

/** One entry of a registry's error body. @see distribution-spec, "Error Codes" */
export interface RegistryFault {
  readonly code: string;
  readonly message: string;
}

/** The faults in an error body; none when it is something else, an HTML page of a proxy for one. Long and many ones are cut. */
export function parseFaults(body: string): readonly RegistryFault[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  const { errors, details, message } = asRecord(parsed);
  // Token services answer `{"details": "incorrect username or password"}`.
  if (typeof details === "string") return [{ code: "", message: cut(details) }];
  if (!Array.isArray(errors)) return typeof message === "string" ? [{ code: "", message: cut(message) }] : [];
  return errors.slice(0, 5).map((entry) => {
    const fault = asRecord(entry);
    return { code: textOf(fault["code"]), message: textOf(fault["message"]) };
  });
}

/** What the registry says, as docker prints it: `manifest unknown: the tag is not there`. */
export function describeFaults(faults: readonly RegistryFault[]): string {
  return faults
    .map(({ code, message }) => [code.toLowerCase().replaceAll("_", " "), message].filter((part) => part !== "").join(": "))
    .join("; ");
}

/** An error response as an EngineError. `doing` is what was asked for: "pull manifest `debian:12`". */
export function responseError(doing: string, status: number, body: string, retryAfter?: string): EngineError {
  const faults = parseFaults(body);
  const said = describeFaults(faults);
  const because = said === "" ? (unsaid[status] ?? `the registry answers ${status}`) : said;
  const details = { status, faults, transient: isTransientStatus(status), ...(retryAfter === undefined ? {} : { retryAfter }) };
  const { kind, code, advice = "" } = classify(status);
  return new EngineError({ kind, code, message: `${doing}: ${because}${advice}`, details });
}

/** What a status means by itself, of an answer without a body. */
const unsaid: Readonly<Record<number, string>> = { 401: "authentication required", 403: "access is denied" };

/** Worth another try, of itself. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

/** What a registry sends that no registry may send. */
export function protocolError(doing: string, what: string): EngineError {
  return new EngineError({ kind: "unavailable", code: "REGISTRY_PROTOCOL", message: `${doing}: ${what}` });
}

function classify(status: number): { readonly kind: ErrorKind; readonly code: string; readonly advice?: string } {
  if (status === 401) return { kind: "unauthenticated", code: "REGISTRY_UNAUTHORIZED", advice: "; wherry login may help" };
  if (status === 403) return { kind: "forbidden", code: "REGISTRY_DENIED" };
  if (status === 404) return { kind: "notFound", code: "REGISTRY_NOT_FOUND" };
  if (status === 429) return { kind: "resourceExhausted", code: "REGISTRY_RATE_LIMITED", advice: "; try again later, or log in" };
  if (status >= 500) return { kind: "unavailable", code: "REGISTRY_FAILED" };
  return { kind: "invalidArgument", code: "REGISTRY_REFUSED" };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? cut(value) : "";
}

function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
