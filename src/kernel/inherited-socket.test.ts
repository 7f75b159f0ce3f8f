import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

const module = fileURLToPath(new URL("inherited-socket.ts", import.meta.url));

/** Runs `script` in a process whose descriptor 3 is `socket`, an InheritedSocket; resolves with what it printed. `talk` has the other end. */
async function withSocket(script: string, talk: (socket: Duplex) => void): Promise<string> {
  const source = `import { existsSync } from "node:fs"; import { InheritedSocket } from "${module}";\nconst socket = new InheritedSocket(3);\n${script}`;
  const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const socket = child.stdio[3] as unknown as Duplex;
  talk(socket);
  await once(child, "close");
  socket.destroy();
  return output;
}

const printLength =
  'let length = 0; socket.on("data", (bytes) => { length += bytes.length; }); socket.on("close", () => console.log(length));';

test("InheritedSocket gives what came before the other side left, to a reader who comes later", async () => {
  const whenClosed = `while (existsSync("/proc/self/fd/3")) await new Promise((resolve) => setTimeout(resolve, 1));\n${printLength}`;
  expect(await withSocket(whenClosed, (socket) => socket.end(Buffer.alloc(5_000)))).toBe("5000\n");
});

test("InheritedSocket gives everything to a slow reader, though the other side has left long ago", async () => {
  const slowly = `let length = 0;
socket.on("data", (bytes) => { length += bytes.length; socket.pause(); setTimeout(() => socket.resume(), 1); });
socket.on("close", () => console.log(length));`;
  expect(await withSocket(slowly, (socket) => socket.end(Buffer.alloc(3_000_000)))).toBe("3000000\n");
});

test("InheritedSocket writes all, and closes when it is destroyed", async () => {
  let received = 0;
  const write = 'socket.write(Buffer.alloc(3_000_000), () => { console.log("written"); socket.destroy(); });';
  const output = await withSocket(write, (socket) => {
    socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
    });
  });
  expect([output, received]).toEqual(["written\n", 3_000_000]);
});

test("InheritedSocket gives a listener that takes over from within a call only what comes after", async () => {
  const takeOver = `const first = (bytes) => {
  console.log("first", bytes.toString());
  socket.off("data", first);
  socket.on("data", (more) => console.log("second", more.toString()));
  socket.write(Buffer.from("go on"));
};
socket.on("data", first);
socket.on("close", () => console.log("closed"));`;
  const output = await withSocket(takeOver, (socket) => {
    socket.write("a");
    socket.once("data", () => socket.end("b"));
  });
  expect(output).toBe("first a\nsecond b\nclosed\n");
});
