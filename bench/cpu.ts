/** The CPU time that the operating system accounts to a process, all its threads together. */
import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds, in user space and in the kernel. Linux only: other systems account too coarsely. */
export function cpuMilliseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e6;
}
