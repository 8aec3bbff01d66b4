import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SharedDocuments } from './sharedDocuments.ts';

const PATH = 'solution/train.py';

function attempt() {
  const connected = new Set(['here', 'there']);
  const told: Record<string, unknown[]> = { here: [], there: [] };
  let waiting: (() => void)[] = [];
  const documents = new SharedDocuments({
    isConnected: (tab) => connected.has(tab),
    tell: (tab, message) => told[tab]?.push(message),
    later: (_, call) => waiting.push(call),
  });
  const passTime = () => {
    const due = waiting;
    waiting = [];
    for (const call of due) call();
  };
  return { documents, connected, told, passTime };
}

describe('SharedDocuments', () => {
  it('lets one tab edit a file, and shows what it has not saved to the others', () => {
    const { documents, told } = attempt();
    expect(documents.open('here', PATH, 'edit')).toEqual({ editing: true, text: null, baseHash: null, from: null });
    expect(documents.open('there', PATH, 'edit').editing).toBe(false);
    expect(documents.keep('here', PATH, 'x = 1', 'h1')).toBe(true);
    expect(told.there).toEqual([{ t: 'document', path: PATH, editing: false, text: 'x = 1', baseHash: 'h1', from: 'here' }]);
    expect(documents.keep('there', PATH, 'y = 2', 'h1')).toBe(false);
    expect(told.here).toEqual([]);
  });

  it('lets a file that moves, by itself or with its folder, keep its editor and what is not saved of it', () => {
    const { documents } = attempt();
    documents.open('here', PATH, 'edit');
    documents.open('there', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    documents.renamed('solution', 'final');
    expect(documents.open('there', 'final/train.py', 'edit')).toEqual({ editing: false, text: 'x = 1', baseHash: 'h1', from: 'here' });
    documents.close('there', PATH);
    expect(documents.open('here', 'final/train.py', 'edit').editing).toBe(true);
    expect(documents.open('there', PATH, 'edit')).toEqual({ editing: true, text: null, baseHash: null, from: null });
    // The tab that renamed it was quicker than the news of it.
    expect(documents.open('here', 'last.py', 'edit').editing).toBe(true);
    documents.renamed('final/train.py', 'last.py');
    expect(documents.open('there', 'last.py', 'edit').editing).toBe(false);
  });

  it('names the files with unsaved text, and says which of them a tab that is gone left behind', () => {
    const { documents, connected } = attempt();
    documents.open('here', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    documents.open('there', 'saved.py', 'edit');
    expect(documents.unsaved()).toEqual([{ path: PATH, edited: true }]);
    connected.delete('here');
    documents.disconnected('here');
    expect(documents.unsaved()).toEqual([{ path: PATH, edited: false }]);
    documents.open('there', PATH, 'edit');
    documents.keep('there', PATH, null, null);
    expect(documents.unsaved()).toEqual([]);
  });

  it('keeps nothing of a tab that is not there', () => {
    const { documents } = attempt();
    expect(documents.open('made-up', PATH, 'take').editing).toBe(true);
    expect(documents.keep('made-up', PATH, 'x = 1', 'h1')).toBe(false);
    expect(documents.open('here', PATH, 'edit')).toEqual({ editing: true, text: null, baseHash: null, from: null });
  });

  it('hands a file over with what was not saved when another tab takes it, and tells the one that had it', () => {
    const { documents, told } = attempt();
    documents.open('here', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    expect(documents.open('there', PATH, 'take')).toMatchObject({ editing: true, text: 'x = 1', baseHash: 'h1', from: 'here' });
    expect(told.here).toMatchObject([{ editing: false, text: 'x = 1' }]);
    expect(documents.keep('here', PATH, 'x = 0', 'h1')).toBe(false);
    // A tab that comes back to what it edited does not take it away again.
    expect(documents.open('here', PATH, 'edit')).toMatchObject({ editing: false, text: 'x = 1' });
  });

  it('keeps a file for a tab that is reloaded, and gives it to another with its unsaved text when the tab stays away', () => {
    const { documents, connected, told, passTime } = attempt();
    documents.open('here', PATH, 'edit');
    documents.open('there', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    documents.disconnected('here');
    passTime();
    expect(told.there).toHaveLength(1);
    connected.delete('here');
    documents.disconnected('here');
    passTime();
    expect(told.there?.[1]).toMatchObject({ editing: true, text: 'x = 1', from: 'here' });
  });

  it('keeps unsaved text while no tab is there at all, and gives it up when its tab closes the file', () => {
    const { documents, connected, passTime } = attempt();
    documents.open('here', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    connected.clear();
    documents.disconnected('here');
    passTime();
    connected.add('there');
    expect(documents.open('there', PATH, 'edit')).toMatchObject({ editing: true, text: 'x = 1', from: 'here' });
    documents.close('there', PATH);
    expect(documents.open('there', PATH, 'edit')).toMatchObject({ editing: true, text: null });
  });

  it('says of which texts another tab took over, so that the one that wrote them does not bring them back', () => {
    const { documents } = attempt();
    documents.open('here', PATH, 'edit');
    documents.keep('here', PATH, 'x = 1', 'h1');
    expect(documents.open('here', PATH, 'edit').takenOver).toBeUndefined();
    documents.open('there', PATH, 'take');
    documents.keep('there', PATH, null, null);
    documents.close('there', PATH);
    documents.close('here', PATH);
    const takenOver = [createHash('sha256').update('x = 1').digest('hex')];
    expect(documents.open('here', PATH, 'edit')).toEqual({ editing: true, text: null, baseHash: null, from: null, takenOver });
  });

  it('gives the file to the next tab when the one that edits closes it', () => {
    const { documents, told } = attempt();
    documents.open('here', PATH, 'edit');
    documents.open('there', PATH, 'follow');
    documents.close('here', PATH);
    expect(told.there).toEqual([{ t: 'document', path: PATH, editing: true, text: null, baseHash: null, from: null }]);
  });

  it('has unsaved text again after a restart, from whoever shows it, and gives it back to the tab that wrote it', () => {
    const { documents, told, passTime } = attempt();
    const followed = { text: 'x = 1', baseHash: 'h1', from: 'here' };
    expect(documents.open('there', PATH, 'follow', followed)).toEqual({ editing: false, ...followed });
    expect(documents.open('here', PATH, 'edit')).toEqual({ editing: true, ...followed });
    documents.keep('here', PATH, 'x = 12', 'h1');
    expect(documents.open('there', PATH, 'follow', followed)).toMatchObject({ editing: false, text: 'x = 12' });
    passTime();
    expect(told.there?.every((message) => !(message as { editing: boolean }).editing)).toBe(true);
  });

  it('lets a tab that followed edit, with what it shows, where the one that edited does not come back after a restart', () => {
    const { documents, told, passTime } = attempt();
    const followed = { text: 'x = 1', baseHash: 'h1', from: 'gone' };
    documents.open('there', PATH, 'follow', followed);
    expect(told.there).toEqual([]);
    passTime();
    expect(told.there).toEqual([{ t: 'document', path: PATH, editing: true, ...followed }]);
    expect(documents.keep('there', PATH, 'x = 2', 'h1')).toBe(true);
  });

  it('holds no more text than its bound, and lets the file be edited all the same', () => {
    const { documents } = attempt();
    documents.open('here', PATH, 'edit');
    expect(documents.keep('here', PATH, 'x'.repeat(17 * 1024 * 1024), 'h1')).toBe(true);
    expect(documents.open('there', PATH, 'follow').text).toBeNull();
  });
});
