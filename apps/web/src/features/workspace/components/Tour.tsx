'use client';
import { Button } from '@plumbline/ui';
import { useEffect, useId, useRef, useState } from 'react';
import { KEEPS_FOCUS } from '../model/keptFocus.ts';
import { type Box, CARD, cardPlace, GAP } from '../model/tourPlace.ts';

/** What there is to know before the first real attempt: a part of the page, and what it is for. */
const STEPS: readonly { at: string; title: string; text: string }[] = [
  {
    at: '[data-testid="tab-instructions"]',
    title: 'The task',
    text: 'Instructions open with the clock: reading is work. They are hidden while the attempt is paused.',
  },
  {
    at: '[data-testid="tab-files"]',
    title: 'Your files',
    text: 'They are in the sandbox. Drop files here to upload them, drag to move, right-click for more. Search looks through all of them.',
  },
  {
    at: 'section[aria-label="Editor"]',
    title: 'The editor',
    text: 'It knows the keys of VS Code and understands Python. What is not saved yet comes back after a reload.',
  },
  {
    at: 'section[aria-label="Terminal panel"]',
    title: 'Terminals',
    text: 'They run in the sandbox and go on when this page is closed. A link to a page of the sandbox opens it, as Ports does.',
  },
  {
    at: '[data-testid="tab-score"]',
    title: 'Scores',
    text: 'Score as often as you like: the same scorer judges you and the AI agents. Each score is kept with its time.',
  },
  {
    at: '[data-testid="pause"]',
    title: 'The clock',
    text: 'It runs until you pause, submit or the time is up, whether this page is open or not. A pause stops your programs too.',
  },
  {
    at: '[data-testid="tab-help"]',
    title: 'Notes and help',
    text: 'Write down what you try in Notes, AI tools included. Report in Help what does not work: staff sees it at once and answers there.',
  },
  {
    at: '[data-testid="commands"]',
    title: 'Everything else',
    text: 'All commands and their keys are here, this tour too. Panels can be resized, hidden, and dragged elsewhere by their tabs.',
  },
];

interface Spot {
  part: Box;
  /** The group of panels, where the part is a panel's tab. */
  group: Box | null;
}

function boxOf(element: Element | null | undefined): Box | null {
  const box = element?.getBoundingClientRect();
  return box && box.width > 0 ? { left: box.left, top: box.top, width: box.width, height: box.height } : null;
}

function spotOf(selector: string): Spot | null {
  const element = document.querySelector(selector);
  const part = boxOf(element);
  return part && { part, group: element?.role === 'tab' ? boxOf(element.closest('[data-tabset]')) : null };
}

/** A walk through the workspace: a few words beside each part, while everything can be used. */
export function Tour({ onEnd }: { onEnd: () => void }) {
  const [at, setAt] = useState(0);
  const [spot, setSpot] = useState<Spot | null>(null);
  const title = useId();
  const next = useRef<HTMLButtonElement>(null);
  const step = STEPS[at] as (typeof STEPS)[number];
  const isLast = at === STEPS.length - 1;

  useEffect(() => {
    const place = () => setSpot(spotOf(step.at));
    place();
    // Panels change their size without the window doing so.
    const watch = new ResizeObserver(place);
    const part = document.querySelector(step.at);
    const group = part?.closest('[data-tabset]');
    if (part) watch.observe(part);
    if (group) watch.observe(group);
    window.addEventListener('resize', place);
    return () => {
      watch.disconnect();
      window.removeEventListener('resize', place);
    };
  }, [step]);

  useEffect(() => next.current?.focus(), []);

  return (
    <>
      {spot ? <div aria-hidden className="pointer-events-none fixed z-40 rounded ring-2 ring-accent" style={spot.part} /> : null}
      <div
        {...KEEPS_FOCUS}
        role="dialog"
        aria-labelledby={title}
        data-testid="tour"
        className="fixed z-50 space-y-3 rounded-md border border-border bg-surface-raised p-4 shadow-raised"
        style={{
          width: CARD.width,
          ...(spot ? cardPlace(spot.part, spot.group, { width: innerWidth, height: innerHeight }) : { left: GAP, bottom: GAP }),
        }}
        onKeyDown={(event) => event.key === 'Escape' && onEnd()}
      >
        <h2 id={title} className="text-sm font-semibold">
          {step.title}
        </h2>
        <p className="text-sm text-muted" aria-live="polite">
          {step.text}
        </p>
        <div className="flex items-center gap-2">
          <span className="flex-1 text-xs text-muted tabular-nums">
            {at + 1} of {STEPS.length}
          </span>
          {isLast ? null : (
            <Button size="sm" variant="ghost" onClick={onEnd}>
              Skip the tour
            </Button>
          )}
          {at > 0 ? (
            <Button size="sm" onClick={() => setAt(at - 1)}>
              Back
            </Button>
          ) : null}
          <Button ref={next} size="sm" variant="primary" data-testid="tour-next" onClick={() => (isLast ? onEnd() : setAt(at + 1))}>
            {isLast ? 'Done' : 'Next'}
          </Button>
        </div>
      </div>
    </>
  );
}
