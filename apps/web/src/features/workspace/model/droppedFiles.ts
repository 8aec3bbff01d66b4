/** A file to be uploaded, with the path it will have. */
export interface Incoming {
  path: string;
  file: File;
}

/** What was dropped: its files, and the paths of those that could not be read. */
export interface Dropped {
  files: Incoming[];
  /** Folders that no file brings along, as they are empty, after those that they are in. */
  folders: string[];
  unread: string[];
}

/** The files of a drop with all that is in dropped folders, under `folder`. */
export async function filesOfDrop(items: DataTransferItemList, folder: string): Promise<Dropped> {
  // The list is empty after the event: every entry is taken before anything is waited for.
  const entries = [...items].flatMap((item) => (item.kind === 'file' ? [item.webkitGetAsEntry() ?? item.getAsFile()] : []));
  const dropped: Dropped = { files: [], folders: [], unread: [] };
  const prefix = folder === '.' ? '' : `${folder}/`;
  for (const entry of entries) {
    if (entry instanceof File) dropped.files.push({ path: prefix + entry.name, file: entry });
    else if (entry) await collect(entry, prefix, [], dropped);
  }
  return dropped;
}

/** `around` are the dropped folders that it is in, outer ones first. */
async function collect(entry: FileSystemEntry, prefix: string, around: readonly string[], dropped: Dropped): Promise<void> {
  const path = prefix + entry.name;
  try {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      dropped.files.push({ path, file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (let isEmpty = true; ; isEmpty = false) {
      const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (batch.length === 0) {
        if (isEmpty) dropped.folders.push(...[...around, path].filter((folder) => !dropped.folders.includes(folder)));
        return;
      }
      for (const child of batch) await collect(child, `${path}/`, [...around, path], dropped);
    }
  } catch {
    dropped.unread.push(path);
  }
}
