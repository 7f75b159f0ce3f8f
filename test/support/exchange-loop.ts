import { type ChildProcess, spawn } from "node:child_process";

/** renameat2(2) with RENAME_EXCHANGE, some hundred thousand times a second: what a container does that shares a volume with its victim. */
const program = `
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
first, second = (path.encode() for path in sys.argv[1:3])
print("ready", flush=True)
while True:
    libc.renameat2(-100, first, -100, second, 2)
`;

/** Exchanges two entries of one file system, over and over, until it is disposed of. */
export class ExchangeLoop implements AsyncDisposable {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(first: string, second: string): Promise<ExchangeLoop> {
    const child = spawn("python3", ["-c", program, first, second], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve, reject) => {
      child.stdout.once("data", resolve);
      child.once("exit", reject);
      child.once("error", reject);
    });
    return new ExchangeLoop(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }
}
