'use client';
import type { EventType } from '@plumbline/protocol';
import { EmptyState, Spinner, TooltipProvider } from '@plumbline/ui';
import { CirclePause, Eye, FileCode, Film } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { applyEditorEvent, NO_EDITORS } from '../../replay/model/editorText.ts';
import { ClosedScreen } from './Banners.tsx';
import { ReadOnlyEditor } from './ReadOnlyEditor.tsx';
import { SidePanel, type SideTab } from './SidePanel.tsx';
import { TerminalArea } from './TerminalArea.tsx';
import { TopBar } from './TopBar.tsx';
import { SessionProvider, useAttemptSession, useSession, useSessionState } from './useAttemptSession.ts';

const SEPARATOR = 'bg-border hover:bg-accent';

export function WatchScreen({ attemptId }: { attemptId: string }) {
  const session = useAttemptSession(attemptId, 'watch');
  if (!session) return <Spinner label="Opening the view" className="p-4" />;
  return (
    <SessionProvider value={session}>
      <TooltipProvider>
        <Watching attemptId={attemptId} />
      </TooltipProvider>
    </SessionProvider>
  );
}

function ActiveFile() {
  const session = useSession();
  const [editors, setEditors] = useState(NO_EDITORS);
  useEffect(
    () => session.editorEvent.on(({ type, data }) => setEditors((state) => applyEditorEvent(state, type as EventType, data))),
    [session],
  );
  const shown = editors.active === null ? undefined : editors.documents.get(editors.active);
  if (!shown) {
    return (
      <EmptyState icon={<FileCode aria-hidden />} title="No file seen yet">
        The file that the participant edits is shown from the moment it is opened, or at the next whole text of it in the recording.
      </EmptyState>
    );
  }
  return (
    <div className="flex h-full flex-col">
      <p className="h-6 shrink-0 truncate border-b border-border px-3 text-xs leading-6 text-muted" data-testid="watched-file">
        {shown.path}
      </p>
      <div className="min-h-0 flex-1">
        <ReadOnlyEditor shown={shown} />
      </div>
    </div>
  );
}

function Watching({ attemptId }: { attemptId: string }) {
  const { connection, welcome, clock } = useSessionState();
  const [side, setSide] = useState<SideTab>('score');
  if (connection.kind === 'closed') return <ClosedScreen reason={connection.reason} />;
  if (!welcome) return <Spinner label="Connecting to the attempt" className="p-4" />;
  return (
    <div className="flex h-full flex-col" data-testid="watch">
      <TopBar
        title={welcome.title}
        extra={
          <span className="flex items-center gap-1 text-xs text-muted">
            <Eye aria-hidden className="size-4" /> Watching
          </span>
        }
      />
      {clock?.state === 'paused' ? (
        <p role="status" className="flex items-center gap-2 border-b border-border bg-surface-sunken px-4 py-1 text-xs">
          <CirclePause aria-hidden className="size-4" /> Paused by the participant or by staff. The last screen stays below.
        </p>
      ) : null}
      {clock?.state === 'finalising' || clock?.state === 'completed' ? (
        <p
          role="status"
          className="flex items-center gap-2 border-b border-border bg-surface-sunken px-4 py-1 text-xs"
          data-testid="watch-ended"
        >
          <Film aria-hidden className="size-4" /> The attempt has ended.
          <a href={`/attempts/${encodeURIComponent(attemptId)}/replay`} className="text-accent underline underline-offset-2">
            See the replay
          </a>
        </p>
      ) : null}
      <Group orientation="horizontal" className="min-h-0 flex-1">
        <Panel id="work" defaultSize="74%">
          <Group orientation="vertical">
            <Panel id="file" defaultSize="45%" collapsible>
              <ActiveFile />
            </Panel>
            <Separator className={`${SEPARATOR} h-px`} aria-label="Height of the terminals" />
            <Panel id="terminals" defaultSize="55%">
              <TerminalArea />
            </Panel>
          </Group>
        </Panel>
        <Separator className={`${SEPARATOR} w-px`} aria-label="Width of the side panel" />
        <Panel id="side" defaultSize="26%" collapsible>
          <SidePanel tab={side} onTab={setSide} />
        </Panel>
      </Group>
    </div>
  );
}
