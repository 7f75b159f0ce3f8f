import type { ImageId } from "../core/brands.ts";
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
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
  readonly emptyLayer: boolean;
}

export interface ImageDetails extends ImageSummary {
  readonly author: string;
  readonly comment: string;
  readonly architecture: string;
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
  readonly healthcheck?: OciHealthcheck;
}
