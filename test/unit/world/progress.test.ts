import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { voiceOn, withProgress } from '../../../hack/world/binaries/progress.ts';

let written: string[];
const write = (text: string) => written.push(text);

beforeEach(() => {
  written = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Work that takes so long and tells how far it has come. */
async function work(output: Parameters<typeof voiceOn>[0], seconds: number, end: () => void = () => {}): Promise<void> {
  const startedAt = performance.now();
  const built = () => `built ${Math.floor((performance.now() - startedAt) / 1_000)}`;
  const takes = () => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000)).then(end);
  const running = withProgress(voiceOn(output), built, takes);
  const settled = Promise.allSettled([running]);
  await vi.advanceTimersByTimeAsync(seconds * 1_000);
  await settled;
  await running;
}

test('what takes less than three seconds is not mentioned', async () => {
  await work({ write }, 2);
  await work({ write, isTTY: true }, 2);
  expect(written).toEqual([]);
});

describe('in a pipe', () => {
  test('lines come every three seconds at first, later every ten, and the last one tells the whole time', async () => {
    await work({ write }, 60);
    const seconds = written.map((line) => Number(/(\d+) s\n$/.exec(line)?.[1]));
    expect(seconds.slice(0, 3)).toEqual([3, 6, 9]);
    const pauses = seconds.map((second, index) => second - (seconds[index - 1] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(10);
    expect(written[0]).toBe('world: built 3 ... 3 s\n');
    expect(written.at(-1)).toBe('world: built 60: done in 60 s\n');
    expect(written.length).toBeLessThan(12);
  });

  test('work that fails is told to have failed', async () => {
    const fail = () => {
      throw new Error('no compiler');
    };
    await expect(work({ write }, 4, fail)).rejects.toThrow('no compiler');
    expect(written.at(-1)).toMatch(/^world: built \d: failed after 4 s\n$/);
  });
});

test('on a terminal one line is rewritten each second, no wider than the terminal, and ends as a line', async () => {
  await work({ write, isTTY: true, columns: 20 }, 6);
  expect(written[0]).toBe('world: built 3 ... ');
  expect(written.slice(1).every((text) => text.startsWith('\r\u001b[K'))).toBe(true);
  expect(written).toHaveLength(4);
  expect(written.at(-1)).toBe('\r\u001b[Kworld: built 6: done in 6 s\n');
});
