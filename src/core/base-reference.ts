/** The built-in image's name. */
export const baseReference = "base";

/** Whether a user who writes this means the built-in image. */
export function isBaseReference(reference: string): boolean {
  return reference === baseReference || reference === `${baseReference}:latest`;
}
