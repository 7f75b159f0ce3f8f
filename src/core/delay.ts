/** Resolves after that many milliseconds. Ours, because loading node:timers/promises costs every start. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
