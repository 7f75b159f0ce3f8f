import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { repository } from "./host-features.ts";
import { run } from "./image-root.ts";

const applets = ["sh", "cat", "echo", "grep", "id", "ls", "mount", "sleep", "tty", "true"];

/** A root file system with busybox and the payload, as an archive that engines import. */
export function makeImageArchive(directory: string): string {
  const tree = `${directory}/image-tree`;
  const archive = `${directory}/image.tar`;
  for (const name of ["bin", "etc", "tmp", "proc", "sys", "dev", "run"]) mkdirSync(`${tree}/${name}`, { recursive: true });
  copyFileSync(existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox", `${tree}/bin/busybox`);
  for (const name of applets) symlinkSync("busybox", `${tree}/bin/${name}`);
  copyFileSync(`${repository}/test/payload/build/payload`, `${tree}/payload`);
  writeFileSync(`${tree}/etc/passwd`, "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/:/bin/sh\n");
  run("tar", "-C", tree, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, ".");
  return archive;
}

/** The same as an archive of an OCI image layout with one image, called `reference`. @see image-spec image-layout.md */
export function makeLayoutArchive(directory: string, reference: string): string {
  const layout = `${directory}/layout`;
  mkdirSync(`${layout}/blobs/sha256`, { recursive: true });
  const put = (mediaType: string, bytes: Buffer | string) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  };
  const layer = put("application/vnd.oci.image.layer.v1.tar", readFileSync(makeImageArchive(directory)));
  const config = put(
    "application/vnd.oci.image.config.v1+json",
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : "arm64",
      os: "linux",
      config: { Env: ["PATH=/bin"], Cmd: ["/payload", "sleep"] },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  const annotations = { "org.opencontainers.image.ref.name": reference };
  writeFileSync(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(`${layout}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  run("tar", "-C", layout, "-cf", `${directory}/layout.tar`, ".");
  return `${directory}/layout.tar`;
}
