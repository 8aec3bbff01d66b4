'use client';
import { type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import { Textarea } from './field.tsx';

/** A text that is written and sent, by the button or Ctrl/Cmd-Enter. What could not be sent stays, with the reason. */
export function SendForm({
  label,
  placeholder,
  testId,
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
  /** What the button says, and what it says while it is at it. */
  send: string;
  busy: string;
  failed?: string;
  disabled?: boolean;
  onSend: (text: string) => Promise<unknown>;
  /** What is chosen beside the button. */
  children?: ReactNode;
}) {
  const [text, setText] = useState('');
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async () => {
    if (disabled || sending || text.trim() === '') return;
    setSending(true);
    setError(null);
    try {
      await onSend(text.trim());
      setText('');
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
