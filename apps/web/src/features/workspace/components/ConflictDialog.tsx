'use client';
import { Button, Dialog, DialogContent, toast } from '@plumbline/ui';
import { useState } from 'react';
import type { OpenFile } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';

/** A save was refused because the file is no longer the one that the edit started from: the person decides. */
export function ConflictDialog({ file, files }: { file: OpenFile; files: OpenFiles }) {
  const [busy, setBusy] = useState<string | null>(null);
  const act = (name: string, fn: () => Promise<unknown>) => async () => {
    setBusy(name);
    await fn();
    setBusy(null);
  };
  return (
    <Dialog open onOpenChange={(next) => !next && files.dismissConflict(file.path)}>
      <DialogContent
        title="The file changed on disk"
        description={`${file.path} was written by something else after you opened it: a program, a terminal or another tab. Nothing was overwritten.`}
        data-testid="conflict-dialog"
      >
        <div className="flex flex-col gap-2">
          <Button
            className="h-auto justify-start py-2 text-left whitespace-normal"
            busy={busy === 'both' && 'Saving a copy'}
            disabled={busy !== null}
            onClick={act('both', async () => {
              const copy = await files.keepBoth(file.path);
              if (copy) toast.info(`Your text was saved as ${copy}.`);
            })}
          >
            Keep both: save mine as a copy and show the file on disk
          </Button>
          <Button
            className="h-auto justify-start py-2 text-left whitespace-normal"
            busy={busy === 'reload' && 'Reading'}
            disabled={busy !== null}
            onClick={act('reload', () => files.reload(file.path))}
          >
            Take the file on disk; undo brings my text back
          </Button>
          <Button
            variant="danger"
            className="h-auto justify-start py-2 text-left whitespace-normal"
            busy={busy === 'overwrite' && 'Saving'}
            disabled={busy !== null}
            onClick={act('overwrite', () => files.save(file.path, true))}
          >
            Overwrite the file with my text
          </Button>
          {file.saveError ? (
            <p role="alert" className="text-xs text-danger">
              {file.saveError}
            </p>
          ) : null}
        </div>
      </DialogContent>
    </Dialog>
  );
}
