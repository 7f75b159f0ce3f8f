import type { ContainerSummary } from "../../containers/container-view.ts";
import { describeDuration } from "../../core/duration.ts";
import { shortId } from "../../core/ids.ts";
import { formatDecimalSize } from "../../core/size.ts";
import { goLocalTime } from "../docker-json/docker-time.ts";
import { ellipsis, goQuote } from "./ellipsis.ts";

const COMMAND_WIDTH = 20;

export const containerHeadings = {
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Labels: "LABELS",
  LocalVolumes: "LOCAL VOLUMES",
  Mounts: "MOUNTS",
  Names: "NAMES",
  Networks: "NETWORKS",
  Ports: "PORTS",
  RunningFor: "CREATED",
  Size: "SIZE",
  State: "STATE",
  Status: "STATUS",
} as const;

/** One container as `ps --format` sees it: docker's fields, in the order in which `{{json .}}` prints them, made when they are asked for. */
export function containerRow(container: ContainerSummary, view: { readonly now: Date; readonly truncate: boolean }) {
  const { now, truncate } = view;
  return {
    get Command() {
      const command = commandText(container.command);
      return goQuote(truncate ? ellipsis(command, COMMAND_WIDTH) : command);
    },
    get CreatedAt() {
      return goLocalTime(container.createdAt);
    },
    ID: truncate ? shortId(container.id) : container.id,
    Image: truncate && /^sha256:|^[0-9a-f]{64}$/.test(container.image) ? shortId(container.image) : container.image,
    get Labels() {
      return Object.entries(container.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(",");
    },
    get LocalVolumes() {
      return String(container.mounts.filter(({ driver }) => driver === "local").length);
    },
    get Mounts() {
      const names = container.mounts.map(({ name, source }) => (name === "" ? source : name));
      return names.map((name) => (truncate ? ellipsis(name, 15) : name)).join(",");
    },
    Names: container.name,
    Networks: container.networkMode,
    Ports: "",
    get RunningFor() {
      return `${describeDuration(now.getTime() - container.createdAt.getTime())} ago`;
    },
    get Size() {
      const own = formatDecimalSize(container.sizeRwBytes ?? 0);
      const virtual = container.sizeRootFsBytes ?? 0;
      return virtual > 0 ? `${own} (virtual ${formatDecimalSize(virtual)})` : own;
    },
    State: container.status,
    get Status() {
      return containerStatus(container, now);
    },
    Label: (name: unknown) => container.labels[String(name)] ?? "",
  };
}

/** Arguments with blanks stand in single quotes, as docker shows them; this is for people, not for a shell. */
function commandText([path = "", ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

/** "Up 5 seconds", "Up 2 hours (Paused)", "Exited (0) 3 minutes ago", "Created". */
export function containerStatus(container: ContainerSummary, now: Date): string {
  const since = (moment: Date | null): string => describeDuration(moment === null ? 0 : now.getTime() - moment.getTime());
  switch (container.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${since(container.startedAt)}`;
    case "paused":
      return `Up ${since(container.startedAt)} (Paused)`;
    case "exited":
      return `Exited (${container.exitCode ?? "?"}) ${since(container.finishedAt)} ago`;
    case "dead":
      return "Dead";
  }
}
