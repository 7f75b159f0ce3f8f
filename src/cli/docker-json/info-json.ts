import type { SystemInfo, VersionInfo } from "../../engine/engine.ts";

/**
 * What `info` knows under the names of Docker's `GET /info`, for `--format`; what has no counterpart there comes last.
 * @see SystemInfo in Docker Engine API 1.50
 */
export function infoJson(info: SystemInfo) {
  return {
    ID: info.id,
    Containers: info.containers.total,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.total - info.containers.running - info.containers.paused,
    Images: info.images,
    Driver: info.layerDriver.name,
    LoggingDriver: "json-file",
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    KernelVersion: info.kernel,
    OperatingSystem: info.operatingSystem,
    OSType: "linux",
    Architecture: info.architecture,
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    DockerRootDir: info.root,
    Name: info.name,
    SecurityOptions: info.securityOptions,
    Warnings: info.warnings,
    CgroupControllers: info.controllers,
    RunRoot: info.runRoot,
  };
}

/** `version` under Docker's names. There is one program, so client and server are the same. */
export function versionJson(version: VersionInfo) {
  const part = {
    Version: version.version,
    GitCommit: version.gitCommit,
    Os: version.os,
    Arch: version.architecture,
    KernelVersion: version.kernel,
    Runtime: version.runtime,
    Launcher: version.launcher,
  };
  return { Client: part, Server: part };
}
