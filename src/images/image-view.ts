import type { ImageId } from "../core/brands.ts";
import type { Timestamp } from "../core/timestamp.ts";
import type { OciHealthcheck } from "./oci-image.ts";

export interface ImageSummary {
  readonly id: ImageId;
  /** Names with a tag, in their short form. */
  readonly references: readonly string[];
  /** `NAME@DIGEST` of the manifests and indexes by which registries have it. */
  readonly repoDigests: readonly string[];
  readonly createdAt: Date;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: number;
}

export interface ImageHistoryEntry {
  readonly id: string;
  /** The year 1 when the step does not tell. */
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
  readonly emptyLayer: boolean;
}

export interface ImageDetails extends ImageSummary {
  /** `createdAt` with all its digits. */
  readonly created: Timestamp;
  /** The local image that it was made from, or empty. */
  readonly parent: string;
  readonly author: string;
  /** The image's own, else that of its last step. */
  readonly comment: string;
  /** Which docker made it, or empty. */
  readonly dockerVersion: string;
  readonly architecture: string;
  readonly variant: string;
  readonly os: string;
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** The `config` object of an OCI image configuration, in our spelling. */
export interface ImageConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly workingDirectory: string;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  /** Dockerfile instructions for images that are built on this one. */
  readonly onBuild?: readonly string[];
  readonly shell?: readonly string[];
  /** Of images that BuildKit made; it means something on Windows alone. */
  readonly argsEscaped?: boolean;
  readonly healthcheck?: OciHealthcheck;
}
