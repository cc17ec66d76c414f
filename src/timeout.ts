/** A timeout of {@link withTimeout} elapsed. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** What `promise` gives, or a rejection with {@link TimeoutError}. The call goes on; only the waiting for it ends. */
export function withTimeout<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError(`no answer in ${milliseconds} ms`)), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
