import { mkdirSync, rmSync } from "node:fs";
import { randomName } from "../core/random-name.ts";
import { EngineError } from "../core/engine-error.ts";
import { faultPoint } from "../core/fault-point.ts";
import type { ContainerRow } from "../state/container-row.ts";
import { imageNotFound } from "../images/resolve-image.ts";
import { hasImage } from "../state/image-rows.ts";
import { insertContainer } from "../state/container-table.ts";
import type { ContainerHost } from "./container-host.ts";
import { containerPaths } from "./container-paths.ts";

const nameAttempts = 20;

/**
 * Makes the container's directory and row, with a random name when it has none, and returns the row as stored. The row is the
 * commit point: a directory without one is what a crash left, and is removed at the next engine start.
 * @throws {EngineError} CONTAINER_NAME_TAKEN; nothing is left behind.
 */
export function storeContainer(host: ContainerHost, row: ContainerRow): ContainerRow {
  const paths = containerPaths(host.root, host.runRoot, row.id);
  try {
    mkdirSync(paths.directory, { mode: 0o711 });
  } catch {
    mkdirSync(paths.directory, { recursive: true, mode: 0o711 });
  }
  faultPoint("container-directory-made");
  try {
    for (const directory of [paths.upper, paths.work, paths.rootfs]) mkdirSync(directory, { mode: 0o755 });
    const stored = insert(host, row);
    faultPoint("container-row-stored");
    return stored;
  } catch (error) {
    rmSync(paths.directory, { recursive: true, force: true });
    throw error;
  }
}

function insert(host: ContainerHost, row: ContainerRow): ContainerRow {
  const write = (named: ContainerRow) => {
    const insertion = () => {
      // In the same transaction as the row that keeps it: the image can't be removed in between.
      if (!hasImage(host.store, row.imageId)) throw imageNotFound(row.image);
      insertContainer(host.store, named);
    };
    if (row.autoRemove) host.store.transaction(insertion);
    else host.store.durably(insertion);
    return named;
  };
  if (row.name !== "") return write(row);
  for (let attempt = 0; ; attempt++) {
    try {
      return write({ ...row, name: randomName(attempt) });
    } catch (error) {
      const taken = error instanceof EngineError && error.code === "CONTAINER_NAME_TAKEN";
      if (!taken || attempt === nameAttempts) throw error;
    }
  }
}
