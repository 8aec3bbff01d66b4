import { ScrollBox } from '@plumbline/ui';
import { Markdown } from '../../workspace/components/Markdown.tsx';
import { shortHash } from '../model/words.ts';

/** A version's text in a box of its own, with what it is known by. */
export function AgreementText({ n, text, hash }: { n: number; text: string; hash: string }) {
  return (
    <div className="space-y-2">
      <ScrollBox
        role="region"
        aria-label={`Text of version ${n}`}
        className="max-h-72 overflow-y-auto rounded-md border border-border bg-surface-sunken px-4 py-3"
      >
        <Markdown text={text} />
      </ScrollBox>
      <p className="text-xs text-muted">
        Version {n}, SHA-256{' '}
        <code className="font-mono" title={hash}>
          {shortHash(hash)}
        </code>
      </p>
    </div>
  );
}
