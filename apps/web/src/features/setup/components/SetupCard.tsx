'use client';
import {
  DOTFILE_MAX_BYTES,
  DOTFILES_MAX,
  DOTFILES_MAX_BYTES,
  type Dotfile,
  findDotfileProblems,
  KEYMAPS,
  type Keymap,
  type Setup,
  type SetupFinding,
  textBytes,
} from '@plumbline/core';
import { Alert, Button, Card, CardBody, CardHeader, cn, Field, formatBytes, Select, Spinner } from '@plumbline/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { FilePlus2, Pencil, Trash2, Upload } from 'lucide-react';
import { type DragEvent, useRef, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { filesOfDrop } from '../../workspace/model/droppedFiles.ts';
import { readGiven } from '../model/givenFiles.ts';
import { KEYMAP_WORDS } from '../model/words.ts';
import { DotfileDialog } from './DotfileDialog.tsx';
import { FindingList } from './FindingList.tsx';

const KEY = ['setup.get'];

/** What a person brings along: kept at each change, and laid in the sandboxes of attempts whose clock has not started. */
export function SetupCard({ hasStarted, onSaved }: { hasStarted: boolean; onSaved: () => void }) {
  const queryClient = useQueryClient();
  const { data, error: loadError } = useQuery({ queryKey: KEY, queryFn: () => rpc.setup.get.query() });
  const [editing, setEditing] = useState<{ file: Dotfile | null } | null>(null);
  const [problems, setProblems] = useState<SetupFinding[]>([]);
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const turn = useRef<Promise<unknown>>(Promise.resolve());
  const save = useMutation({
    mutationFn: async (setup: Setup) => {
      const found = findDotfileProblems(setup.files);
      return found.length > 0 ? { saved: false, problems: found, notices: [] } : await rpc.setup.save.mutate(setup);
    },
    onSuccess: ({ saved, notices }, setup) => {
      if (!saved) return;
      queryClient.setQueryData(KEY, { ...setup, savedAt: new Date(), notices });
      onSaved();
    },
  });

  /** Keeps what changes of the setup as the changes before have left it; answers what is wrong. */
  function keep(change: (setup: Setup) => Setup): Promise<SetupFinding[]> {
    const work = turn.current.then(async () => {
      const kept = queryClient.getQueryData<Setup>(KEY);
      if (kept === undefined) return [];
      const { problems: found } = await save.mutateAsync(change({ keymap: kept.keymap, files: kept.files }));
      return found;
    });
    turn.current = work.catch(() => {});
    return work;
  }

  const withFiles = (added: readonly Dotfile[]) => (setup: Setup) => {
    const names = new Set(added.map(({ path }) => path));
    const files = [...setup.files.filter(({ path }) => !names.has(path)), ...added].sort((a, b) => (a.path < b.path ? -1 : 1));
    return { ...setup, files };
  };

  async function show(work: Promise<SetupFinding[]>): Promise<void> {
    setProblems([]);
    try {
      setProblems(await work);
    } catch {
      // The mutation has the error, and the card shows it.
    }
  }

  async function give(incoming: readonly { path: string; file: File }[]): Promise<SetupFinding[]> {
    if (!data) return [{ path: '', line: null, message: 'Your setup was not loaded yet. Give these files again in a moment.' }];
    const given = await readGiven(incoming);
    // All or nothing: what is missing would be found out in the attempt.
    if (given.problems.length > 0 || given.files.length === 0) return given.problems;
    return keep(withFiles(given.files));
  }

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    void show(
      filesOfDrop(event.dataTransfer.items, '.').then(({ files, unread }) =>
        unread.length > 0 ? unread.map((path) => ({ path, line: null, message: 'This file could not be read.' })) : give(files),
      ),
    );
  }

  const refused =
    problems.length > 0 ? (
      <Alert tone="danger" title="Not taken; what you had is as it was.">
        <FindingList findings={problems} />
      </Alert>
    ) : null;
  const total = data?.files.reduce((sum, { text }) => sum + textBytes(text), 0) ?? 0;
  return (
    <Card
      data-testid="setup"
      className={cn(over && 'outline-2 outline-accent')}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <CardHeader
        title="Dotfiles and keymap"
        description="Kept in your account, and laid in your home folder before the clock starts."
        actions={
          <>
            <Button size="sm" disabled={!data} onClick={() => picker.current?.click()}>
              <Upload />
              Choose files
            </Button>
            <Button size="sm" disabled={!data} onClick={() => setEditing({ file: null })}>
              <FilePlus2 />
              Paste one
            </Button>
          </>
        }
      />
      <CardBody className="min-h-40 space-y-4">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          data-testid="dotfiles"
          onChange={(event) => {
            void show(give([...(event.target.files ?? [])].map((file) => ({ path: file.name, file }))));
            event.target.value = '';
          }}
        />
        {loadError ? <Alert tone="danger">{loadError.message}</Alert> : null}
        {!data && !loadError ? <Spinner label="Reading your dotfiles" /> : null}
        {data ? null : refused}
        {data ? (
          <>
            {hasStarted ? <Alert>The clock of this attempt has started. What you change here is for your next one.</Alert> : null}
            <Field label="Keymap of the editor" className="max-w-60">
              {(control) => (
                <Select
                  {...control}
                  value={data.keymap}
                  disabled={save.isPending}
                  onChange={(event) => {
                    const keymap = event.target.value as Keymap;
                    void show(keep((setup) => ({ ...setup, keymap })));
                  }}
                >
                  {KEYMAPS.map((keymap) => (
                    <option key={keymap} value={keymap}>
                      {KEYMAP_WORDS[keymap]}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            {data.files.length === 0 ? (
              <p className="text-sm text-muted">
                No dotfiles yet. Drop files, a folder or a .tar.gz here: .bashrc, .vimrc, .tmux.conf, .gitconfig, what is in .config.
              </p>
            ) : (
              <ul className="divide-y divide-border rounded-md border border-border" aria-label="Your dotfiles">
                {data.files.map((file) => (
                  <li key={file.path} className="flex items-center gap-2 py-1 pr-1 pl-3 text-sm">
                    <span className="min-w-0 flex-1 truncate font-mono text-xs">{file.path}</span>
                    <span className="text-xs text-muted tabular-nums">{formatBytes(textBytes(file.text))}</span>
                    <Button variant="ghost" size="icon-sm" aria-label={`Change ${file.path}`} onClick={() => setEditing({ file })}>
                      <Pencil />
                    </Button>
                    <Button
                      variant="ghost"
                      size="icon-sm"
                      aria-label={`Remove ${file.path}`}
                      disabled={save.isPending}
                      onClick={() =>
                        void show(keep((setup) => ({ ...setup, files: setup.files.filter(({ path }) => path !== file.path) })))
                      }
                    >
                      <Trash2 />
                    </Button>
                  </li>
                ))}
              </ul>
            )}
            {refused}
            {save.error ? <Alert tone="danger">{save.error.message}</Alert> : null}
            {data.notices.length > 0 ? (
              <Alert tone="warning" title="Taken, and the staff are told:">
                <FindingList findings={data.notices} />
              </Alert>
            ) : null}
            <p className="text-xs text-muted">
              Text alone, at most {formatBytes(DOTFILE_MAX_BYTES)} each, {formatBytes(DOTFILES_MAX_BYTES)} and {DOTFILES_MAX} files in all
              {total > 0 ? ` (${formatBytes(total)} now)` : ''}. They are searched for keys and passwords, and recorded with each attempt:
              leave out names and addresses that others should not read.
            </p>
          </>
        ) : null}
      </CardBody>
      {editing ? <DotfileDialog file={editing.file} onClose={() => setEditing(null)} onSave={(file) => keep(withFiles([file]))} /> : null}
    </Card>
  );
}
