import { EngineError } from "../core/engine-error.ts";
import { parseSize } from "../core/size.ts";

const variable = "WHERRY_MAX_LAYER_SIZE";
const defaultLimitBytes = 32 * 1024 ** 3;

/**
 * How large one layer may be once it is decompressed: 32 GiB, or what `WHERRY_MAX_LAYER_SIZE` says (`64g`). A layer of a few megabytes can
 * claim to be terabytes; without a limit it fills the disk.
 * @throws {EngineError} INVALID_SIZE
 */
export function maxLayerBytes(): number {
  const text = process.env[variable];
  return text === undefined || text === "" ? defaultLimitBytes : parseSize(text);
}

export function layerTooLarge(limitBytes: number): EngineError {
  return new EngineError({
    kind: "resourceExhausted",
    code: "LAYER_TOO_LARGE",
    message: `unpack layer: more than ${limitBytes} bytes once it is decompressed; if you trust it, set ${variable} to a higher limit (such as 64g)`,
    details: { limitBytes },
  });
}
