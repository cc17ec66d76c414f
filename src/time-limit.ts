/** Rejects {@link within} a limit that passed. */
export class TooLate extends Error {
  override readonly name = "TooLate";
}

/** What `promise` gives, or a rejection with {@link TooLate}. What was asked goes on; only the waiting ends. */
export function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TooLate(`no answer in ${milliseconds} ms`)), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
