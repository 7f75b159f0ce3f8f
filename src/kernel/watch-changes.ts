import { watch } from "node:fs";

/** Bun leaves out an event that follows one of its kind within about a millisecond. */
const echoMs = 5;

/**
 * Calls `onChange` after each change of a file, or of an entry of a directory (with its name), and once more a moment later: Bun
 * 1.4 drops events that come too close to each other, so the last change of a burst might never be told. Nothing polls.
 * @throws the error of `fs.watch` when the path can't be watched.
 */
export function watchChanges(path: string, onChange: (name: string | null) => void): { close(): void } {
  const echoes = new Map<string | null, NodeJS.Timeout>();
  const watcher = watch(path, (_event, name) => {
    clearTimeout(echoes.get(name));
    const echo = (): void => {
      echoes.delete(name);
      onChange(name);
    };
    echoes.set(name, setTimeout(echo, echoMs));
    onChange(name);
  });
  return {
    close: () => {
      watcher.close();
      for (const echo of echoes.values()) clearTimeout(echo);
    },
  };
}
