/**
 * `npm run release-fixture -- [checkout]`: stores the release that a checkout makes (by default this one), from which
 * test/e2e/upgrade.test.ts upgrades. Another run on the same commit changes nothing.
 */
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildRelease, lastReleasePath, originOf, packed } from "./release.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const checkout = realpathSync(process.argv[2] ?? root);
const about = originOf(checkout);
const release = { "about.json": `${JSON.stringify(about, null, 2)}\n`, ...(await buildRelease(checkout)) };
for (const [path, text] of Object.entries(release)) {
  if (text.includes(checkout)) throw new Error(`${path} has this machine's path ${checkout}`);
}
const file = packed(release);
writeFileSync(join(root, lastReleasePath), file);
process.stdout.write(
  `${about.version} of commit ${about.commit}: ${file.length} bytes in ${lastReleasePath}\n`,
);
