import type { HostPath } from "../core/brands.ts";
import { invalidOption } from "../core/invalid-option.ts";
import { type ContainerFiles, containerFiles } from "../runtime/container-record.ts";
import type { OciContext } from "./oci-context.ts";

/** The files of the container that a command's one argument names. @throws {EngineError} INVALID_OPTION */
export function oneContainer(command: string, words: readonly string[], context: OciContext): ContainerFiles {
  return containerFiles(context.root, oneId(command, words));
}

/** @throws {EngineError} INVALID_OPTION */
export function oneId(command: string, words: readonly string[]): string {
  const [id, ...rest] = words;
  if (id === undefined || id === "") throw invalidOption(`${command}: the container's id is missing`);
  if (rest.length > 0) throw invalidOption(`${command}: exactly 1 argument is needed, not ${words.length}`);
  return id;
}

/** As seen from the working directory; symbolic links stay. */
export function absolutePath(path: string): HostPath {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${process.cwd()}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}` as HostPath;
}
