/** Fresh secrets for a deployment, as the JSON that `wrangler deploy --secrets-file` and `wrangler secret bulk` take. */
import { freshSecrets } from "./fresh-secrets.ts";

process.stdout.write(`${JSON.stringify(await freshSecrets(), null, 2)}\n`);
