import type { SetupFinding } from '@plumbline/core';
import { findingWords } from '../model/words.ts';

const SHOWN_MAX = 12;

export function FindingList({ findings }: { findings: readonly SetupFinding[] }) {
  const words = [...new Set(findings.map(findingWords))];
  return (
    <ul className="list-disc space-y-0.5 pl-4 wrap-anywhere">
      {words.slice(0, SHOWN_MAX).map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
      {words.length > SHOWN_MAX ? <li>and {words.length - SHOWN_MAX} more</li> : null}
    </ul>
  );
}
