/** A file to be uploaded, with the path it will have. */
export interface Incoming {
  path: string;
  file: File;
}

/** The files of a drop with all that is in dropped folders, under `folder`. */
export async function filesOfDrop(items: DataTransferItemList, folder: string): Promise<Incoming[]> {
  // The list is empty after the event: every entry is taken before anything is waited for.
  const entries = [...items].flatMap((item) => (item.kind === 'file' ? [item.webkitGetAsEntry() ?? item.getAsFile()] : []));
  const found: Incoming[] = [];
  const prefix = folder === '.' ? '' : `${folder}/`;
  for (const entry of entries) {
    if (entry instanceof File) found.push({ path: prefix + entry.name, file: entry });
    else if (entry) await collect(entry, prefix, found);
  }
  return found;
}

async function collect(entry: FileSystemEntry, prefix: string, found: Incoming[]): Promise<void> {
  const path = prefix + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) await collect(child, `${path}/`, found);
  }
}
