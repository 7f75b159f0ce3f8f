import { EngineError } from "../core/engine-error.ts";

export interface RetryPolicy {
  /** Tries of one request, the first included. */
  readonly attempts: number;
  /** The wait before the second try; doubled for each further one. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** A server that wants a longer wait than this is not waited for. */
  readonly longestRetryAfterMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 5, firstMs: 250, mostMs: 8_000, longestRetryAfterMs: 60_000 };

/**
 * How long to wait before try number `attempt` (2, 3, …), or undefined when there is to be none. Between half and all of an exponentially
 * growing time, so that many clients don't come back at once; a Retry-After is honoured.
 */
export function retryDelayMs(error: unknown, attempt: number, policy: RetryPolicy, now: Date = new Date()): number | undefined {
  if (!(error instanceof EngineError) || error.details["transient"] !== true || attempt > policy.attempts) return undefined;
  const wanted = parseRetryAfter(error.details["retryAfter"], now);
  if (wanted !== undefined) return wanted > policy.longestRetryAfterMs ? undefined : wanted;
  const ceiling = Math.min(policy.firstMs * 2 ** (attempt - 2), policy.mostMs);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

/** Seconds or a date. @see RFC 9110, 10.2.3 */
export function parseRetryAfter(value: unknown, now: Date): number | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

/** Resolves after that time. @throws the signal's reason, at once when it is aborted. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const onAbort = (): void => resolve();
  signal?.addEventListener("abort", onAbort);
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
  signal?.throwIfAborted();
}
