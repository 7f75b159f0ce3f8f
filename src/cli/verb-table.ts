import type { Verb } from "./verb.ts";

/** A verb's entry in the table that the dispatcher reads: enough for `wherry help`, while the verb itself is loaded only when it runs. */
export interface VerbEntry {
  readonly summary: string;
  /** The heading in `wherry help`; absent: not listed. */
  readonly group?: "common" | "command";
  load(): Promise<Verb>;
}

/** A word that groups verbs: `wherry container ls`. */
export interface VerbGroup {
  readonly summary: string;
  readonly verbs: Readonly<Record<string, VerbEntry>>;
}

/** The common ones in the order of their use, the others sorted, as `wherry help` lists them. */
const ungrouped = {
  run: {
    summary: "Create and run a new container from an image",
    group: "common",
    load: async () => (await import("./verbs/run.ts")).runVerb,
  },
  exec: {
    summary: "Execute a command in a running container",
    group: "common",
    load: async () => (await import("./verbs/exec.ts")).execVerb,
  },
  ps: { summary: "List containers", group: "common", load: async () => (await import("./verbs/ps.ts")).psVerb },
  images: { summary: "List images", group: "common", load: async () => (await import("./verbs/images.ts")).imagesVerb },
  demo: {
    summary: "Show on real containers what a container is",
    group: "common",
    load: async () => (await import("./verbs/demo.ts")).demoVerb,
  },
  doctor: {
    summary: "Say what this kernel and host offer to containers, and what is missing",
    group: "common",
    load: async () => (await import("./verbs/doctor.ts")).doctorVerb,
  },
  version: { summary: "Show version information", group: "common", load: async () => (await import("./verbs/version.ts")).versionVerb },
  info: { summary: "Display system-wide information", group: "common", load: async () => (await import("./verbs/info.ts")).infoVerb },
  attach: {
    summary: "Attach local standard input, output, and error streams to a running container",
    group: "command",
    load: async () => (await import("./verbs/attach.ts")).attachVerb,
  },
  commit: {
    summary: "Create a new image from a container's changes",
    group: "command",
    load: async () => (await import("./verbs/commit.ts")).commitVerb,
  },
  completion: {
    summary: "Print a completion script for a shell",
    group: "command",
    load: async () => (await import("./verbs/completion.ts")).completionVerb,
  },
  cp: {
    summary: "Copy files/folders between a container and the local filesystem",
    group: "command",
    load: async () => (await import("./verbs/cp.ts")).cpVerb,
  },
  create: { summary: "Create a new container", group: "command", load: async () => (await import("./verbs/create.ts")).createVerb },
  diff: {
    summary: "Inspect changes to files or directories on a container's filesystem",
    group: "command",
    load: async () => (await import("./verbs/diff.ts")).diffVerb,
  },
  explain: {
    summary: "Show the kernel operations that start a container, one by one",
    group: "command",
    load: async () => (await import("./verbs/explain.ts")).explainVerb,
  },
  export: {
    summary: "Export a container's filesystem as a tar archive",
    group: "command",
    load: async () => (await import("./verbs/export.ts")).exportVerb,
  },
  history: {
    summary: "Show the history of an image",
    group: "command",
    load: async () => (await import("./verbs/history.ts")).historyVerb,
  },
  import: {
    summary: "Import the contents from a tarball to create a filesystem image",
    group: "command",
    load: async () => (await import("./verbs/import.ts")).importVerb,
  },
  inspect: {
    summary: "Return low-level information on containers, images and volumes",
    group: "command",
    load: async () => (await import("./verbs/inspect.ts")).inspectVerb,
  },
  kill: { summary: "Kill one or more running containers", group: "command", load: async () => (await import("./verbs/kill.ts")).killVerb },
  login: { summary: "Log in to a registry", group: "command", load: async () => (await import("./verbs/login.ts")).loginVerb },
  logout: { summary: "Log out from a registry", group: "command", load: async () => (await import("./verbs/logout.ts")).logoutVerb },
  load: {
    summary: "Load an image from a tar archive or STDIN",
    group: "command",
    load: async () => (await import("./verbs/load.ts")).loadVerb,
  },
  logs: { summary: "Fetch the logs of a container", group: "command", load: async () => (await import("./verbs/logs.ts")).logsVerb },
  pause: {
    summary: "Pause all processes within one or more containers",
    group: "command",
    load: async () => (await import("./verbs/pause.ts")).pauseVerb,
  },
  port: {
    summary: "List port mappings or a specific mapping for the container",
    group: "command",
    load: async () => (await import("./verbs/port.ts")).portVerb,
  },
  pull: {
    summary: "Download an image from a registry",
    group: "common",
    load: async () => (await import("./verbs/pull.ts")).pullVerb,
  },
  push: {
    summary: "Upload an image to a registry",
    group: "common",
    load: async () => (await import("./verbs/push.ts")).pushVerb,
  },
  rename: { summary: "Rename a container", group: "command", load: async () => (await import("./verbs/rename.ts")).renameVerb },
  restart: {
    summary: "Restart one or more containers",
    group: "command",
    load: async () => (await import("./verbs/restart.ts")).restartVerb,
  },
  rm: { summary: "Remove one or more containers", group: "command", load: async () => (await import("./verbs/rm.ts")).rmVerb },
  rmi: { summary: "Remove one or more images", group: "command", load: async () => (await import("./verbs/rmi.ts")).rmiVerb },
  save: {
    summary: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    group: "command",
    load: async () => (await import("./verbs/save.ts")).saveVerb,
  },
  search: {
    summary: "Search Docker Hub or another registry for images",
    group: "command",
    load: async () => (await import("./verbs/search.ts")).searchVerb,
  },
  start: {
    summary: "Start one or more stopped containers",
    group: "command",
    load: async () => (await import("./verbs/start.ts")).startVerb,
  },
  stats: {
    summary: "Display a live stream of container(s) resource usage statistics",
    group: "command",
    load: async () => (await import("./verbs/stats.ts")).statsVerb,
  },
  stop: { summary: "Stop one or more running containers", group: "command", load: async () => (await import("./verbs/stop.ts")).stopVerb },
  tag: {
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    group: "command",
    load: async () => (await import("./verbs/tag.ts")).tagVerb,
  },
  top: {
    summary: "Display the running processes of a container",
    group: "command",
    load: async () => (await import("./verbs/top.ts")).topVerb,
  },
  unpause: {
    summary: "Unpause all processes within one or more containers",
    group: "command",
    load: async () => (await import("./verbs/unpause.ts")).unpauseVerb,
  },
  update: {
    summary: "Update configuration of one or more containers",
    group: "command",
    load: async () => (await import("./verbs/update.ts")).updateVerb,
  },
  wait: {
    summary: "Block until one or more containers stop, then print their exit codes",
    group: "command",
    load: async () => (await import("./verbs/wait.ts")).waitVerb,
  },
} as const satisfies Readonly<Record<string, VerbEntry>>;

/** Verbs by the word after `wherry`. */
export const verbs: Readonly<Record<string, VerbEntry>> = ungrouped;

const {
  attach,
  commit,
  cp,
  create,
  diff,
  exec,
  kill,
  logs,
  pause,
  port,
  rename,
  restart,
  rm,
  run,
  start,
  stats,
  stop,
  top,
  unpause,
  wait,
} = ungrouped;
const listContainers: VerbEntry = ungrouped.ps;
const listImages: VerbEntry = ungrouped.images;

/** Verbs by the two words after `wherry`. */
export const groups: Readonly<Record<string, VerbGroup>> = {
  container: {
    summary: "Manage containers",
    verbs: {
      attach,
      commit,
      cp,
      create,
      diff,
      exec,
      export: ungrouped.export,
      inspect: {
        summary: "Display detailed information on one or more containers",
        group: "command",
        load: async () => (await import("./verbs/inspect.ts")).inspectContainerVerb,
      },
      kill,
      list: unlisted(listContainers),
      logs,
      ls: listContainers,
      pause,
      port,
      prune: {
        summary: "Remove all stopped containers",
        group: "command",
        load: async () => (await import("./verbs/container-prune.ts")).containerPruneVerb,
      },
      ps: unlisted(listContainers),
      remove: unlisted(rm),
      rename,
      restart,
      rm,
      run,
      start,
      stats,
      stop,
      top,
      unpause,
      update: ungrouped.update,
      wait,
    },
  },
  image: {
    summary: "Manage images",
    verbs: {
      history: ungrouped.history,
      import: ungrouped.import,
      inspect: {
        summary: "Display detailed information on one or more images",
        group: "command",
        load: async () => (await import("./verbs/inspect.ts")).inspectImageVerb,
      },
      list: unlisted(listImages),
      load: ungrouped.load,
      ls: listImages,
      prune: {
        summary: "Remove unused images",
        group: "command",
        load: async () => (await import("./verbs/image-prune.ts")).imagePruneVerb,
      },
      pull: ungrouped.pull,
      push: ungrouped.push,
      remove: unlisted(ungrouped.rmi),
      rm: ungrouped.rmi,
      save: ungrouped.save,
      tag: ungrouped.tag,
    },
  },
  volume: {
    summary: "Manage volumes",
    verbs: {
      create: {
        summary: "Create a volume",
        group: "command",
        load: async () => (await import("./verbs/volume.ts")).volumeCreateVerb,
      },
      inspect: {
        summary: "Display detailed information on one or more volumes",
        group: "command",
        load: async () => (await import("./verbs/volume.ts")).volumeInspectVerb,
      },
      list: { summary: "List volumes", load: async () => (await import("./verbs/volume.ts")).volumeListVerb },
      ls: { summary: "List volumes", group: "command", load: async () => (await import("./verbs/volume.ts")).volumeListVerb },
      prune: {
        summary: "Remove unused local volumes",
        group: "command",
        load: async () => (await import("./verbs/volume-prune.ts")).volumePruneVerb,
      },
      remove: {
        summary: "Remove one or more volumes. You cannot remove a volume that is in use by a container",
        load: async () => (await import("./verbs/volume.ts")).volumeRemoveVerb,
      },
      rm: {
        summary: "Remove one or more volumes. You cannot remove a volume that is in use by a container",
        group: "command",
        load: async () => (await import("./verbs/volume.ts")).volumeRemoveVerb,
      },
    },
  },
  system: {
    summary: "Manage wherry",
    verbs: {
      df: { summary: "Show disk usage", group: "command", load: async () => (await import("./verbs/system-df.ts")).systemDfVerb },
      prune: {
        summary: "Remove unused data",
        group: "command",
        load: async () => (await import("./verbs/system-prune.ts")).systemPruneVerb,
      },
      info: ungrouped.info,
    },
  },
};

/** Another spelling of a verb, not shown in the list of its group. */
function unlisted(entry: VerbEntry): VerbEntry {
  return { summary: entry.summary, load: () => entry.load() };
}
