'use client';
import { FILE_PART_MAX_BYTES } from '@plumbline/protocol';
import { formatBytes, Spinner } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import type { OpenFile } from '../model/openFile.ts';
import { bytesOf } from '../model/transfers.ts';
import { useSession } from './useAttemptSession.ts';

const IMAGE_MAX_BYTES = 32 * 1024 * 1024;

/** A picture of the workspace. It is drawn from its bytes alone: nothing in it can load or run anything. */
export function ImageView({ file }: { file: OpenFile }) {
  const session = useSession();
  const { path, size, hash } = file;
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [pixels, setPixels] = useState('');

  useEffect(() => {
    let gone = false;
    const load = async () => {
      if (size > IMAGE_MAX_BYTES) throw new Error(`This picture has ${formatBytes(size)}. Download it to look at it.`);
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for (let at = 0; at < size && !gone; ) {
        const part = bytesOf((await session.ask('file.range', { path, offset: at, length: FILE_PART_MAX_BYTES })).data);
        if (part.length === 0) break;
        parts.push(part);
        at += part.length;
      }
      if (gone) return;
      setError(null);
      setUrl(URL.createObjectURL(new Blob(parts)));
    };
    load().catch((caught: unknown) => !gone && setError(caught instanceof Error ? caught.message : 'The picture could not be read.'));
    return () => {
      gone = true;
    };
    // Drawn anew with the same size it has another hash. What was drawn before stays until it is read.
  }, [session, path, size, hash]);

  useEffect(() => (url === null ? undefined : () => URL.revokeObjectURL(url)), [url]);

  if (error) return <p className="p-4 text-sm text-muted">{error}</p>;
  if (!url) return <Spinner label={`Reading ${path}`} className="p-4" />;
  return (
    <figure className="flex h-full flex-col items-center justify-center gap-2 overflow-auto p-4" data-testid="image-view">
      <img
        src={url}
        alt={path}
        className="max-h-full min-h-0 max-w-full object-contain"
        onLoad={(event) => setPixels(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight}`)}
        onError={() => setError('This file is not a picture that the browser can draw.')}
      />
      <figcaption className="text-xs text-muted tabular-nums">
        {pixels} · {formatBytes(size)}
      </figcaption>
    </figure>
  );
}
