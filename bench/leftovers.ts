/** Nothing outlives the bench: processes, and up to a gigabyte in memory. SIGKILL alone leaves them. */
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

/** Has `remove` run at the end. What it gives runs it at once. */
export function atEnd(remove: () => void): () => void {
  leftovers.add(remove);
  return () => {
    leftovers.delete(remove);
    remove();
  };
}
