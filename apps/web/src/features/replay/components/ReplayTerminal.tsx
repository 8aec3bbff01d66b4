'use client';
import type { ScreenStep } from '@plumbline/screens';
import { useEffect, useRef } from 'react';
import { terminalPreferences } from '../../workspace/model/terminalPreferences.ts';
import { TerminalView } from '../../workspace/model/terminalView.ts';
import type { Player } from '../model/player.ts';
import { tailOf } from '../model/terminalState.ts';

/** A recorded terminal, drawn by a real one at the recorded size; its answers to queries go nowhere. */
export function ReplayTerminal({
  player,
  terminal,
  begunAnew,
  found,
  onDrawn,
}: {
  player: Player;
  terminal: number;
  /** What was on the screen before it is missing. */
  begunAnew: boolean;
  /** What is to be marked in it, once for each object. */
  found: { text: string } | null;
  onDrawn: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const drawnBy = useRef<TerminalView | null>(null);
  useEffect(() => {
    if (!host.current) return undefined;
    const view = new TerminalView({
      ...terminalPreferences(),
      readOnly: true,
      copiesOnSelection: () => false,
    });
    view.linkClicked.on((url) => {
      if (window.confirm(`Open this link from the recording in a new tab?\n\n${url}`)) window.open(url, '_blank', 'noopener,noreferrer');
    });
    let drawings = 0;
    view.drawn.on(() => {
      drawings += 1;
      if (host.current) host.current.dataset.drawings = String(drawings);
      onDrawn();
    });
    const draw = (step: ScreenStep) => {
      if (step.kind === 'resize') view.resizedTo(step.cols, step.rows);
      else view.output(step.offset, step.bytes);
    };
    const redraw = () => {
      const state = player.store.get().terminals.get(terminal);
      if (!state) return;
      view.restore(state.base, () => {
        for (const step of tailOf(state)) draw(step);
      });
    };
    redraw();
    const stop = player.terminalNews.on((news) => {
      if (news.terminal !== terminal) return;
      if (news.step === 'redraw') redraw();
      else draw(news.step);
    });
    view.attach(host.current);
    drawnBy.current = view;
    return () => {
      drawnBy.current = null;
      stop();
      view.dispose();
    };
  }, [player, terminal, onDrawn]);
  useEffect(() => {
    if (found !== null) drawnBy.current?.reveal(found.text);
  }, [found]);
  return (
    <div className="flex h-full min-w-0 flex-1 flex-col overflow-hidden" data-testid={`replay-terminal-${terminal}`}>
      {begunAnew ? (
        <p role="note" className="border-b border-border px-3 py-1 text-xs text-muted">
          Begun anew after a stretch that is not shown: what was on the screen before is missing.
        </p>
      ) : null}
      <div className="relative min-h-0 flex-1">
        <div ref={host} className="absolute inset-0 m-1" />
      </div>
    </div>
  );
}
