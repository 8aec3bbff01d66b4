'use client';
import type { Dotfile, SetupFinding } from '@plumbline/core';
import { Alert, Button, Dialog, DialogContent, DialogFooter, Field, Input, Textarea } from '@plumbline/ui';
import { type FormEvent, useId, useState } from 'react';
import { homePath } from '../model/givenFiles.ts';
import { FindingList } from './FindingList.tsx';

const USUAL = ['.bashrc', '.bash_aliases', '.vimrc', '.tmux.conf', '.inputrc', '.gitconfig', '.config/'];

/** Writes, pastes or changes one file. What is said against it is shown beside it, and nothing that was typed is lost. */
export function DotfileDialog({
  file,
  onClose,
  onSave,
}: {
  /** Null for a new one. */
  file: Dotfile | null;
  onClose: () => void;
  /** Answers what is wrong; empty where it was kept. */
  onSave: (file: Dotfile) => Promise<SetupFinding[]>;
}) {
  const [path, setPath] = useState(file?.path ?? '');
  const [text, setText] = useState(file?.text ?? '');
  const [problems, setProblems] = useState<SetupFinding[]>([]);
  const [busy, setBusy] = useState(false);
  const list = useId();

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    try {
      const found = await onSave({ path: homePath(path.trim()), text: text.replaceAll('\r\n', '\n') });
      setProblems(found);
      if (found.length === 0) onClose();
    } catch (error) {
      setProblems([{ path: '', line: null, message: error instanceof Error ? error.message : 'That did not work. Try again.' }]);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog open onOpenChange={(next) => !next && onClose()}>
      <DialogContent title={file === null ? 'A dotfile' : `Change ${file.path}`} className="max-w-2xl">
        <form className="space-y-4" onSubmit={(event) => void submit(event)}>
          <Field label="Path in your home folder" hint="Begins with a dot, such as .bashrc or .config/nvim/init.lua.">
            {(control) => (
              <Input
                {...control}
                list={list}
                value={path}
                required
                disabled={file !== null}
                autoComplete="off"
                spellCheck={false}
                className="font-mono"
                onChange={(event) => setPath(event.target.value)}
              />
            )}
          </Field>
          <datalist id={list}>
            {USUAL.map((usual) => (
              <option key={usual} value={usual} />
            ))}
          </datalist>
          <Field label="Text">
            {(control) => (
              <Textarea
                {...control}
                value={text}
                rows={14}
                autoComplete="off"
                autoCapitalize="off"
                spellCheck={false}
                className="font-mono text-xs"
                onChange={(event) => setText(event.target.value)}
              />
            )}
          </Field>
          {problems.length > 0 ? (
            <Alert tone="danger" title="It was not kept.">
              <FindingList findings={problems} />
            </Alert>
          ) : null}
          <DialogFooter>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="primary" busy={busy && 'Checking'}>
              Keep it
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
