import type { HostPath } from "../core/brands.ts";
import type { RuntimeUser } from "../runtime/runtime-user.ts";
import type { FlagTable } from "./command-line.ts";

/** What every command is given besides its own flags. */
export interface OciContext {
  /** Where the containers' states are. */
  readonly root: string;
  readonly launcher: HostPath;
  /** What an engine may have been told by a flag that came before the command. */
  readonly debug: boolean;
  /** Control groups are made by systemd: `--systemd-cgroup`, or `--cgroup-manager systemd`. */
  readonly systemdCgroup: boolean;
  readonly user: RuntimeUser;
  /** Whether a container without limits may do without a control group: `--rootless`. */
  readonly ignoreCgroupErrors: boolean;
  print(text: string): void;
  warn(message: string): void;
}

/** One command: its flags, and what it does; resolves with the exit code. */
export interface OciCommand {
  readonly flags: FlagTable;
  run(args: readonly string[], context: OciContext): Promise<number>;
}
