// How long to wait before a server that died is started again, and when to give up. Pure.

const FIRST_MS = 500;
const MOST_MS = 30_000;
const TRIES = 5;
/** A server that lived this long was well: the next death is the first one again. */
const WELL_MS = 60_000;

export class Backoff {
  private deaths = 0;

  /**
   * Counts a death after `livedMs`; how long to wait now, or undefined to give up.
   */
  died(livedMs: number): number | undefined {
    if (livedMs > WELL_MS) {
      this.deaths = 0;
    }
    this.deaths += 1;
    if (this.deaths > TRIES) {
      return undefined;
    }
    return Math.min(FIRST_MS * 2 ** (this.deaths - 1), MOST_MS);
  }

  reset(): void {
    this.deaths = 0;
  }
}
