import { AppError, type ErrorCode } from '@plumbline/core';
import { BROWSER_FRAME_MAX_BYTES } from '@plumbline/protocol';
import type { EditorRecorder } from './editorRecorder.ts';
import type { TextModel } from './monaco.ts';

/** One file of this tab's editor: what the page draws of it, what is held beside that, and what can be saved of it. */

export interface OpenFile {
  path: string;
  state: 'loading' | 'ready' | 'failed';
  error: string | null;
  /** Null while loading, and for a binary file. */
  model: TextModel | null;
  readOnlyReason: string | null;
  dirty: boolean;
  saving: boolean;
  saveError: string | null;
  /** What a dialog or a banner asks about: the file on disk is no longer the one that the edit started from. */
  conflict: 'none' | 'changed' | 'save_refused' | 'deleted';
  /** Unsaved text was put back: of an earlier page of this tab, or of another tab that is gone. */
  recovered: boolean;
  /**
   * Which tab edits it: this one, or another whose text is shown. `apart` where another took it over while this one had text
   * that it had not told of: that text stays here until the person decides.
   */
  edited: 'here' | 'elsewhere' | 'apart';
  size: number;
  /** When it was last written before it was read, by the sandbox's clock; undefined where that is not known. */
  modifiedMs: number | undefined;
  /** Hash of the file as it was last read from disk; null before. */
  hash: string | null;
  /** Only its first part was read, so that nothing of it can be saved. It is read again only when somebody asks. */
  partial: boolean;
  /** What is shown of a partial file is no longer what is on disk. */
  outdated: boolean;
  /** Shown as a picture, read from the sandbox when it is drawn. */
  isImage: boolean;
}

/** Whether a path is one of the sandbox's file system, outside of the workspace: a library's file, which is only read. */
export function isOfLibrary(path: string): boolean {
  return path.startsWith('/');
}

/** What was told of a file on disk; nothing where a change is only suspected. */
export interface DiskNews {
  hash?: string | undefined;
  size?: number | undefined;
  /** The tab that saved it. */
  tab?: string | undefined;
}

/** A file that was asked for, before anything is known of it. */
export function loadingFile(path: string): OpenFile {
  return {
    path,
    state: 'loading',
    error: null,
    model: null,
    readOnlyReason: null,
    dirty: false,
    saving: false,
    saveError: null,
    conflict: 'none',
    recovered: false,
    edited: 'here',
    size: 0,
    modifiedMs: undefined,
    hash: null,
    partial: false,
    outdated: false,
    isImage: false,
  };
}

/** A place in a file: line and column from 1, in UTF-16 units. */
export interface Place {
  line: number;
  column: number;
  length: number;
}

/** Text that was not saved, what it started from, and the tab that wrote it. */
export interface Unsaved {
  text: string;
  baseHash: string | null;
  from: string;
}

/** What belongs to an open file and is not drawn. */
export interface Held {
  path: string;
  /** Hash of the file on disk that the text started from; null where it is not known, or there was none. */
  baseHash: string | null;
  savedVersion: number;
  /** The version that was saved when the file went from disk; null while it is there, as far as is known. */
  goneVersion: number | null;
  recorder: EditorRecorder | null;
  subscription: { dispose(): void } | null;
  cancelDraft: (() => void) | null;
  /** Until then no draft is written: one was just now. */
  draftRestUntilMonoMs: number;
  cancelAutoSave: (() => void) | null;
  /** How often another tab's text was shown. */
  shown: number;
  /** What is shown of another tab and was not saved there; null where the file on disk is all there is. */
  followed: Unsaved | null;
  /** The disk is read once at a time: an answer that was asked for earlier never replaces a later one. */
  reading: Promise<void>;
  /** A reading by itself is to come. */
  looksSoon: boolean;
  /** Until then the file is not read by itself. */
  restUntilMonoMs: number;
  /** It changed on disk while it was being saved. */
  changedWhileSaving: boolean;
  /** The last save did not get through, for a reason that passes. */
  savesAgain: boolean;
  /** Hash of the text of a save that was never answered: it may be on disk. */
  unansweredHash: string | null;
}

/** What belongs to a file that was just opened. */
export function newHeld(path: string): Held {
  return {
    path,
    baseHash: null,
    savedVersion: 0,
    goneVersion: null,
    recorder: null,
    subscription: null,
    cancelDraft: null,
    draftRestUntilMonoMs: 0,
    cancelAutoSave: null,
    shown: 0,
    followed: null,
    reading: Promise.resolve(),
    looksSoon: false,
    restUntilMonoMs: 0,
    changedWhileSaving: false,
    savesAgain: false,
    unansweredHash: null,
  };
}

/** Why nothing can be typed into a file; null where it can. */
export function readOnlyReason(file: OpenFile): string | null {
  if (file.readOnlyReason !== null) return file.readOnlyReason;
  return file.edited === 'here' ? null : 'Another tab edits this file. Press “Edit here” to edit it in this one.';
}

/** Room in a frame for the request around the text. */
const FRAME_ROOM_BYTES = 64 * 1024;

/** Whether a text of this many characters at worst could not be saved in one frame. */
export function exceedsFrame(text: string): boolean {
  if (text.length * 6 < BROWSER_FRAME_MAX_BYTES - FRAME_ROOM_BYTES) return false;
  return new TextEncoder().encode(JSON.stringify(text)).length > BROWSER_FRAME_MAX_BYTES - FRAME_ROOM_BYTES;
}

/** Whether a path is the one that is named, or below it. */
export function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** What a path is after one moved that may be it, or above it. */
export function pathAfterMove(path: string, from: string, to: string): string {
  return isUnder(path, from) ? to + path.slice(from.length) : path;
}

export function isMissing(error: unknown): boolean {
  return error instanceof AppError && error.code === 'not_found';
}

const PASSING_CODES: readonly ErrorCode[] = ['unavailable', 'sandbox_unavailable', 'clock_not_running'];

/** Whether the same may well work later, without anybody doing something about it. */
export function isPassing(error: unknown): boolean {
  return error instanceof AppError && PASSING_CODES.includes(error.code);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'That did not work. Try again.';
}
