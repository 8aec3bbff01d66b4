'use client';
import { ScrollBox } from '@plumbline/ui';
import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, type ReactNode, useMemo } from 'react';

/**
 * Markdown as React elements: nothing of the text ever becomes HTML, so whatever an environment's author or the sandbox
 * wrote stays text. Links lead to the web alone; images are named, not loaded.
 */
export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => lexer(text), [text]);
  return <div className="space-y-3 text-sm leading-6 break-words">{blocks(tokens)}</div>;
}

const HEADINGS = [
  'text-lg font-semibold',
  'text-base font-semibold',
  'text-sm font-semibold',
  'text-sm font-medium',
  'text-sm font-medium',
  'text-sm font-medium',
];

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

/** The lexer escapes some characters for HTML; React does that again, so here they become themselves. */
function plain(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}

function blocks(tokens: Token[]): ReactNode {
  return tokens.map((token, index) => <Fragment key={`${index}-${token.type}`}>{block(token)}</Fragment>);
}

function block(token: Token): ReactNode {
  switch (token.type) {
    case 'heading': {
      const heading = token as Tokens.Heading;
      // The page has its own first heading.
      const Tag = `h${Math.min(6, heading.depth + 1)}` as 'h2';
      return <Tag className={HEADINGS[heading.depth - 1]}>{inline(heading.tokens)}</Tag>;
    }
    case 'paragraph':
      return <p>{inline((token as Tokens.Paragraph).tokens)}</p>;
    case 'code':
      return (
        <ScrollBox className="overflow-x-auto rounded-md bg-surface-sunken p-3">
          <pre className="font-mono text-xs leading-5">{(token as Tokens.Code).text}</pre>
        </ScrollBox>
      );
    case 'blockquote':
      return (
        <blockquote className="space-y-2 border-l-2 border-border-strong pl-3 text-muted">
          {blocks((token as Tokens.Blockquote).tokens)}
        </blockquote>
      );
    case 'list': {
      const list = token as Tokens.List;
      const items = list.items.map((item, index) => (
        <li key={`${index}-${item.raw.length}`} className="pl-1">
          {item.task ? <input type="checkbox" checked={item.checked ?? false} readOnly disabled className="mr-2" /> : null}
          {blocks(item.tokens)}
        </li>
      ));
      return list.ordered ? (
        <ol start={Number(list.start) || 1} className="list-decimal space-y-1 pl-5">
          {items}
        </ol>
      ) : (
        <ul className="list-disc space-y-1 pl-5">{items}</ul>
      );
    }
    case 'table': {
      const table = token as Tokens.Table;
      return (
        <div className="overflow-x-auto">
          <table className="border-collapse text-xs [&_td]:border [&_td]:border-border [&_td]:px-2 [&_td]:py-1 [&_th]:border [&_th]:border-border [&_th]:px-2 [&_th]:py-1 [&_th]:text-left">
            <thead>
              <tr>
                {table.header.map((cell, index) => (
                  <th key={`${index}-${cell.text}`}>{inline(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, rowIndex) => (
                <tr key={`${rowIndex}-${row.length}`}>
                  {row.map((cell, index) => (
                    <td key={`${index}-${cell.text}`}>{inline(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case 'hr':
      return <hr className="border-border" />;
    case 'space':
    case 'def':
      return null;
    case 'text': {
      const text = token as Tokens.Text;
      return text.tokens ? inline(text.tokens) : plain(text.text);
    }
    default:
      return <p>{token.raw}</p>;
  }
}

function inline(tokens: Token[] | undefined): ReactNode {
  return (tokens ?? []).map((token, index) => <Fragment key={`${index}-${token.type}`}>{span(token)}</Fragment>);
}

function span(token: Token): ReactNode {
  switch (token.type) {
    case 'strong':
      return <strong className="font-semibold">{inline((token as Tokens.Strong).tokens)}</strong>;
    case 'em':
      return <em>{inline((token as Tokens.Em).tokens)}</em>;
    case 'del':
      return <del>{inline((token as Tokens.Del).tokens)}</del>;
    case 'codespan':
      return <code className="rounded bg-surface-sunken px-1 font-mono text-xs">{plain((token as Tokens.Codespan).text)}</code>;
    case 'br':
      return <br />;
    case 'link': {
      const link = token as Tokens.Link;
      if (!/^https?:\/\//i.test(link.href)) return inline(link.tokens);
      return (
        <a href={link.href} target="_blank" rel="noopener noreferrer" className="text-accent underline underline-offset-2">
          {inline(link.tokens)}
        </a>
      );
    }
    case 'image':
      return <span className="text-muted">[image: {(token as Tokens.Image).text}]</span>;
    case 'text': {
      const text = token as Tokens.Text;
      return text.tokens ? inline(text.tokens) : plain(text.text);
    }
    case 'escape':
      return plain((token as Tokens.Escape).text);
    default:
      return token.raw;
  }
}
