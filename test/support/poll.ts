import { setTimeout as delay } from "node:timers/promises";

/** How much slower than a usual machine this one is; set in the emulated guest. */
export const slowness = Number(process.env["WHERRY_TEST_SLOWNESS"] ?? 1);

/**
 * Asks until `attempt` returns something other than undefined, null or false, and returns that. Waiting in tests goes through here:
 * a fixed sleep is either too short on a loaded machine or too long on every other.
 * @throws when `timeoutMs` (default 10,000; more on an emulated machine) has passed; the message is `what` and the last error, if attempts threw.
 */
export async function poll<T>(
  what: string,
  attempt: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly intervalMs?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + (options.timeoutMs ?? 10_000) * slowness;
  let last: unknown;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`timed out: ${what}${last instanceof Error ? ` (${last.message})` : ""}`, { cause: last });
    }
    await delay(options.intervalMs ?? 5);
  }
}
