import type { Stage } from "./stage.ts";

/** Chapters three and four: read-only layers under one read-write layer, exit and restart, commit. */
export async function showLayers(stage: Stage): Promise<void> {
  const { containers, images } = stage.engine;
  const name = "wherry-demo-layers";
  await stage.chapter("Layers: one read-write layer over read-only ones");
  await stage.run(
    "[ -e /dev/shm/memory ] && echo memory kept; echo 1 > /dev/shm/memory; if [ -e /kept ]; then cat /kept; else echo written once > /kept; rm /etc/os-release; fi",
    { name },
  );
  const changes = await containers.diff(name);
  const listed = changes.map(({ kind, path }) => `${kind.charAt(0).toUpperCase()} ${path}`);
  const expected = listed.includes("A /kept") && listed.includes("D /etc/os-release");
  await stage.claim("its layer holds the changes, nothing else", listed.join(", "), expected && listed.length === 3);
  const other = await stage.run("cat /etc/os-release > /dev/null && [ ! -e /kept ] && echo untouched");
  await stage.claim("another container of the image sees none of it", other.output.trim(), other.output.trim() === "untouched");

  await stage.chapter("Exit and restart, commit");
  const exited = await containers.inspect(name);
  await stage.claim(
    "an exited container keeps its files, not its memory",
    `${exited.status}, pid ${exited.pid}`,
    exited.status === "exited" && exited.pid === 0,
  );
  const again = await stage.rerun(name);
  await stage.claim(
    "started again, the file is there, /dev/shm is empty",
    `/kept says "${again.output.trim()}"`,
    again.output.trim() === "written once",
  );

  const image = "wherry-demo:committed";
  await images.commit(name, { reference: image, message: "the demo's changes" });
  stage.borrow(image);
  const { output } = await stage.run("cat /kept", { image });
  await stage.claim("commit makes an image of it", `a container from ${image} reads "${output.trim()}"`, output.trim() === "written once");
  const [base, committed] = await Promise.all([images.inspect((await containers.inspect(name)).image), images.inspect(image)]);
  const added = committed.sizeBytes - base.sizeBytes;
  await stage.claim(
    "the image is one small layer more",
    `${base.layers.length} + 1 layers, ${added} bytes`,
    committed.layers.length === base.layers.length + 1 && added < 4096,
  );
  await stage.end(name);
}
