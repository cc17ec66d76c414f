/** Makes dist/assets, what the Worker serves as files: our own of assets/, the viewer of the API reference, and its document. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const viewer = `${root}/node_modules/swagger-ui-dist`;
const output = `${root}/dist/assets`;

/** The routes import what workerd alone has. They are not run here, so that is empty. */
async function documentText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${root}/dev/openapi.ts`],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    plugins: [
      {
        name: "workerd",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^cloudflare:workers$/ }, ({ path }) => ({ path, namespace: "workerd" }));
          onLoad({ filter: /./, namespace: "workerd" }, () => ({ contents: "export const env = {};" }));
        },
      },
    ],
  });
  const code = outputFiles[0]?.text ?? "";
  const { openApiDocument } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return JSON.stringify(openApiDocument());
}

rmSync(output, { recursive: true, force: true });
cpSync(`${root}/assets`, output, { recursive: true });
for (const name of ["swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"]) {
  // Their source maps are not served, so browsers must not request them.
  const text = readFileSync(`${viewer}/${name}`, "utf8").replace(/\n\/[/*]# sourceMappingURL=.*/, "");
  writeFileSync(`${output}/docs/${name}`, text);
}
writeFileSync(`${output}/openapi.json`, await documentText());
