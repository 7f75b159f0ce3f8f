import {
  bytesFlag,
  integerFlag,
  invalidValue,
  listFlag,
  optionalSwitchFlag,
  parsedFlag,
  parsedListFlag,
  stringFlag,
  switchFlag,
} from "../flags/flag-spec.ts";
import { parseByteRate, parseDevice, parseDeviceRule, parseDeviceWeight, parseOperationRate } from "./device-flags.ts";
import { parseDnsServer, parseExtraHost } from "./host-flags.ts";
import { parseLogDriver, parseLogOption } from "./log-flags.ts";
import { parseUlimit } from "./ulimit-flag.ts";
import { unsupportedContainerFlags } from "./unsupported-flags.ts";
import { pullFlags } from "./with-image.ts";

/** What `create` and `run` share: all that describes a container. */
export const containerFlags = {
  "add-host": parsedListFlag("Add a custom host-to-IP mapping (host:ip)", { parse: parseExtraHost }),
  annotation: listFlag("Add an annotation to the container (passed through to the OCI runtime)", { valueName: "map" }),
  attach: parsedListFlag("Attach to STDIN, STDOUT or STDERR", { short: "a", parse: parseStreamName }),
  "blkio-weight": integerFlag("Block IO (relative weight), between 10 and 1000, or 0 to disable", { valueName: "uint16" }),
  "blkio-weight-device": parsedListFlag("Block IO weight (relative device weight)", { parse: parseDeviceWeight }),
  "cap-add": listFlag("Add Linux capabilities"),
  "cap-drop": listFlag("Drop Linux capabilities"),
  "cgroup-parent": stringFlag("Optional parent cgroup for the container"),
  cgroupns: stringFlag("Cgroup namespace to use (host|private)"),
  cidfile: stringFlag("Write the container ID to the file"),
  "cpu-period": integerFlag("Limit CPU CFS (Completely Fair Scheduler) period"),
  "cpu-quota": integerFlag("Limit CPU CFS (Completely Fair Scheduler) quota"),
  "cpu-rt-period": integerFlag("Limit CPU real-time period in microseconds"),
  "cpu-rt-runtime": integerFlag("Limit CPU real-time runtime in microseconds"),
  "cpu-shares": integerFlag("CPU shares (relative weight)", { short: "c" }),
  cpus: parsedFlag("Number of CPUs", { valueName: "decimal", parse: parseCpus }),
  "cpuset-cpus": stringFlag("CPUs in which to allow execution (0-3, 0,1)"),
  "cpuset-mems": stringFlag("MEMs in which to allow execution (0-3, 0,1)"),
  device: parsedListFlag("Add a host device to the container", { parse: parseDevice }),
  "device-cgroup-rule": parsedListFlag("Add a rule to the cgroup allowed devices list", { parse: parseDeviceRule }),
  "device-read-bps": parsedListFlag("Limit read rate (bytes per second) from a device", { parse: parseByteRate }),
  "device-read-iops": parsedListFlag("Limit read rate (IO per second) from a device", { parse: parseOperationRate }),
  "device-write-bps": parsedListFlag("Limit write rate (bytes per second) to a device", { parse: parseByteRate }),
  "device-write-iops": parsedListFlag("Limit write rate (IO per second) to a device", { parse: parseOperationRate }),
  dns: parsedListFlag("Set custom DNS servers", { parse: parseDnsServer }),
  "dns-option": listFlag("Set DNS options", { aliases: ["dns-opt"] }),
  "dns-search": listFlag("Set custom DNS search domains"),
  domainname: stringFlag("Container NIS domain name"),
  entrypoint: stringFlag("Overwrite the default ENTRYPOINT of the image"),
  env: listFlag("Set environment variables", { short: "e" }),
  "env-file": listFlag("Read in a file of environment variables"),
  "group-add": listFlag("Add additional groups to join"),
  hostname: stringFlag("Container host name", { short: "h" }),
  init: optionalSwitchFlag("Run an init inside the container that forwards signals and reaps processes"),
  interactive: switchFlag("Keep STDIN open even if not attached", { short: "i" }),
  ipc: stringFlag("IPC mode to use (private|none|shareable|host|container:NAME)"),
  label: listFlag("Set meta data on a container", { short: "l" }),
  "label-file": listFlag("Read in a line delimited file of labels"),
  "log-driver": parsedFlag("Logging driver for the container (json-file and local both mean wherry's own log; none)", {
    parse: parseLogDriver,
  }),
  "log-opt": parsedListFlag("Log driver options (max-size, max-file)", { parse: parseLogOption }),
  memory: bytesFlag("Memory limit", { short: "m" }),
  "memory-reservation": bytesFlag("Memory soft limit"),
  "memory-swap": bytesFlag("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", { allowUnlimited: true }),
  "memory-swappiness": integerFlag("Tune container memory swappiness (0 to 100)", { defaultText: "-1" }),
  mount: listFlag("Attach a filesystem mount to the container", { valueName: "mount" }),
  name: stringFlag("Assign a name to the container"),
  network: stringFlag("Connect a container to a network (none|host|container:NAME)", { valueName: "network", aliases: ["net"] }),
  "oom-kill-disable": optionalSwitchFlag("Disable OOM Killer"),
  "oom-score-adj": integerFlag("Tune host's OOM preferences (-1000 to 1000)"),
  pid: stringFlag("PID namespace to use (host|container:NAME)"),
  "pids-limit": integerFlag("Tune container pids limit (set -1 for unlimited)"),
  privileged: switchFlag("Give extended privileges to this container"),
  "read-only": switchFlag("Mount the container's root filesystem as read only"),
  "security-opt": listFlag("Security Options"),
  "shm-size": bytesFlag("Size of /dev/shm"),
  "stop-signal": stringFlag("Signal to stop the container"),
  "stop-timeout": integerFlag("Timeout (in seconds) to stop a container"),
  sysctl: listFlag("Sysctl options", { valueName: "map" }),
  timens: stringFlag("Time namespace to use (host|private); wherry's own, docker has none"),
  tmpfs: listFlag("Mount a tmpfs directory"),
  tty: switchFlag("Allocate a pseudo-TTY", { short: "t" }),
  ulimit: parsedListFlag("Ulimit options", { valueName: "ulimit", parse: parseUlimit }),
  user: stringFlag("Username or UID (format: <name|uid>[:<group|gid>])", { short: "u" }),
  userns: stringFlag("User namespace to use (host|auto)"),
  uts: stringFlag("UTS namespace to use (host)"),
  volume: listFlag("Bind mount a volume or host directory (name-or-/host/path:/container/path[:ro])", { short: "v" }),
  "volume-driver": stringFlag("Optional volume driver for the container"),
  "volumes-from": listFlag("Mount volumes from the specified container(s)"),
  workdir: stringFlag("Working directory inside the container", { short: "w" }),
  rm: switchFlag("Automatically remove the container when it exits"),
  ...pullFlags,
  ...unsupportedContainerFlags,
} as const;

function parseStreamName(text: string): "stdin" | "stdout" | "stderr" {
  const name = text.toLowerCase();
  if (name === "stdin" || name === "stdout" || name === "stderr") return name;
  throw invalidValue("valid streams are STDIN, STDOUT and STDERR");
}

/** `--cpus 1.5` in billionths of a CPU. */
function parseCpus(text: string): number {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null || !/\d/.test(text)) throw invalidValue(`"${text}" is not a number such as 1.5`);
  const fraction = match[2] ?? "";
  if (fraction.length > 9) throw invalidValue("value is too precise");
  return Number(match[1] ?? "0") * 1e9 + Number(fraction.padEnd(9, "0"));
}
