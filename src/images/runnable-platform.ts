import { EngineError } from "../core/engine-error.ts";
import { formatPlatform, hostPlatform, parsePlatform, satisfiesPlatform } from "./platform.ts";
import type { RunnableImage } from "./runnable-image.ts";

/**
 * The image, if a container can be made from it: it is for the platform that was asked for, if one was, and for Linux. Of another
 * architecture is told only to those who did not ask.
 * @throws {EngineError} PLATFORM_NOT_FOUND, whom another pull may help; IMAGE_UNSUPPORTED; INVALID_PLATFORM
 * @see moby 20.10, daemon/images/image.go: GetImage
 */
export function checkRunnable(image: RunnableImage, asked: { readonly image: string; readonly platform: string }): RunnableImage {
  const { foreignPlatform, ...own } = image;
  const found = foreignPlatform === undefined ? hostPlatform() : parsePlatform(foreignPlatform);
  const wanted = asked.platform === "" ? undefined : parsePlatform(asked.platform);
  if (wanted !== undefined && !satisfiesPlatform(found, wanted)) {
    throw new EngineError({
      kind: "notFound",
      code: "PLATFORM_NOT_FOUND",
      message: `image with reference ${asked.image} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(found)}`,
    });
  }
  if (found.os !== "linux") {
    throw new EngineError({
      kind: "invalidArgument",
      code: "IMAGE_UNSUPPORTED",
      message: `image operating system "${found.os}" cannot be used on this platform`,
    });
  }
  return wanted === undefined ? image : own;
}
