/** One operation of a launch plan, in words. Made from the very operation that runs. */
export interface ExplainedStep {
  /** From 1, the number in error messages ("step 14 of 41"). */
  readonly number: number;
  readonly section: "host" | "parent" | "child" | "tail";
  /** The system call or calls with arguments as strace writes them, slots as `fd:NAME`, run-time values as `<pid>`. */
  readonly call: string;
  /** The same, one system call each. */
  readonly calls: readonly string[];
  /** One line. */
  readonly why: string;
  /** e.g. `move_mount(2)`. */
  readonly man: string;
  /** errno names after which the plan goes on. */
  readonly ignored: readonly string[];
}

export interface ExplainedPlan {
  readonly steps: readonly ExplainedStep[];
}
