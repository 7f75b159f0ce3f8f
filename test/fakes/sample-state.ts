import type { ContainerId, ImageId } from "../../src/core/brands.ts";
import { containerRow } from "./container-row.ts";
import { imageDetails } from "./image-details.ts";
import { fakeNow } from "./run-fake-cli.ts";

export const idOf = (digits: string): ContainerId => digits.padEnd(64, "0") as ContainerId;
export const ago = (seconds: number): Date => new Date(fakeNow.getTime() - seconds * 1000);

export const containers = [
  containerRow({
    id: idOf("1111"),
    name: "web",
    command: ["/bin/sh", "-c", "while true; do sleep 1; done"],
    createdAt: ago(300),
    status: "running",
    startedAt: ago(290),
    pid: 7,
    labels: { app: "web", "com.example.tier-name": "front" },
    networkMode: "host",
  }),
  containerRow({
    id: idOf("2222"),
    name: "job",
    command: ["true"],
    createdAt: ago(7200),
    status: "exited",
    startedAt: ago(7100),
    finishedAt: ago(200),
    exitCode: 3,
    mounts: [
      {
        type: "bind",
        name: "",
        source: "/very/long/path/of/a/mount",
        destination: "/x",
        driver: "",
        mode: "",
        readWrite: true,
        propagation: "rprivate",
      },
    ],
  }),
  containerRow({ id: idOf("3333"), name: "new", createdAt: ago(1), sizeRwBytes: 1500, sizeRootFsBytes: 2_500_000 }),
  containerRow({ id: idOf("4444"), name: "held", status: "paused", createdAt: ago(86400 * 3), startedAt: ago(86400 * 3) }),
];
export const images = [
  imageDetails({ references: ["base:latest", "localhost:5000/base:1"] }),
  imageDetails({ id: `sha256:${"f".repeat(64)}` as ImageId, references: [], createdAt: ago(60), sizeBytes: 187_400_000 }),
];
/** A few of each state, and two images. */
export const init = { containers, images };
