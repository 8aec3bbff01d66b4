'use client';
import { type ReactNode, useRef, useState } from 'react';
import { Button } from './button.tsx';
import { Textarea } from './field.tsx';
import { useKeptText } from './keptText.ts';

/** A text that is written and sent, by the button or Ctrl/Cmd-Enter. What was not sent stays, over a reload too; what could not be, with the reason. */
export function SendForm({
  label,
  placeholder,
  testId,
  keptAs,
  send,
  busy,
  failed = 'That was not sent. Try again.',
  disabled = false,
  onSend,
  children,
}: {
  label: string;
  placeholder: string;
  /** The field is `<testId>-text`, the button `<testId>-send`. */
  testId: string;
  /** The key under which the tab keeps what is not sent yet. */
  keptAs: string;
  /** What the button says, and what it says while it is at it. */
  send: string;
  busy: string;
  failed?: string;
  disabled?: boolean;
  onSend: (text: string) => Promise<unknown>;
  /** What is chosen beside the button. */
  children?: ReactNode;
}) {
  const [text, setText] = useKeptText(keptAs);
  const latest = useRef(text);
  latest.current = text;
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async () => {
    if (disabled || sending || text.trim() === '') return;
    setSending(true);
    setError(null);
    try {
      await onSend(text.trim());
      // What was written on meanwhile is the next one.
      if (latest.current === text) setText('');
    } catch (caught) {
      setError(caught instanceof Error ? caught.message : failed);
    } finally {
      setSending(false);
    }
  };
  return (
    <div className="space-y-2">
      <Textarea
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void submit();
        }}
        data-testid={`${testId}-text`}
      />
      {error ? (
        <p role="alert" className="text-xs text-danger">
          {error}
        </p>
      ) : null}
      <div className="flex gap-2">
        {children}
        <Button
          size="sm"
          data-testid={`${testId}-send`}
          disabled={disabled || text.trim() === ''}
          busy={sending && busy}
          onClick={() => void submit()}
        >
          {send}
        </Button>
      </div>
    </div>
  );
}
