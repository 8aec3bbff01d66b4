'use client';
import { Fragment, type Key, type ReactNode } from 'react';
import { Group, Panel } from 'react-resizable-panels';
import { type BarPanel, paneShares, withPaneShares } from '../model/paneShares.ts';
import { choose, preferences } from '../model/preferences.ts';
import { DockSeparator } from './Dock.tsx';

/** Less than this shows nothing of a text. */
const NARROWEST = '100px';

/** What a group of panes calls them. */
const idOf = (of: BarPanel, at: number) => `panes-${of}-${at}`;
const layoutOf = (of: BarPanel, shares: readonly number[]) => Object.fromEntries(shares.map((share, at) => [idOf(of, at), share]));

/** Panes beside each other, parted by dividers that are moved by pointer or arrow keys. How wide they are is kept with the layout. */
export function Panes({ of, panes }: { of: BarPanel; panes: readonly { key: Key; content: ReactNode }[] }) {
  const count = panes.length;
  return (
    <Group
      id={`panes-${of}`}
      orientation="horizontal"
      className="min-h-0 flex-1"
      // Also where panes come or go: those that stay are not drawn anew.
      defaultLayout={layoutOf(of, paneShares(preferences.get().layout, of, count))}
      onLayoutChanged={(laid, { isUserInteraction, requestedLayout = laid }) => {
        if (!isUserInteraction) return;
        const widths = panes.map((_, at) => requestedLayout[idOf(of, at)] ?? 0);
        choose({ layout: withPaneShares(preferences.get().layout, of, widths) });
      }}
    >
      {panes.map(({ key, content }, at) => (
        <Fragment key={idOf(of, at)}>
          {at > 0 ? <DockSeparator orientation="horizontal" label="Width of the panes" /> : null}
          <Panel id={idOf(of, at)} minSize={NARROWEST} className="relative h-full overflow-hidden">
            <Fragment key={key}>{content}</Fragment>
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}
