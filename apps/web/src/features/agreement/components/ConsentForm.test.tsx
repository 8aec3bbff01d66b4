import { CONSENTS, type Consents } from '@plumbline/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { ConsentForm } from './ConsentForm.tsx';

const ANSWERS = { ...Object.fromEntries(CONSENTS.map((consent) => [consent, true])), quotation: false } as Consents;

/** What stands in the form: each radio, and whether it is chosen. */
function radios(given: Consents | null, hasStarted: boolean): boolean[] {
  const version = { versionId: 'v', contact: 'ana@example.org' };
  const markup = renderToStaticMarkup(
    <QueryClientProvider client={new QueryClient()}>
      <ConsentForm attemptId="a" version={version} given={given} hasStarted={hasStarted} submitLabel="Keep" onAnswered={() => {}} />
    </QueryClientProvider>,
  );
  return [...markup.matchAll(/<input type="radio"[^>]*>/g)].map(([radio]) => radio.includes('checked'));
}

it('nothing is chosen for anybody, and every consent is a question that has to be answered', () => {
  expect(radios(null, false)).toEqual(Array.from({ length: 2 * CONSENTS.length }, () => false));
  expect(radios(null, true)).toHaveLength(2 * CONSENTS.length);
});

it('what was answered is shown as it was, and what an attempt was done under is not asked again after its start', () => {
  expect(radios(ANSWERS, false).filter(Boolean)).toHaveLength(CONSENTS.length);
  expect(radios(ANSWERS, true)).toEqual([true, false, true, false, true, false, false, true]);
});
