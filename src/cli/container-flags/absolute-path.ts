/** Without `.`, `..` and double slashes, beginning at the working directory unless it is absolute already. */
export function absolutePath(path: string): string {
  // Not imported above: few starts have a mount.
  return process.getBuiltinModule("node:path").resolve(path);
}
