import type { CliContext } from "../cli-context.ts";
import { withTransfer } from "./with-transfer.ts";

/** Pulls the image that a container is to be made from; all that is said of it goes to standard error, which `run` keeps for such. */
export async function pullForContainer(
  context: CliContext,
  image: string,
  options: { readonly platform?: string | undefined; readonly quiet: boolean; readonly missing: "" | "any" | "platform" },
): Promise<void> {
  const { stderr } = context;
  if (options.missing !== "" && !options.quiet) {
    const what = options.missing === "platform" ? ` for ${options.platform}` : "";
    await stderr.write(`Unable to find image '${withTag(image)}'${what} locally\n`);
  }
  const { images } = await context.engine();
  const view = { direction: "pull", ...(options.quiet ? {} : { sink: stderr }) } as const;
  const pulled = await withTransfer(context, view, (transfer) =>
    images.pull(image, { ...transfer, ...(options.platform === undefined ? {} : { platform: options.platform }) }),
  );
  if (options.quiet) return;
  const status = pulled.updated ? "Downloaded newer image for" : "Image is up to date for";
  await stderr.write(`Status: ${status} ${pulled.reference}\n`);
}

function withTag(image: string): string {
  return /[:@]/.test(image.slice(image.lastIndexOf("/") + 1)) ? image : `${image}:latest`;
}
