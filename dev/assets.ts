/** Makes dist/assets, what the Worker serves as files: our own of assets/, and the viewer of the API reference. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const viewer = `${root}/node_modules/swagger-ui-dist`;
const output = `${root}/dist/assets`;

rmSync(output, { recursive: true, force: true });
cpSync(`${root}/assets`, output, { recursive: true });
for (const name of ["swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"]) {
  // Their source maps are not served, so a browser's tools must not ask for them.
  const text = readFileSync(`${viewer}/${name}`, "utf8").replace(/\n\/[/*]# sourceMappingURL=.*/, "");
  writeFileSync(`${output}/docs/${name}`, text);
}
