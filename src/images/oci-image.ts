import type { DiffId, Digest } from "../core/brands.ts";
import { EngineError } from "../core/engine-error.ts";
import type { ImageConfig } from "./image-view.ts";

/** @see image-spec config.md */
export interface OciImage {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly comment?: string;
  /** Docker's addition. */
  readonly docker_version?: string;
  readonly config?: OciImageConfig;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly OciHistory[];
}

export interface OciImageConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  /** Docker's additions. */
  readonly OnBuild?: readonly string[] | null;
  readonly Shell?: readonly string[] | null;
  readonly Healthcheck?: OciHealthcheck | null;
  readonly ArgsEscaped?: boolean | null;
}

/** Docker's; times in nanoseconds. */
export interface OciHealthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly Retries?: number;
}

export interface OciHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** @see image-spec manifest.md */
export interface OciManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
}

/** Reads a stored configuration. Ours was checked when the image was made; a damaged database is told as such. */
export function parseImage(config: string): OciImage {
  try {
    return JSON.parse(config) as OciImage;
  } catch (cause) {
    throw new EngineError({
      kind: "internal",
      code: "IMAGE_DAMAGED",
      message: "read image configuration: not JSON; remove the image and make it again",
      cause,
    });
  }
}

export function toImageConfig(config: OciImageConfig | undefined): ImageConfig {
  const list = (found: readonly string[] | null | undefined) =>
    found === undefined || found === null || found.length === 0 ? null : found;
  return {
    user: config?.User ?? "",
    env: config?.Env ?? [],
    entrypoint: list(config?.Entrypoint),
    command: list(config?.Cmd),
    workingDirectory: config?.WorkingDir ?? "",
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    volumes: Object.keys(config?.Volumes ?? {}),
    labels: config?.Labels ?? {},
    stopSignal: config?.StopSignal ?? "",
    ...(list(config?.OnBuild) === null ? {} : { onBuild: list(config?.OnBuild) ?? [] }),
    ...(list(config?.Shell) === null ? {} : { shell: list(config?.Shell) ?? [] }),
    ...(config?.Healthcheck === undefined || config.Healthcheck === null ? {} : { healthcheck: config.Healthcheck }),
    ...(config?.ArgsEscaped === true ? { argsEscaped: true } : {}),
  };
}

/** The way back; what is empty is left out. */
export function fromImageConfig(config: ImageConfig): OciImageConfig {
  const keys = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));
  return {
    ...(config.user === "" ? {} : { User: config.user }),
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: keys(config.exposedPorts) }),
    ...(config.env.length === 0 ? {} : { Env: config.env }),
    ...(config.entrypoint === null ? {} : { Entrypoint: config.entrypoint }),
    ...(config.command === null ? {} : { Cmd: config.command }),
    ...(config.volumes.length === 0 ? {} : { Volumes: keys(config.volumes) }),
    ...(config.workingDirectory === "" ? {} : { WorkingDir: config.workingDirectory }),
    ...(Object.keys(config.labels).length === 0 ? {} : { Labels: config.labels }),
    ...(config.stopSignal === "" ? {} : { StopSignal: config.stopSignal }),
    ...(config.shell === undefined ? {} : { Shell: config.shell }),
    ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
    ...(config.argsEscaped === true ? { ArgsEscaped: true } : {}),
  };
}

/** This machine's architecture as images name it. */
export function hostArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
