'use client';
import { cn, EmptyState, SendForm, Time } from '@plumbline/ui';
import { LifeBuoy } from 'lucide-react';
import { useEffect } from 'react';
import { EmptyWritings } from './EmptyWritings.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';

/** What the participant writes to the staff, and what the staff answers, the newest first. Whoever looks at it has read it. */
export function StaffMessages({ label, placeholder }: { label: string; placeholder: string }) {
  const session = useSession();
  const { messages, connection, unread } = useSessionState();
  useEffect(() => {
    if (unread === 0) return undefined;
    const look = () => {
      if (!document.hidden) session.writings.messagesRead();
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [session, unread]);

  return (
    <>
      <SendForm
        label={label}
        placeholder={placeholder}
        testId="report"
        keptAs={`plumbline.report.${session.attemptId}`}
        send="Send to the staff"
        busy="Sending"
        disabled={connection.kind !== 'open'}
        onSend={(text) => session.ask('report', { text })}
      />
      {messages.length === 0 ? (
        <EmptyWritings what="messages">
          <EmptyState icon={<LifeBuoy aria-hidden />} title="Nothing written yet">
            What you report and what the staff answers stands here.
          </EmptyState>
        </EmptyWritings>
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
    </>
  );
}
