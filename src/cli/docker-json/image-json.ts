import type { ImageDetails } from "../../engine/engine.ts";
import { asMap } from "../template/value.ts";
import { emptyObjects } from "./container-json.ts";
import { dockerTime, trimmedTime } from "./docker-time.ts";

/**
 * An image as Docker's API describes it (`GET /images/{name}/json`), keys in Docker's order.
 * @see ImageInspect in Docker Engine API 1.50
 */
export function imageJson(image: ImageDetails) {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.references,
    RepoDigests: image.repoDigests,
    Parent: image.parent,
    Comment: image.comment,
    Created: trimmedTime(image.created),
    DockerVersion: image.dockerVersion,
    Author: image.author,
    Config: {
      User: config.user,
      ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: emptyObjects(config.exposedPorts) }),
      Env: config.env.length === 0 ? null : config.env,
      Cmd: config.command,
      ...(config.argsEscaped === true ? { ArgsEscaped: true } : {}),
      Volumes: config.volumes.length === 0 ? null : emptyObjects(config.volumes),
      WorkingDir: config.workingDirectory,
      Entrypoint: config.entrypoint,
      OnBuild: config.onBuild ?? null,
      Labels: Object.keys(config.labels).length === 0 ? null : asMap(config.labels),
      ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
      ...(config.shell === undefined ? {} : { Shell: config.shell }),
      ...(config.stopSignal === "" ? {} : { StopSignal: config.stopSignal }),
    },
    Architecture: image.architecture,
    ...(image.variant === "" ? {} : { Variant: image.variant }),
    Os: image.os,
    Size: image.sizeBytes,
    RootFS: { Type: "layers", Layers: image.layers },
    Metadata: { LastTagTime: dockerTime(null) },
  };
}
