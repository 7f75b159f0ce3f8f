import { expect, test } from "bun:test";
import { delay } from "../core/delay.ts";
import { Watchdog } from "./watchdog.ts";

async function stallsWithin(work: (watchdog: Watchdog) => Promise<void>, windowMs = 60): Promise<boolean> {
  let stalled = false;
  using watchdog = new Watchdog(windowMs, 10, () => (stalled = true));
  await work(watchdog);
  return stalled;
}

test("Watchdog barks when nothing comes", async () => {
  expect(await stallsWithin(() => delay(200))).toBe(true);
});

test("Watchdog barks when next to nothing comes", async () => {
  const trickle = async (watchdog: Watchdog): Promise<void> => {
    for (let time = 0; time < 40; time++) {
      watchdog.wait();
      await delay(5);
      watchdog.progress(0.1);
    }
    watchdog.wait();
    await delay(20);
  };
  expect(await stallsWithin(trickle)).toBe(true);
});

test("Watchdog is quiet while enough comes, and while nobody waits", async () => {
  const enough = async (watchdog: Watchdog): Promise<void> => {
    for (let time = 0; time < 70; time++) {
      watchdog.wait();
      await delay(10);
      watchdog.progress(10);
    }
  };
  expect(await stallsWithin(enough, 500)).toBe(false);
  const slowReader = async (watchdog: Watchdog): Promise<void> => {
    watchdog.progress(1);
    await delay(200);
  };
  expect(await stallsWithin(slowReader, 60)).toBe(false);
});
