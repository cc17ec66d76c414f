/**
 * The Worker's remotes: D1 and KV, in a process of their own, so that no figure includes their work. Real SQLite
 * answers the protocol of the runtime's own D1 binding; KV is a map.
 */
import { DurableObject } from "cloudflare:workers";

interface RemoteEnv {
  /** Delays of answers, in milliseconds. */
  DELAYS: { kv: number; d1: number };
  DATABASES: DurableObjectNamespace<Database>;
}

interface Query {
  readonly sql: string;
  readonly params?: (string | number | null)[] | null;
}

/** One database, by name. */
export class Database extends DurableObject<RemoteEnv> {
  #rows = { read: 0, written: 0 };

  /** Rows since the last call. */
  takeRows(): { read: number; written: number } {
    const rows = this.#rows;
    this.#rows = { read: 0, written: 0 };
    return rows;
  }

  override async fetch(request: Request): Promise<Response> {
    const queries: Query | Query[] = await request.json();
    const inRows = new URL(request.url).searchParams.get("resultsFormat") === "ROWS_AND_COLUMNS";
    try {
      const results = this.ctx.storage.transactionSync(() =>
        (Array.isArray(queries) ? queries : [queries]).map((query) => this.#run(query, inRows)),
      );
      return Response.json(results);
    } catch (error) {
      return Response.json({ success: false, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #run({ sql, params }: Query, inRows: boolean) {
    const cursor = this.ctx.storage.sql.exec(sql, ...(params ?? []));
    const columns = cursor.columnNames;
    const rows = [...cursor.raw()];
    this.#rows.read += cursor.rowsRead;
    this.#rows.written += cursor.rowsWritten;
    return {
      success: true,
      results: inRows
        ? { columns, rows }
        : rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))),
      meta: {
        duration: 0,
        changes: cursor.rowsWritten,
        last_row_id: 0,
        changed_db: cursor.rowsWritten > 0,
        size_after: this.ctx.storage.sql.databaseSize,
        rows_read: cursor.rowsRead,
        rows_written: cursor.rowsWritten,
      },
    };
  }
}

const values = new Map<string, string>();

async function answerKv(request: Request): Promise<Response> {
  const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
  switch (request.method) {
    case "PUT":
      values.set(key, await request.text());
      return new Response();
    case "DELETE":
      values.delete(key);
      return new Response();
    default: {
      const value = values.get(key);
      return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
    }
  }
}

/** The database of a binding, if it is not the one of its own name. */
const led = new Map<string, string>();

export default {
  async fetch(request, env) {
    const binding = request.headers.get("x-bench-database");
    const delay = binding === null ? env.DELAYS.kv : env.DELAYS.d1;
    // The whole call takes that long: workerd's timers take a millisecond more than set, the transport two.
    if (delay > 0) await scheduler.wait(delay - 3);
    if (binding === null) return answerKv(request);
    const database = env.DATABASES.getByName(led.get(binding) ?? binding);
    switch (new URL(request.url).pathname) {
      case "/lead":
        led.set(binding, await request.text());
        return new Response();
      case "/rows":
        return Response.json(await database.takeRows());
      default:
        return database.fetch(request);
    }
  },
} satisfies ExportedHandler<RemoteEnv>;
