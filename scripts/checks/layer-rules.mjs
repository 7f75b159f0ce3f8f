// Who may import whom in src/, as data. A folder imports only what stands beneath it (DESIGN: imports go downwards only).

const types = (...folders) => folders.map((folder) => `type:${folder}`);

/** Folder -> the folders that it may import from; `type:X` allows `import type` from X only. Its own folder is always allowed. */
export const allowedImports = {
  core: [],
  kernel: ["core"],
  state: ["core", "kernel"],
  plan: ["core"],
  archive: ["core", "kernel"],
  content: ["core", "kernel"],
  // plan: how layers are mounted.
  layers: ["core", "kernel", "state", "plan", "archive", "content"],
  registry: ["core", "content"],
  images: ["core", "kernel", "state", "archive", "content", "layers", "registry"],
  network: ["core", "kernel", "state"],
  volumes: ["core", "kernel", "state"],
  runtime: ["core", "kernel", "state", "plan"],
  oci: ["core", "kernel", "state", "plan", "runtime"],
  spec: ["core", "plan", ...types("images")],
  containers: ["core", "kernel", "state", "plan", "runtime", "archive", "layers", "images", "network", "volumes", "spec"],
  build: ["core", "archive", "layers", "images", "containers", ...types("spec")],
  engine: [
    "core",
    "kernel",
    "state",
    "plan",
    "archive",
    "content",
    "runtime",
    "layers",
    "registry",
    "images",
    "network",
    "volumes",
    "spec",
    "containers",
    "build",
  ],
  api: ["core", "engine", ...types("kernel", "plan", "images", "spec", "containers")],
  // plan: its rendering as text, for `--explain`.
  cli: ["core", "engine", "plan", ...types("kernel", "images", "spec", "containers")],
  internal: ["core", "kernel", "state", "plan", "runtime", "network", "containers", "engine"],
};

/** Single files that wire things together and so may import more than their folder. */
export const compositionRoots = {
  "src/cli/main.ts": ["engine", "internal", "oci", "api"],
};

/** Folders that compute only: of Node they may use these modules and no others. */
export const pureFolders = {
  plan: ["node:buffer", "node:path", "node:path/posix", "node:util"],
};

/** Who may start programs. Everywhere else a process is a surprise. */
export const processStarters = ["kernel", "archive", "images", "layers", "internal", "cli"];
