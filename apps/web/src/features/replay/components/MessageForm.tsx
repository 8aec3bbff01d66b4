'use client';
import { Button, Textarea } from '@plumbline/ui';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

/** Writes to the participant of a running attempt; what was written comes back with the recording. */
export function MessageForm({ attemptId }: { attemptId: string }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const send = async () => {
    if (text.trim() === '' || busy) return;
    setBusy(true);
    setError(null);
    try {
      await rpc.live.message.mutate({ attemptId, text: text.trim() });
      setText('');
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : 'That was not sent. Try again.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="mb-3 space-y-2">
      <Textarea
        aria-label="Message to the participant"
        placeholder="A message to the participant. It is recorded; say nothing that helps with the task."
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send();
        }}
        data-testid="message-text"
      />
      {error ? (
        <p role="alert" className="text-xs text-danger">
          {error}
        </p>
      ) : null}
      <Button size="sm" data-testid="message-send" disabled={text.trim() === ''} busy={busy && 'Sending'} onClick={() => void send()}>
        Send to the participant
      </Button>
    </div>
  );
}
