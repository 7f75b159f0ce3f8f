import { invalidOption } from "../core/invalid-option.ts";
import { parseSignal } from "../core/signals.ts";
import type { ImageConfig } from "../images/image-view.ts";
import type { ContainerOptions } from "./container-options.ts";

/** What a container runs once options and image are united: fixed at create, whatever becomes of the image. */
export interface ResolvedProcess {
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  /** Without HOME, HOSTNAME and TERM, which are added at start. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What `stop` sends where neither the user nor the image names a signal. */
export const defaultStopSignal = "SIGTERM";

/**
 * Docker's rules: an entrypoint option drops the image's command; `[""]` clears the entrypoint; options' variables override the
 * image's in place, a bare `NAME` removes it.
 * @throws {EngineError} INVALID_OPTION when nothing is left to run.
 */
export function resolveProcess(options: ContainerOptions, image: ImageConfig): ResolvedProcess {
  let entrypoint = options.entrypoint;
  let command = options.command;
  if (entrypoint === undefined || entrypoint.length === 0) {
    if (command === undefined || command.length === 0) command = image.command ?? undefined;
    if (entrypoint === undefined) entrypoint = image.entrypoint ?? undefined;
  }
  if (entrypoint?.length === 1 && entrypoint[0] === "") entrypoint = undefined;
  if ((entrypoint?.length ?? 0) === 0 && (command?.length ?? 0) === 0) {
    throw invalidOption(`no command specified: image \`${options.image}\` names none; give one after the image`);
  }
  return {
    entrypoint: entrypoint ?? null,
    command: command ?? null,
    env: mergeEnvironment([image.env.some((entry) => entry.startsWith("PATH=")) ? [] : [defaultPath], image.env, options.env ?? []]),
    workingDirectory: absolute(options.workingDirectory || image.workingDirectory || "/"),
    user: options.user ?? image.user,
    stopSignal: stopSignal(options.stopSignal, image.stopSignal),
    exposedPorts: image.exposedPorts,
    volumes: volumes(options, image),
    labels: { ...image.labels, ...options.labels },
  };
}

/** Also those of `-v /PATH`: an image that is committed from the container has them, as docker's. */
function volumes({ mounts = [] }: ContainerOptions, image: ImageConfig): readonly string[] {
  const plain = mounts.filter(({ origin, volumeIsAnonymous }) => origin === undefined && volumeIsAnonymous === true);
  return plain.length === 0 ? image.volumes : [...new Set([...plain.map(({ target }) => target), ...image.volumes])];
}

/** A mistake of the user's is told; one in an image must not make its containers unstoppable: as docker, SIGTERM then. */
function stopSignal(given: string | undefined, images: string): string {
  if (given !== undefined && given !== "") {
    parseSignal(given);
    return given;
  }
  if (images === "" || images === defaultStopSignal) return defaultStopSignal;
  try {
    parseSignal(images);
    return images;
  } catch {
    return defaultStopSignal;
  }
}

/** Later lists override earlier ones in place; `NAME` alone removes. */
export function mergeEnvironment(lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (name === "") throw invalidOption(`invalid environment variable \`${entry}\`: the name is missing`);
    if (entry.includes("\0")) throw invalidOption(`invalid environment variable \`${name}\`: it contains a NUL byte`);
    if (equals < 0) merged.delete(name);
    else merged.set(name, entry);
  }
  return [...merged.values()];
}

function absolute(path: string): string {
  if (path.startsWith("/")) return path;
  throw invalidOption(`the working directory \`${path}\` is invalid, it needs to be an absolute path`);
}
