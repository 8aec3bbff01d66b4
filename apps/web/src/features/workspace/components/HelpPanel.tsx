'use client';
import { Button, cn, EmptyState, Textarea, Time } from '@plumbline/ui';
import { LifeBuoy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** Problems that the participant reports, and what the staff answers. */
export function HelpPanel() {
  const session = useSession();
  const { messages, connection, unread } = useSessionState();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => session.messagesRead(), [session, unread]);

  const send = async () => {
    if (text.trim() === '' || busy) return;
    setBusy(true);
    setError(null);
    try {
      await session.ask('report', { text: text.trim() });
      setText('');
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That was not sent. Try again.');
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="flex h-full flex-col gap-3 overflow-auto p-3" data-testid="help-panel">
      <div className="space-y-2">
        <Textarea
          aria-label="Report a problem"
          placeholder="What does not work, or what is unclear? The staff sees it at once. The clock goes on; pause if it blocks you."
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send();
          }}
          data-testid="report-text"
        />
        {error ? (
          <p role="alert" className="text-xs text-danger">
            {error}
          </p>
        ) : null}
        <Button
          size="sm"
          data-testid="report-send"
          disabled={connection.kind !== 'open' || text.trim() === ''}
          busy={busy && 'Sending'}
          onClick={() => void send()}
        >
          Send to the staff
        </Button>
      </div>
      {messages.length === 0 ? (
        <EmptyState icon={<LifeBuoy aria-hidden />} title="Nothing written yet">
          What you report and what the staff answers stands here.
        </EmptyState>
      ) : null}
      <ol className="space-y-2" aria-label="Messages">
        {[...messages].reverse().map((message) => {
          const own = message.author === 'participant';
          return (
            <li
              key={message.n}
              data-testid="message"
              data-author={message.author}
              className={cn('rounded-md border border-border px-3 py-2 text-sm', own ? 'bg-surface' : 'bg-accent-soft')}
            >
              <p className="mb-1 flex gap-2 text-xs text-muted">
                <span className="min-w-0 flex-1 truncate font-medium">{own ? 'You' : message.name}</span>
                <Time at={message.atMs} seconds />
              </p>
              <p className="break-words whitespace-pre-wrap">{message.text}</p>
            </li>
          );
        })}
      </ol>
      <ul className="space-y-1 border-t border-border pt-3 text-xs">
        {[
          { href: '/help#recorded', label: 'What is recorded' },
          { href: '/help#keys', label: 'All keys of the workspace' },
          { href: '/help', label: 'Questions that others had' },
        ].map(({ href, label }) => (
          <li key={href}>
            <a href={href} target="_blank" rel="noopener" className="text-accent underline underline-offset-2">
              {label}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
