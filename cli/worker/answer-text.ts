/** Far more than a page of a hundred of anything. */
const maxBytes = 32 * 1024 * 1024;

/** The text of an answer. Rejects if there is too much of it: what never ends must not fill the memory. */
export async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`its answer is longer than ${maxBytes / 1024 / 1024} MiB`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
