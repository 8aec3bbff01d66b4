'use client';
import { Alert, Spinner, Tabs, TabsContent, TabsList, TabsTrigger } from '@plumbline/ui';
import { type ComponentType, useEffect, useState } from 'react';
import { ClockPanel } from './ClockPanel.tsx';
import { HelpPanel } from './HelpPanel.tsx';
import { Markdown } from './Markdown.tsx';
import { Notes } from './Notes.tsx';
import { PortsPanel } from './PortsPanel.tsx';
import { ScorePanel } from './ScorePanel.tsx';
import { ScrollBox } from './ScrollBox.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

function Instructions() {
  const session = useSession();
  const { connection } = useSessionState();
  const [markdown, setMarkdown] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const isOpen = connection.kind === 'open';
  useEffect(() => {
    if (!isOpen || markdown !== null) return undefined;
    let gone = false;
    session.ask('instructions', {}).then(
      (answer) => !gone && setMarkdown(answer.markdown),
      (caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The instructions could not be read.'),
    );
    return () => {
      gone = true;
    };
  }, [session, isOpen, markdown]);
  if (markdown !== null) {
    return (
      <ScrollBox className="h-full overflow-auto p-4" data-testid="instructions">
        <Markdown text={markdown} />
      </ScrollBox>
    );
  }
  if (error)
    return (
      <Alert tone="warning" className="m-3">
        {error}
      </Alert>
    );
  return <Spinner label="Reading the instructions" className="p-4" />;
}

export type SideTab = 'instructions' | 'score' | 'notes' | 'clock' | 'ports' | 'help';

const TABS: { id: SideTab; label: string; Content: ComponentType }[] = [
  { id: 'instructions', label: 'Instructions', Content: Instructions },
  { id: 'score', label: 'Score', Content: ScorePanel },
  { id: 'notes', label: 'Notes', Content: Notes },
  { id: 'clock', label: 'Clock', Content: ClockPanel },
  { id: 'ports', label: 'Ports', Content: PortsPanel },
  { id: 'help', label: 'Help', Content: HelpPanel },
];

/** What is beside the work: the task's text, scoring, notes, and the clock in full. */
export function SidePanel({ tab, onTab }: { tab: SideTab; onTab: (tab: SideTab) => void }) {
  const session = useSession();
  const { unread } = useSessionState();
  return (
    <Tabs
      value={tab}
      onValueChange={(next) => {
        onTab(next as SideTab);
        session.panelFocused(next);
      }}
      className="flex h-full flex-col bg-surface"
    >
      <TabsList className="h-8 shrink-0 gap-0 overflow-x-auto px-1" aria-label="Beside the work">
        {TABS.map(({ id, label }) => (
          <TabsTrigger key={id} value={id} className="px-1.5 text-xs" data-testid={`tab-${id}`}>
            {label}
            {id === 'help' && unread > 0 ? (
              <span className="rounded-full bg-accent px-1.5 text-xs text-accent-foreground tabular-nums" data-testid="unread">
                {unread}
                <span className="sr-only"> new</span>
              </span>
            ) : null}
          </TabsTrigger>
        ))}
      </TabsList>
      {TABS.map(({ id, Content }) => (
        <TabsContent key={id} value={id} className="min-h-0 flex-1">
          <Content />
        </TabsContent>
      ))}
    </Tabs>
  );
}
