import { invalidOption } from "../core/invalid-option.ts";

/**
 * `exec --cgroup [CONTROLLER,...:]GROUP`, repeatable with controllers: by controller the group beneath the container's, by "" for all.
 * @throws {EngineError} INVALID_OPTION in runc's words
 */
export function parseSubgroups(given: readonly string[]): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const word of given) {
    const [first = "", second, ...more] = word.split(":");
    if (more.length > 0) throw invalidOption(`invalid --cgroup argument: ${word}`);
    if (second === undefined && given.length > 1) throw invalidOption(`invalid --cgroup argument: ${word} (missing <controller>: prefix)`);
    const parts = (second ?? first).split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..")) throw invalidOption(`${second ?? first} is not a sub cgroup path`);
    for (const name of second === undefined ? [""] : first.split(",")) {
      if (second !== undefined && name === "") throw invalidOption(`invalid --cgroup argument: ${word}`);
      groups.set(name, parts.join("/"));
    }
  }
  return groups;
}
