import type { PlanContext } from "./plan-context.ts";

/**
 * The parts of the compiler for fields that `wherry run` never sets, in the order in which a plan passes them. An OCI runtime gives
 * them in; a start of Wherry's own does not load them. `exec` passes `prepare`, `schedule`, `filter` only.
 */
export interface PlanExtensions {
  /** HOST, before the launcher enters any cgroup. Refuses what this host can't do. */
  readonly prepare: (context: PlanContext) => void;
  /** PARENT, right after the clone. */
  readonly outside: (context: PlanContext) => void;
  /** CHILD: everything is mounted, the root is still the host's. */
  readonly beforePivot: (context: PlanContext) => void;
  /** CHILD, while the process still has all of its capabilities. */
  readonly schedule: (context: PlanContext) => void;
  /** CHILD: loads the filter in a way of its own. False: it is to be loaded as usual. */
  readonly filter: (context: PlanContext) => boolean;
  /** CHILD: the process has no more rights than the container, the exec comes next. */
  readonly beforeExec: (context: PlanContext) => void;
}
