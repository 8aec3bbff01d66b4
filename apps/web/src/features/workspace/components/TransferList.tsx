'use client';
import { Button, formatBytes, Progress } from '@plumbline/ui';
import { ArrowDown, ArrowUp, X } from 'lucide-react';
import { hasEnded, shownTransfers, type Transfer, type Transfers } from '../model/transfers.ts';
import { useStore } from './useStore.ts';

function wordsOf({ state, doneBytes, totalBytes, direction, error }: Transfer): string {
  if (error) return error;
  if (state === 'exists') return 'A file of that name is there already.';
  if (state === 'done') return direction === 'upload' ? 'Uploaded' : 'Downloaded';
  if (state === 'cancelled') return 'Cancelled';
  if (totalBytes === null) return 'Packing';
  if (state === 'waiting') return `Waiting, ${formatBytes(totalBytes)}`;
  return `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}

/** Files on their way, below the tree; gone when nothing is on its way and the list was cleared. */
export function TransferList({ transfers }: { transfers: Transfers }) {
  const list = useStore(transfers.store);
  if (list.length === 0) return null;
  const { shown, waiting, ended } = shownTransfers(list);
  const others = [waiting > 0 ? `${waiting} more wait` : '', ended > 0 ? `${ended} more have ended` : ''].filter((words) => words !== '');
  return (
    <section aria-label="Uploads and downloads" className="max-h-48 shrink-0 overflow-auto border-t border-border" data-testid="transfers">
      <div className="flex h-7 items-center gap-2 px-2 text-xs text-muted">
        <h3 className="flex-1 font-medium">Uploads and downloads</h3>
        {list.some(hasEnded) ? (
          <Button variant="ghost" size="sm" onClick={() => transfers.clearEnded()}>
            Clear
          </Button>
        ) : null}
      </div>
      <ul className="space-y-2 px-2 pb-2">
        {shown.map((transfer) => {
          const { id, path, state, direction, doneBytes, totalBytes } = transfer;
          const Icon = direction === 'upload' ? ArrowUp : ArrowDown;
          return (
            <li key={id} className="text-xs" data-testid="transfer" data-state={state} data-path={path}>
              <div className="flex items-center gap-1">
                <Icon aria-hidden className="size-3 shrink-0 text-muted" />
                <span className="min-w-0 flex-1 truncate" title={path}>
                  {path}
                </span>
                {state === 'exists' ? (
                  <Button size="sm" onClick={() => transfers.replace(id)}>
                    Replace
                  </Button>
                ) : null}
                {state === 'running' || state === 'waiting' || state === 'exists' ? (
                  <Button variant="ghost" size="icon-sm" aria-label={`Cancel ${path}`} onClick={() => transfers.cancel(id)}>
                    <X />
                  </Button>
                ) : null}
              </div>
              {state === 'running' ? (
                <Progress value={totalBytes === null ? null : totalBytes === 0 ? 1 : doneBytes / totalBytes} label={wordsOf(transfer)} />
              ) : (
                <p className={state === 'failed' ? 'text-danger' : 'text-muted'}>{wordsOf(transfer)}</p>
              )}
            </li>
          );
        })}
      </ul>
      {others.length > 0 ? <p className="px-2 pb-2 text-xs text-muted">{others.join(', ')}.</p> : null}
    </section>
  );
}
