/**
 * Milliseconds since the start, by the clock that says more: the machine's clock may be set back, and the monotonic one
 * may stop while the machine sleeps. An error makes a token look older, never younger.
 */
export function startStopwatch(): () => number {
  const [wall, monotonic] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - monotonic);
}
