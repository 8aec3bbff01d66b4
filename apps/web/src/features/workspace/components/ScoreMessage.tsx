import { formatScore } from '@plumbline/ui';
import type { ReactNode } from 'react';

/** A table of more than this is a file: the rest is named and left out. */
const MOST_ROWS = 100;
const MOST_DEPTH = 4;

type Row = Record<string, unknown>;

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of records that have members in common is a table. */
function columnsOf(list: unknown[]): string[] | null {
  if (list.length === 0 || !list.every(isRecord)) return null;
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))];
  return columns.length > 0 && columns.length <= 8 ? columns : null;
}

function Cell({ value, depth }: { value: unknown; depth: number }): ReactNode {
  if (value === null || value === undefined) return <span className="text-muted">–</span>;
  if (typeof value === 'number') return formatScore(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  // Several lines are what a program printed, most often where it failed: their columns mean something.
  if (typeof value === 'string') return value.includes('\n') ? <span className="font-mono">{value}</span> : value;
  if (depth >= MOST_DEPTH) return JSON.stringify(value);
  if (Array.isArray(value)) return <List list={value} depth={depth + 1} />;
  return <Members record={value as Row} depth={depth + 1} />;
}

function Members({ record, depth }: { record: Row; depth: number }): ReactNode {
  const entries = Object.entries(record);
  if (entries.length === 0) return <span className="text-muted">–</span>;
  return (
    <table className="w-full border-collapse text-xs">
      <tbody>
        {entries.slice(0, MOST_ROWS).map(([key, value]) => (
          <tr key={key} className="align-top">
            <th scope="row" className="py-0.5 pr-3 text-left font-normal whitespace-nowrap text-muted">
              {key}
            </th>
            <td className="w-full py-0.5 wrap-anywhere whitespace-pre-wrap tabular-nums">
              <Cell value={value} depth={depth} />
            </td>
          </tr>
        ))}
      </tbody>
      {entries.length > MOST_ROWS ? (
        <caption className="caption-bottom text-left text-muted">{entries.length - MOST_ROWS} more</caption>
      ) : null}
    </table>
  );
}

function List({ list, depth }: { list: unknown[]; depth: number }): ReactNode {
  const columns = columnsOf(list);
  if (!columns) {
    if (list.every((item) => typeof item !== 'object' || item === null)) return list.map((item) => String(item)).join(', ');
    return <Members record={Object.fromEntries(list.map((item, index) => [String(index + 1), item]))} depth={depth} />;
  }
  return (
    <div className="overflow-x-auto">
      <table className="border-collapse text-xs">
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column}
                scope="col"
                className="border-b border-border py-0.5 pr-3 text-left font-medium whitespace-nowrap text-muted"
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(list as Row[]).slice(0, MOST_ROWS).map((row, index) => (
            <tr key={index} className="align-top">
              {columns.map((column) => (
                <td key={column} className="py-0.5 pr-3 wrap-anywhere tabular-nums">
                  <Cell value={row[column]} depth={depth} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {list.length > MOST_ROWS ? <caption className="caption-bottom text-left text-muted">{list.length - MOST_ROWS} more</caption> : null}
      </table>
    </div>
  );
}

/** A scorer's message, whatever it is, as something to read: text as it stands, JSON as tables. */
export function ScoreMessage({ message }: { message: unknown }): ReactNode {
  if (message === null || message === undefined || message === '') return null;
  if (isRecord(message) && Object.keys(message).length === 0) return null;
  if (typeof message === 'string') return <p className="text-xs break-words whitespace-pre-wrap">{message}</p>;
  return (
    <div className="text-xs" data-testid="score-message">
      <Cell value={message} depth={0} />
    </div>
  );
}
