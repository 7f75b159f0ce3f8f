import { LocalContainerService } from "./container-service.ts";
import { createContainerHost } from "./create-host.ts";
import type { Engine, ImageService, SystemService, VolumeService } from "./engine.ts";

/**
 * The local engine on a data root. Several processes may have one on the same root at the same time.
 * @throws {EngineError} NOT_ROOT, STATE_UNAVAILABLE, STATE_TOO_NEW, INSTALLATION_INCOMPLETE.
 */
export function createEngine(options: { readonly root: string; readonly runRoot: string }): Engine {
  const host = createContainerHost(options);
  // What `run` does not need is loaded when it is called.
  const images = deferred<ImageService>(async () => new (await import("./image-service.ts")).LocalImageService(host));
  return {
    containers: new LocalContainerService(host, () => images.ensureBase()),
    images,
    system: deferred<SystemService>(async () => new (await import("./system-service.ts")).LocalSystemService(host)),
    volumes: deferred<VolumeService>(async () => new (await import("./volume-service.ts")).LocalVolumeService(host)),
    // The database is closed by the process ending. Closing it would make the last process checkpoint and fsync, which costs more than a
    // whole container; the write-ahead log is checkpointed as it grows anyway.
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A service whose module is loaded by the first call. All methods of these services return promises, so none can tell. */
function deferred<Service extends object>(load: () => Promise<Service>): Service {
  let loaded: Promise<Service> | undefined;
  return new Proxy({} as Service, {
    get: (_, name) =>
      typeof name === "symbol" || name === "then"
        ? undefined
        : async (...args: unknown[]) => {
            loaded ??= load();
            const service = await loaded;
            const method = Reflect.get(service, name) as (...given: unknown[]) => unknown;
            return method.apply(service, args);
          },
  });
}
