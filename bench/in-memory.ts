/**
 * The Worker's storage in its own memory, as a peer has it: modules for `wrapped` bindings in front of those of the
 * same name. D1 and KV answer each login as they answered the first; the ledger records nothing.
 */
export const inMemory: Readonly<Record<string, string>> = {
  // A login makes one query, so its bound values identify the answer.
  DB: `export default ({ DB }) => {
    const answers = new Map();
    const query = async (sql, values) => {
      const key = values.join();
      let answer = answers.get(key);
      if (answer === undefined) {
        answer = await DB.withSession("first-unconstrained").prepare(sql).bind(...values).all();
        answers.set(key, answer);
      }
      return answer;
    };
    const prepare = (sql) => ({ bind: (...values) => ({ all: () => query(sql, values) }) });
    return { withSession: () => ({ prepare }) };
  };`,
  DIRECTORY: `export default ({ DIRECTORY }) => {
    const values = new Map();
    return {
      async get(key) {
        let value = values.get(key);
        if (value === undefined) {
          value = await DIRECTORY.get(key);
          if (value !== null) values.set(key, value);
        }
        return value;
      },
    };
  };`,
  LEDGER: `export default () => {
    const stub = {
      recordLogin: async ({ event }) => ({
        recorded: true,
        presentations: { count: 1, firstAt: event.at, firstIp: event.ip },
      }),
    };
    return { getByName: () => stub };
  };`,
};
