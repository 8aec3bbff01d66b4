'use client';
import { ConfirmDialog } from '@plumbline/ui';
import { openSandboxPage, sandboxAddress } from '../model/sandboxPages.ts';
import { useSession } from './useAttemptSession.ts';

/** Asks before a link that a program printed is followed: to a page of the sandbox, or out of it. */
export function LinkDialog({ link, onClose }: { link: string | null; onClose: () => void }) {
  const session = useSession();
  const page = link === null ? null : sandboxAddress(link);
  return (
    <ConfirmDialog
      open={link !== null}
      onOpenChange={(next) => !next && onClose()}
      title={page ? 'Open a page that the sandbox serves?' : 'Open a link from the sandbox?'}
      description={
        page
          ? 'It opens in a new tab, for you alone, and closes with a pause. That you opened it is recorded; what you do there is not.'
          : 'It opens in a new tab of your own browser, outside the sandbox. Nothing there is recorded; the rules on AI tools and the internet hold.'
      }
      confirmLabel={page ? 'Open the page' : 'Open the link'}
      busyLabel="Opening"
      onConfirm={async () => {
        if (page) await openSandboxPage(session, page);
        else if (link) window.open(link, '_blank', 'noopener,noreferrer');
      }}
    >
      <p className="max-h-32 overflow-auto rounded bg-surface-sunken px-3 py-2 font-mono text-xs break-all" data-testid="link-address">
        {link}
      </p>
    </ConfirmDialog>
  );
}

export interface ClosingTerminal {
  terminal: number;
  /** What runs in it. */
  programs: string[];
}

/** Asks before a terminal is closed in which something runs. */
export function CloseTerminalDialog({ closing, onClose }: { closing: ClosingTerminal | null; onClose: () => void }) {
  const session = useSession();
  return (
    <ConfirmDialog
      open={closing !== null}
      onOpenChange={(next) => !next && onClose()}
      title="Close this terminal?"
      description="These programs run in it, and are ended with it:"
      confirmLabel="Close the terminal"
      busyLabel="Closing"
      tone="danger"
      onConfirm={async () => {
        if (closing) await session.ask('terminal.close', { terminal: closing.terminal });
      }}
    >
      <ul className="max-h-40 overflow-auto font-mono text-xs">
        {closing?.programs.map((program, index) => (
          <li key={`${index}-${program}`} className="truncate">
            {program}
          </li>
        ))}
      </ul>
    </ConfirmDialog>
  );
}
