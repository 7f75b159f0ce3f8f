import { sendSignal } from "../kernel/send-signal.ts";
import type { StartedProcess } from "../runtime/start-process.ts";

/** Those that end a process or ask something of it, except what the kernel or the terminal means for us alone. */
const forwarded = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGVTALRM: 26,
} as const;

/** Takes this process's signals from now on; those that come before the other process is there are passed on once it is. */
export class SignalForwarder {
  readonly #waiting: number[] = [];
  #pass: (signal: number) => void = (signal) => void this.#waiting.push(signal);

  constructor() {
    for (const [name, number] of Object.entries(forwarded)) process.on(name as keyof typeof forwarded, () => this.#pass(number));
  }

  /** @returns the process's exit code, 128 + n for a signal; 255 when nobody can tell it any more */
  async follow(started: StartedProcess, launcher: string): Promise<number> {
    const reference = { pid: started.pid, startTime: started.startTime };
    this.#pass = (signal) => void sendSignal(launcher, reference, signal);
    for (const signal of this.#waiting.splice(0)) this.#pass(signal);
    const leaveTerminal = started.tty ? (await import("./terminal.ts")).joinTerminals(started) : undefined;
    const end = await started.connection.ended;
    leaveTerminal?.();
    await started.connection.finish();
    if (end === null) return 255;
    const signal = end.waitStatus & 0x7f;
    return signal === 0 ? (end.waitStatus >> 8) & 0xff : 128 + signal;
  }
}
