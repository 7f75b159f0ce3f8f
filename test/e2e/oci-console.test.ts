// `wherry oci`: the terminal's master side goes to the socket that the caller names.
import { expect } from "bun:test";
import { spawn } from "node:child_process";
import { useOciHost } from "../support/oci-host.ts";
import { poll } from "../support/poll.ts";
import { requires } from "../support/requires.ts";

const test = requires("root", "binary", "payload", "python3");
const host = useOciHost("oci-console");

/** Takes one descriptor by SCM_RIGHTS, prints the message's data and copies what the terminal says; types what comes on standard input. */
const receiver = `
import array, os, select, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
print("listening", flush=True)
connection, _ = listener.accept()
data, ancillary, _, _ = connection.recvmsg(100, socket.CMSG_LEN(4))
fd = array.array("i", ancillary[0][2])[0]
print("name", data.decode(), flush=True)
while True:
    for ready in select.select([fd, 0], [], [])[0]:
        if ready == 0:
            os.write(fd, os.read(0, 100))
            continue
        try:
            bytes = os.read(fd, 1000)
        except OSError:
            sys.exit(0)
        os.write(1, bytes)
`;

async function listen(socket: string) {
  const child = spawn("python3", ["-c", receiver, socket], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const sees = (text: string) => poll(`the terminal says ${text}`, () => output.includes(text));
  await sees("listening");
  return { child, sees, type: (text: string) => child.stdin.write(text) };
}

test("create --console-socket, and exec --console-socket of another", async () => {
  const socket = `${host.directory}/console`;
  await using stack = new AsyncDisposableStack();
  const first = await listen(socket);
  stack.defer(() => void first.child.kill());
  const bundle = host.bundle(["/payload", "copy"], (config) => {
    config.process.terminal = true;
    config.process.consoleSize = { height: 20, width: 70 };
  });
  await host.left(["create", "--console-socket", socket, "-b", bundle, "one"]);
  await first.sees("name /dev/ptmx");
  await host.ok(["start", "one"]);
  first.type("typed\n");
  await first.sees("typed\r\ntyped\r\n");

  const second = await listen(`${socket}2`);
  stack.defer(() => void second.child.kill());
  await host.left(["exec", "--tty", "--detach", "--console-socket", `${socket}2`, "one", "/payload", "terminal"]);
  await second.sees("name /dev/ptmx");
  await second.sees("1 1 1 ");
  await host.ok(["delete", "--force", "one"]);
  expect(await host.ok(["list", "-q"])).toBe("");
});
