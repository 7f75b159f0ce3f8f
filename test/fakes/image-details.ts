import type { ImageId } from "../../src/core/brands.ts";
import type { ImageDetails } from "../../src/engine/engine.ts";

/** An image of one layer; `change` overrides. */
export function imageDetails(change: Partial<ImageDetails> = {}): ImageDetails {
  return {
    id: `sha256:${"a1b2c3d4e5f6".padEnd(64, "0")}` as ImageId,
    references: ["base:latest"],
    repoDigests: [],
    createdAt: new Date("2026-01-01T04:00:00Z"),
    created: "2026-01-01T04:00:00.000000000Z",
    parent: "",
    sizeBytes: 4_210_000,
    labels: {},
    containers: 0,
    author: "",
    comment: "",
    dockerVersion: "",
    variant: "",
    architecture: "amd64",
    os: "linux",
    layers: [`sha256:${"1".repeat(64)}`],
    config: {
      user: "",
      env: ["PATH=/bin"],
      entrypoint: null,
      command: ["sh"],
      workingDirectory: "/",
      exposedPorts: [],
      volumes: [],
      labels: {},
      stopSignal: "",
    },
    ...change,
  };
}
