export type Value = string | number | null;

/** A row as D1 returns it, by column name. */
export type Row = Readonly<Record<string, Value>>;

/** A statement, or a part of one, with the values that it binds. Only this module makes one from text. */
class Sql<T = unknown> {
  readonly text: string;
  readonly values: readonly Value[];
  readonly read: (row: Row) => T;

  constructor(text: string, values: readonly Value[], read: (row: Row) => T) {
    this.text = text;
    this.values = values;
    this.read = read;
  }

  /** The same statement with another function that reads its rows. */
  as<U>(read: (row: Row) => U): Sql<U> {
    return new Sql(this.text, this.values, read);
  }

  /** Binds the values of one call to a statement that was made once, with `?1`, `?2` and so on. */
  bind(...values: Value[]): Sql<T> {
    return new Sql(this.text, values, this.read);
  }
}

export type { Sql };

export function isSql(part: unknown): part is Sql {
  return part instanceof Sql;
}

/**
 * SQL from a template. An inserted part is SQL from this module, or a value. A value is always bound, so no string
 * becomes part of the text. `T` is the type of a row whose columns and values are used as D1 returns them.
 */
export function sql<T = Row>(texts: TemplateStringsArray, ...parts: (Sql | Value)[]): Sql<T> {
  let text = texts[0] ?? "";
  const values: Value[] = [];
  for (const [index, part] of parts.entries()) {
    const made = part instanceof Sql ? part : { text: "?", values: [part] };
    text += made.text + texts[index + 1];
    values.push(...made.values);
  }
  return new Sql(text, values, (row) => row as T);
}

/** The name of a table or column. Throws for any other text. */
export function identifier(name: string): Sql {
  if (!/^[a-z_]+$/.test(name)) throw new TypeError(`'${name}' is not a name of a table or column`);
  return new Sql(name, [], (row) => row);
}

/** The parts, with commas between them. */
export function list(parts: readonly Sql[]): Sql {
  return parts.reduce((all, part) => sql`${all}, ${part}`);
}
