import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import type { HostPath } from "../core/brands.ts";
import type { LayerInfo } from "./layer-driver.ts";
import { storeLayer, type StoreRequest } from "./store-layer.ts";
import { unpackLayer } from "./unpack-layer.ts";

/**
 * Makes the directory of a layer with its unpacked `tree`.
 * @throws {EngineError} as `storeLayer`
 */
export function unpackToStore(launcher: string, request: StoreRequest): Promise<LayerInfo> {
  const { tarPath, signal } = request;
  return storeLayer(launcher, request, async (partial) => {
    mkdirSync(`${partial}/tree`, { mode: 0o755 });
    const tarFd = openSync(tarPath, "r");
    const rootFd = openSync(`${partial}/tree`, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return await unpackLayer(launcher, {
        tarFd,
        rootFd,
        scratch: `${partial}/spool` as HostPath,
        ...(signal === undefined ? {} : { signal }),
      });
    } finally {
      closeSync(tarFd);
      closeSync(rootFd);
    }
  });
}
