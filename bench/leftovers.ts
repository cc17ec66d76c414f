/** Removes the bench's processes and its files (up to a gigabyte in memory) at its end. Only SIGKILL leaves them. */
const leftovers = new Set<() => void>();

process.once("exit", () => {
  for (const remove of leftovers) remove();
});

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => process.exit(status));
}

/** Runs `remove` at the end. The returned function runs it at once. */
export function atEnd(remove: () => void): () => void {
  leftovers.add(remove);
  return () => {
    leftovers.delete(remove);
    remove();
  };
}
