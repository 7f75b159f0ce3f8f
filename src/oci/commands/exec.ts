import { readFileSync } from "node:fs";
import { invalidOption } from "../../core/invalid-option.ts";
import type { OciProcess } from "../../plan/oci-config.ts";
import { validateProcess } from "../../plan/oci/validate-config.ts";
import { parseJson } from "../../runtime/bundle-config.ts";
import { containerFiles } from "../../runtime/container-record.ts";
import { execProcess } from "../../runtime/exec-process.ts";
import { type FlagValues, parseLine } from "../command-line.ts";
import { absolutePath } from "../container-argument.ts";
import { ownTerminalSize, preservedDescriptors } from "../create-flags.ts";
import { SignalForwarder } from "../foreground.ts";
import type { OciCommand } from "../oci-context.ts";
import { parseSubgroups } from "../subgroup-flag.ts";

const flags = {
  process: { takes: "value", aliases: ["p"] },
  tty: { takes: "switch", aliases: ["t"] },
  detach: { takes: "switch", aliases: ["d"] },
  "console-socket": { takes: "value" },
  "pid-file": { takes: "value" },
  user: { takes: "value", aliases: ["u"] },
  "additional-gids": { takes: "list", aliases: ["g"] },
  cwd: { takes: "value" },
  env: { takes: "list", aliases: ["e"] },
  cap: { takes: "list", aliases: ["c"] },
  apparmor: { takes: "value" },
  "process-label": { takes: "value" },
  "no-new-privs": { takes: "switch" },
  "preserve-fds": { takes: "value" },
  "no-subreaper": { takes: "switch" },
  "ignore-paused": { takes: "switch" },
  cgroup: { takes: "list" },
} as const;

export const exec: OciCommand = {
  flags,
  async run(args, context) {
    const { values, words } = parseLine(flags, args);
    const [id, ...command] = words;
    if (id === undefined) throw invalidOption("exec: the container's id is missing");
    if (values.process === undefined && command.length === 0) throw invalidOption("exec: process args cannot be empty");
    const files = containerFiles(context.root, id);
    const signals = values.detach ? null : new SignalForwarder();
    const started = await execProcess(files, {
      process: (own) => (values.process === undefined ? changed(own, command, values) : readProcess(values.process, values)),
      launcher: context.launcher,
      user: context.user,
      foreground: !values.detach,
      ignorePaused: values["ignore-paused"],
      subgroups: parseSubgroups(values.cgroup),
      options: { preservedDescriptors: preservedDescriptors(values["preserve-fds"]), ...(values.detach ? {} : ownTerminalSize()) },
      ...(values["console-socket"] === undefined ? {} : { consoleSocket: absolutePath(values["console-socket"]) }),
      ...(values["pid-file"] === undefined ? {} : { pidFile: absolutePath(values["pid-file"]) }),
    });
    if (signals === null) {
      await started.connection.ended;
      return 0;
    }
    const code = await signals.follow(started, context.launcher);
    started.clear();
    return code;
  },
};

/** `--process`: all of it comes from a file; `--tty` alone may be given besides. */
function readProcess(path: string, values: FlagValues<typeof flags>): OciProcess {
  const given = validateProcess(parseJson(readFileSync(path, "utf8"), path));
  return values.tty ? { ...given, terminal: true } : given;
}

/** The container's own process with other arguments, as runc makes it. */
function changed(own: OciProcess, args: readonly string[], values: FlagValues<typeof flags>): OciProcess {
  const { cap } = values;
  const { capabilities } = own;
  const more = (names: readonly string[] | undefined) => [...(names ?? []), ...cap];
  const withMore =
    cap.length === 0
      ? {}
      : {
          capabilities: {
            bounding: more(capabilities?.bounding),
            effective: more(capabilities?.effective),
            permitted: more(capabilities?.permitted),
            inheritable: capabilities?.inheritable ?? [],
            ambient: more(capabilities?.ambient),
          },
        };
  return {
    ...own,
    args,
    terminal: values.tty,
    env: [...(own.env ?? []), ...values.env],
    ...(values.cwd === undefined ? {} : { cwd: values.cwd }),
    ...withMore,
    ...(values.apparmor === undefined ? {} : { apparmorProfile: values.apparmor }),
    ...(values["process-label"] === undefined ? {} : { selinuxLabel: values["process-label"] }),
    ...(values["no-new-privs"] ? { noNewPrivileges: true } : {}),
    ...(values.user === undefined && values["additional-gids"].length === 0 ? {} : { user: changedUser(own, values) }),
  };
}

/** `UID[:GID]`, numbers only. */
function changedUser(own: OciProcess, values: FlagValues<typeof flags>): NonNullable<OciProcess["user"]> {
  const additionalGids = [...(own.user?.additionalGids ?? []), ...values["additional-gids"].map((gid) => number(gid, "--additional-gids"))];
  if (values.user === undefined) return { ...own.user, additionalGids };
  const [uid = "", gid] = values.user.split(":");
  return {
    ...own.user,
    uid: number(uid, "--user"),
    ...(gid === undefined ? {} : { gid: number(gid, "--user") }),
    additionalGids,
  };
}

function number(text: string, flag: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw invalidOption(`${flag} \`${text}\`: a number is meant`);
}
