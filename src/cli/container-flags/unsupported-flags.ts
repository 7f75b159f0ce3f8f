import { EngineError } from "../../core/engine-error.ts";
import type { FlagSpec } from "../flags/flag-spec.ts";

/**
 * Docker's flags that this engine does not have yet, or that say only what it does anyway. They are in the table so that the answer names
 * the way out, instead of "unknown flag". Not shown by `--help`, except those whose usual values are accepted.
 */
export const unsupportedContainerFlags = {
  "disable-content-trust": accepted("", () => undefined, { isSwitch: true }),
  expose: accepted("list", () => undefined),
  gpus: notImplemented("gpus", "give the device files with --device"),
  "health-cmd": notImplemented("health-cmd", "leave it out: no health checks are run yet"),
  "health-interval": notImplemented("health-interval", "leave it out: no health checks are run yet"),
  "health-retries": notImplemented("health-retries", "leave it out: no health checks are run yet"),
  "health-start-interval": notImplemented("health-start-interval", "leave it out: no health checks are run yet"),
  "health-start-period": notImplemented("health-start-period", "leave it out: no health checks are run yet"),
  "health-timeout": notImplemented("health-timeout", "leave it out: no health checks are run yet"),
  ip: notImplemented("ip", "use --network host, or none"),
  ip6: notImplemented("ip6", "use --network host, or none"),
  "kernel-memory": notImplemented("kernel-memory", "leave it out: kernels since 5.4 have no such limit; --memory counts kernel memory too"),
  link: notImplemented("link", "share a network namespace with --network container:NAME"),
  "link-local-ip": notImplemented("link-local-ip", "use --network host, or none"),
  "mac-address": notImplemented("mac-address", "use --network host, or none"),
  "network-alias": notImplemented("network-alias", "name the other container in --add-host"),
  "no-healthcheck": accepted("", () => undefined, { isSwitch: true, help: "Disable any container-specified HEALTHCHECK" }),
  publish: notImplemented("publish", "use --network host, then the container's ports are the host's", { short: "p" }),
  "publish-all": notImplemented("publish-all", "use --network host, then the container's ports are the host's", {
    short: "P",
    isSwitch: true,
  }),
  restart: accepted("string", (value) => {
    if (value !== "no" && value !== "") throw notYet("restart", value, "start it again with wherry start, or from a systemd unit");
  }),
  runtime: notImplemented("runtime", "leave it out: wherry is the runtime"),
  "storage-opt": notImplemented("storage-opt", "leave it out"),
  "use-api-socket": notImplemented("use-api-socket", "leave it out", { isSwitch: true }),
} as const;

interface Shape {
  readonly isSwitch?: boolean;
  readonly short?: string;
  /** Shown in `--help`; absent: hidden. */
  readonly help?: string;
  readonly defaultText?: string;
}

/** A flag whose value is checked, then forgotten: it asks for what is done anyway. */
function accepted(valueName: string, check: (value: string) => void, shape: Shape = {}): FlagSpec<undefined> {
  const { help, ...rest } = shape;
  return {
    isSwitch: false,
    ...rest,
    valueName,
    help: help ?? "",
    hidden: help === undefined,
    initial: undefined,
    take: (_, value) => {
      check(value);
      return undefined;
    },
  };
}

function notImplemented(name: string, remedy: string, shape: Pick<Shape, "short" | "isSwitch"> = {}): FlagSpec<undefined> {
  return {
    isSwitch: false,
    ...shape,
    valueName: shape.isSwitch === true ? "" : "string",
    help: "",
    hidden: true,
    initial: undefined,
    take: (_, value) => {
      throw notYet(name, value, remedy);
    },
  };
}

function notYet(flag: string, value: string, remedy: string): EngineError {
  return new EngineError({
    kind: "notImplemented",
    code: "NOT_IMPLEMENTED",
    message: `--${flag} \`${value}\` is not implemented yet: ${remedy}`,
  });
}
