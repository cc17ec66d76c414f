/**
 * Milliseconds since it was started, by whichever clock says more: a machine's own may be set back, and the other may
 * stand still while the machine sleeps. A token is thought older than it is rather than younger.
 */
export function startStopwatch(): () => number {
  const [wall, monotonic] = [Date.now(), performance.now()];
  return () => Math.max(Date.now() - wall, performance.now() - monotonic);
}
