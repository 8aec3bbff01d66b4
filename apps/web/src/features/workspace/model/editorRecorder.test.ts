import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEditorEvent, documentKey, NO_EDITORS } from '../../replay/model/editorText.ts';
import { EditorRecorder, type RecordedModel, splitChanges } from './editorRecorder.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

const TAB = '00000000-0000-4000-8000-000000000000';
type Listener = Parameters<RecordedModel['onDidChangeContent']>[0];

/** A text as Monaco keeps it: changes are told in offsets of the text before each of them. */
class Text implements RecordedModel {
  private listeners: Listener[] = [];
  private version = 1;
  private value: string;

  constructor(value: string) {
    this.value = value;
  }

  getValue = () => this.value;
  getValueLength = () => this.value.length;
  getVersionId = () => this.version;

  onDidChangeContent(listener: Listener) {
    this.listeners.push(listener);
    return { dispose: () => void this.listeners.splice(this.listeners.indexOf(listener), 1) };
  }

  replace(offset: number, length: number, text: string): void {
    this.value = this.value.slice(0, offset) + text + this.value.slice(offset + length);
    this.version += 1;
    for (const listener of this.listeners)
      listener({
        changes: [{ rangeOffset: offset, rangeLength: length, text }],
        versionId: this.version,
        isFlush: false,
        isEolChange: false,
      });
  }
}

function record(model: Text, outputBytes = () => 0) {
  const events: { type: string; data: unknown }[] = [];
  const time = new SteppedTime();
  const recorder = new EditorRecorder({
    tab: TAB,
    path: 'a.py',
    hash: '0'.repeat(64),
    model,
    time,
    outputBytes,
    offer: (type, data) => void events.push({ type, data }),
  });
  const rebuilt = () =>
    events
      .reduce((state, event) => applyEditorEvent(state, event.type as 'editor.text', event.data), NO_EDITORS)
      .documents.get(documentKey(TAB, 'a.py'))?.text;
  return { recorder, events, time, rebuilt };
}

describe('recording an editor', () => {
  it('gives back the text after any edits, also from the last whole text on', () => {
    const edit = fc.record({ at: fc.nat(400), length: fc.nat(30), text: fc.string({ maxLength: 20, unit: 'grapheme' }) });
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.array(edit, { maxLength: 450 }), (start, edits) => {
        const model = new Text(start);
        const { events, rebuilt } = record(model);
        for (const { at, length, text } of edits) {
          const offset = Math.min(at, model.getValue().length);
          model.replace(offset, Math.min(length, model.getValue().length - offset), text);
        }
        expect(rebuilt()).toBe(model.getValue());
        const lastWhole = events.findLastIndex((event) => event.type === 'editor.text' || event.type === 'editor.opened');
        const fromThere = events
          .slice(lastWhole)
          .reduce((state, event) => applyEditorEvent(state, event.type as 'editor.text', event.data), NO_EDITORS);
        expect(fromThere.documents.get(documentKey(TAB, 'a.py'))?.text).toBe(model.getValue());
      }),
      { numRuns: 50 },
    );
  });

  it('writes the whole text where a replay would have much to read or to copy to show it, and not before', () => {
    const textsAfter = (length: number, changes: number) => {
      const model = new Text('x'.repeat(length));
      const { events } = record(model);
      for (let n = 0; n < changes; n += 1) model.replace(n, 1, 'y');
      return events.filter((event) => event.type === 'editor.text').length;
    };
    expect([3_999, 4_000, 8_000].map((changes) => textsAfter(20_000, changes))).toEqual([0, 1, 2]);
    expect([255, 256, 512].map((changes) => textsAfter(512 * 1024, changes))).toEqual([0, 1, 2]);

    let outputBytes = 10e6;
    const model = new Text('x');
    const { events } = record(model, () => outputBytes);
    const texts = [0, 4e6, 0.2e6, 1e6, 9e6, 0].map((more) => {
      outputBytes += more;
      model.replace(0, 1, 'y');
      return events.filter((event) => event.type === 'editor.text').length;
    });
    expect(texts).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('fits a huge text and a huge insertion into frames, without cutting a character', () => {
    const huge = '😀'.repeat(400_000);
    const model = new Text(`x${huge}`);
    const { events, rebuilt } = record(model);
    model.replace(0, 1, `y${huge}`);
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(2_000_000);
    expect(rebuilt()).toBe(model.getValue());
    for (const group of splitChanges([{ offset: 0, length: 0, text: `x${huge}` }]))
      for (const change of group) expect(() => encodeURIComponent(change.text)).not.toThrow();
  });

  it('tells the cursor now and then, its last place always', async () => {
    const { recorder, events, time } = record(new Text('abc'));
    recorder.selectionChanged(0, 0);
    recorder.selectionChanged(1, 1);
    await time.step(300);
    recorder.selectionChanged(2, 3);
    recorder.close();
    recorder.selectionChanged(0, 0);
    expect(events.slice(1)).toEqual([
      { type: 'editor.selection', data: { tab: TAB, path: 'a.py', anchor: 1, active: 1 } },
      { type: 'editor.selection', data: { tab: TAB, path: 'a.py', anchor: 2, active: 3 } },
      { type: 'editor.closed', data: { tab: TAB, path: 'a.py' } },
    ]);
  });
});
