import type { OciConfig } from "../oci-config.ts";
import type { PlanContext } from "../plan-context.ts";
import type { ContainerIdentity } from "../plan-input.ts";

export type ContainerStatus = "creating" | "created" | "running" | "stopped";

export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: ContainerStatus;
  /** As whoever gets the state sees it; absent once the container has stopped. */
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Stands for the pid until the launcher knows it. */
const PLACEHOLDER = 9_007_199_254_740_991;

/** A container's state, as hooks and `state` get it. @see runtime-spec runtime.md#state */
export function containerState(
  config: OciConfig,
  identity: ContainerIdentity,
  now: { readonly status: ContainerStatus; readonly pid?: number },
): ContainerState {
  const { ociVersion, annotations } = config;
  return { ociVersion, id: identity.id, ...now, bundle: identity.bundle, ...(annotations === undefined ? {} : { annotations }) };
}

/** The state of the container that a plan is compiled for, whose pid the launcher will fill in. */
export function plannedState({ config, input }: PlanContext, status: ContainerStatus): ContainerState {
  if (input.identity === undefined) throw new RangeError("hooks and seccomp listeners need `identity`");
  return containerState(config, input.identity, { status, pid: PLACEHOLDER });
}

/** `value` as JSON in pieces, between which the pid belongs. No annotation can be mistaken for one: inside a string the quotes are escaped. */
export function withoutPid(value: object): readonly string[] {
  const parts = JSON.stringify(value).split(`"pid":${PLACEHOLDER}`);
  return parts.map((part, index) => (index < parts.length - 1 ? `${part}"pid":` : part));
}
