'use client';
import { CommandDialog, CommandGroup, CommandItem } from '@plumbline/ui';
import { File } from 'lucide-react';
import { useMemo } from 'react';
import { FileTree } from '../model/fileTree.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { useStore } from './useAttemptSession.ts';

/** Ctrl-P: a file by a part of its name, among the folders that were listed. */
export function QuickOpen({
  open,
  onOpenChange,
  tree,
  files,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  tree: FileTree;
  files: OpenFiles;
}) {
  const state = useStore(tree.store);
  const paths = useMemo(() => (open ? FileTree.files(state) : []), [open, state]);
  return (
    <CommandDialog
      open={open}
      onOpenChange={onOpenChange}
      label="Open a file"
      placeholder="Name of a file; folders count once they were opened"
    >
      <CommandGroup heading="Files">
        {paths.map((path) => (
          <CommandItem
            key={path}
            value={path}
            onSelect={() => {
              onOpenChange(false);
              void files.open(path);
            }}
          >
            <File aria-hidden />
            {path}
          </CommandItem>
        ))}
      </CommandGroup>
    </CommandDialog>
  );
}
