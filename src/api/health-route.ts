import * as z from "zod";
import { defineRoute } from "../http/route.ts";

/**
 * Touches nothing, so that it says only that the Worker runs, and by which clock: a client whose own is wrong finds it
 * out here. At the edge Cloudflare sets the date itself.
 */
export const healthRoute = defineRoute(
  {
    method: "get",
    path: "/health",
    tags: ["Service"],
    operationId: "getHealth",
    summary: "Ask whether the Worker runs",
    responses: () => ({
      200: {
        description: "The Worker runs",
        content: {
          "application/json": {
            schema: z.strictObject({ status: z.literal("ok") }),
            example: { status: "ok" },
          },
        },
      },
    }),
  },
  (c) => c.json({ status: "ok" as const }, 200, { date: new Date().toUTCString() }),
);
