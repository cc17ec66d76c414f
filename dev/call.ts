/** Calls a JSON API. Rejects with the answer if it is not a success. */
export async function call(method: string, url: string, body?: unknown, bearer?: string) {
  const response = await fetch(url, {
    method,
    headers: {
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok)
    throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`);
  // biome-ignore lint/suspicious/noExplicitAny: its callers know what they called.
  return answer as any;
}
