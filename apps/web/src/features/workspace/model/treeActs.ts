import { AppError } from '@plumbline/core';
import { type FileTree, joinPath } from './fileTree.ts';
import { isUnder, messageOf } from './openFile.ts';
import type { OpenFiles } from './openFiles.ts';

/** What is done with several rows of the workspace's tree at once: one after the other, and none keeps another from it. */

type Tree = Pick<FileTree, 'delete' | 'rename' | 'undelete' | 'reveal'>;
type Opened = Pick<OpenFiles, 'store' | 'deleted' | 'renamed'> | null;

export interface Deletion {
  /** What can be brought back. */
  kept: { path: string; undo: string }[];
  /** What is still there, since it could only be deleted for good: it is too large, or has unsaved text in the editor. */
  onlyForGood: string[];
  refusals: string[];
}

export async function deleteKept(tree: Tree, files: Opened, paths: readonly string[]): Promise<Deletion> {
  const deletion: Deletion = { kept: [], onlyForGood: [], refusals: [] };
  for (const path of paths) {
    if (openUnder(files, path).some(({ dirty }) => dirty)) {
      deletion.onlyForGood.push(path);
      continue;
    }
    try {
      const undo = await tree.delete(path, true);
      files?.deleted(path);
      if (undo !== null) deletion.kept.push({ path, undo });
    } catch (error) {
      if (error instanceof AppError && error.code === 'too_large') deletion.onlyForGood.push(path);
      else deletion.refusals.push(`${path} was not deleted: ${messageOf(error)}`);
    }
  }
  return deletion;
}

/** Brings back what was deleted. Answers which paths are there again. */
export async function undeleteAll(tree: Tree, kept: Deletion['kept']): Promise<{ back: string[]; refusals: string[] }> {
  const back: string[] = [];
  const refusals: string[] = [];
  for (const { path, undo } of kept) {
    await tree.undelete(undo, path).then(
      () => back.push(path),
      (error: unknown) => refusals.push(`${path} did not come back: ${messageOf(error)}`),
    );
  }
  return { back, refusals };
}

/** Moves into a folder, with what is open of it. Answers the paths that each has there; what is there already stays. */
export async function moveInto(
  tree: Tree,
  files: Opened,
  paths: readonly string[],
  folder: string,
): Promise<{ moved: string[]; refusals: string[] }> {
  const moved: string[] = [];
  const refusals: string[] = [];
  for (const from of paths) {
    const to = joinPath(folder, from.slice(from.lastIndexOf('/') + 1));
    if (to === from || isUnder(folder, from)) continue;
    try {
      await tree.rename(from, to);
      await files?.renamed(from, to);
      await tree.reveal(to);
      moved.push(to);
    } catch (error) {
      refusals.push(`${from} was not moved: ${messageOf(error)}`);
    }
  }
  return { moved, refusals };
}

/** What the editor has open of a path and of what is below it. */
export function openUnder(files: Pick<OpenFiles, 'store'> | null, path: string) {
  return (files?.store.get().files ?? []).filter((file) => isUnder(file.path, path));
}
