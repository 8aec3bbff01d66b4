'use client';
import { Button, cn } from '@plumbline/ui';
import { type OpenFile, readOnlyReason } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { useSessionState } from './useAttemptSession.ts';

interface Saying {
  testId: string;
  tone: 'danger' | 'warning' | 'info' | 'plain';
  text: string;
  acts: { label: string; testId?: string; act: () => Promise<unknown> }[];
}

const TONES: Record<Saying['tone'], string> = {
  danger: 'bg-danger-soft',
  warning: 'bg-warning-soft',
  info: 'bg-accent-soft',
  plain: 'bg-surface-sunken text-muted',
};

/** The most urgent thing to say of a file, and what can be done about it; null where there is nothing. */
function sayingOf(file: OpenFile, files: OpenFiles): Saying | null {
  const { path } = file;
  const keepBoth = () => files.keepBoth(path);
  const reload = () => files.reload(path);
  if (file.edited === 'apart') {
    return {
      testId: 'edited-apart',
      tone: 'warning',
      text: 'Another tab edits this file by now. What you typed here last stands in this tab alone.',
      acts: [
        { label: 'Save mine as a copy', act: keepBoth },
        { label: 'Drop mine', act: reload },
      ],
    };
  }
  if (file.outdated) {
    return {
      testId: 'outdated',
      tone: 'warning',
      text: 'This file changed on disk since it was read. It is too large to be read again each time.',
      acts: [{ label: 'Read again', testId: 'read-again', act: reload }],
    };
  }
  if (file.edited === 'elsewhere') {
    return {
      testId: 'edited-elsewhere',
      tone: 'info',
      text: 'Another tab edits this file; its text is shown here as it is typed.',
      acts: [{ label: 'Edit here', testId: 'edit-here', act: () => files.editHere(path) }],
    };
  }
  if (file.saveError) {
    return {
      testId: 'not-saved',
      tone: 'danger',
      text: `Not saved: ${file.saveError}`,
      acts: [
        { label: 'Save again', act: () => files.save(path) },
        { label: 'Keep both', act: keepBoth },
      ],
    };
  }
  if (file.conflict === 'changed') {
    return {
      testId: 'changed-on-disk',
      tone: 'warning',
      text: 'This file changed on disk since your edit began. Your text is kept here, unsaved.',
      acts: [
        { label: 'Take the file on disk', act: reload },
        { label: 'Keep both', act: keepBoth },
      ],
    };
  }
  if (file.conflict === 'deleted') {
    const canSave = readOnlyReason(file) === null;
    return {
      testId: 'deleted-on-disk',
      tone: 'warning',
      text: `This file is no longer on disk.${canSave ? ' Its text is kept here, unsaved: saving writes it again.' : ''}`,
      acts: canSave ? [{ label: 'Write it again', act: () => files.save(path, true) }] : [],
    };
  }
  if (file.recovered) {
    return {
      testId: 'recovered',
      tone: 'info',
      text: 'Unsaved text of yours, from before a reload or from another tab, is back.',
      acts: [{ label: 'Drop it', act: reload }],
    };
  }
  return file.readOnlyReason && file.model ? { testId: 'read-only', tone: 'plain', text: file.readOnlyReason, acts: [] } : null;
}

/** One sentence above the text of the file in front, and what can be done about it: all of it needs the connection. */
export function FileBanner({ file, files }: { file: OpenFile; files: OpenFiles }) {
  const { connection } = useSessionState();
  const saying = sayingOf(file, files);
  if (!saying) return null;
  const { tone, testId, text, acts } = saying;
  return (
    <div
      role={tone === 'danger' ? 'alert' : 'status'}
      className={cn('flex shrink-0 items-center gap-2 border-b border-border px-3 py-1 text-xs', TONES[tone])}
      data-testid={testId}
    >
      <span className="flex-1">{text}</span>
      {acts.map(({ label, testId: actTestId, act }) => (
        <Button key={label} size="sm" disabled={connection.kind !== 'open'} data-testid={actTestId} onClick={() => void act()}>
          {label}
        </Button>
      ))}
    </div>
  );
}
