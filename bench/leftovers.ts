/** Nothing outlives the bench, however it ends. */
const leftovers = new Set<() => void>();

process.once("exit", () => {
  for (const remove of leftovers) remove();
});

/** Has `remove` run at the end. What it gives runs it at once. */
export function atEnd(remove: () => void): () => void {
  leftovers.add(remove);
  return () => {
    leftovers.delete(remove);
    remove();
  };
}
