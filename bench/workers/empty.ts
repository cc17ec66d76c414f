/** What starts with nothing to start. */
export default { fetch: () => new Response() } satisfies ExportedHandler;
