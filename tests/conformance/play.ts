/**
 * Runs statements in order on a database of the package and writes down what each one said.
 *
 * Cells are written with what they are in front: `i` integer, `r` real, `d` a whole number of either
 * kind, `t` text, `b` bytes in hex, `-` null.
 */

/** A statement to run. */
export interface Statement {
  /** `query()` where its rows are wanted, `execute()` else. */
  kind: 'statement' | 'query';
  sql: string;
  /** Whether its rows come in an order of their own. */
  ordered?: boolean;
}

/** What a statement said. */
export type Outcome = { rows: string[][] } | { error: string; message: string };

/** What to play, and on which storage. */
export interface Play {
  storage: 'opfs' | 'memory';
  statements: readonly Statement[];
}

/** Runs in a page too, where it sees nothing but its argument and the globals of the page. */
export async function play({ storage, statements }: Play): Promise<Outcome[]> {
  const cellOf = (value: unknown, type: string): string => {
    switch (typeof value) {
      case 'string': return `t${value}`;
      case 'bigint': return `i${value}`;
      case 'number':
        if (!Number.isInteger(value) || type === 'real') return `r${Object.is(value, -0) ? '-0' : value}`;
        return `${type === 'integer' ? 'i' : 'd'}${Object.is(value, -0) ? '-0' : value}`;
      default: return value === null ? '-' : `b${[...value as Uint8Array].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    }
  };
  const name = 'conformance';
  const db = await lotwise.open({ name, storage, datasets: [] });
  try {
    const outcomes: Outcome[] = [];
    for (const { kind, sql } of statements) {
      try {
        if (kind === 'statement') {
          await db.execute(sql);
          outcomes.push({ rows: [] });
          continue;
        }
        const result = await db.query(sql);
        const columns = result.columns.map(({ type }, i) => [...result.column(i)].map((value) => cellOf(value, type)));
        outcomes.push({ rows: Array.from({ length: result.rowCount }, (_, row) => columns.map((column) => column[row]!)) });
      } catch (error) {
        if (!(error instanceof lotwise.LotwiseError) || error.code === 'INTERNAL' || error.code === 'WORKER_LOST') throw error;
        outcomes.push({ error: error.code, message: error.message });
      }
    }
    return outcomes;
  } finally {
    await db.close();
    if (storage === 'opfs') await lotwise.remove(name);
  }
}
