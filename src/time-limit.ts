/** Rejects {@link within} a limit that passed. */
export class TooLate extends Error {
  override readonly name = "TooLate";
}

/** What `promise` gives, or a rejection with {@link TooLate}. What was asked goes on; only the waiting ends. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate(`no answer in ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
