/** The API reference: Swagger UI on this Worker's own description, in the colours that the reader's system asks for. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followSystem();
dark.addEventListener("change", followSystem);

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  // The schemas are with the operations that use them.
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  // This layout shows no validator's badge. One that did would ask a host elsewhere for it.
  validatorUrl: null,
  // The one whose colours all have contrast.
  syntaxHighlight: { theme: "tomorrow-night" },
});
