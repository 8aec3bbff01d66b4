'use client';
import { Menu, MenuContent, MenuItem, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuSeparator, MenuTrigger } from '@plumbline/ui';
import { useEffect, useState } from 'react';
import type { MonacoApi, TextModel } from '../model/monaco.ts';

const WIDTHS = [2, 4, 8];
const USUAL_WIDTH = 4;

function chosenOf(model: TextModel): { insertSpaces: boolean; width: number } {
  const { insertSpaces, indentSize, tabSize } = model.getOptions();
  return { insertSpaces, width: insertSpaces ? indentSize : tabSize };
}

/** What a file is indented with: found in its text when it was opened, as VS Code does, and changed here for as long as it is open. */
export function IndentationMenu({ monaco, model, readOnly }: { monaco: MonacoApi; model: TextModel; readOnly: boolean }) {
  const [{ insertSpaces, width }, setChosen] = useState(() => chosenOf(model));
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const look = () => setChosen(chosenOf(model));
    look();
    const listening = model.onDidChangeOptions(look);
    return () => listening.dispose();
  }, [model]);
  useEffect(() => {
    // The palette, from which this comes, gives the focus back after it closed; a menu that opens before would close by that.
    const onOpen = () => requestAnimationFrame(() => setTimeout(() => setOpen(true)));
    window.addEventListener('plumbline:indentation', onOpen);
    return () => window.removeEventListener('plumbline:indentation', onOpen);
  }, []);

  const choose = (value: string) => {
    const [kind, size] = value.split('-');
    model.updateOptions({ insertSpaces: kind === 'spaces', tabSize: Number(size), indentSize: Number(size) });
  };
  const convert = (action: 'indentationToSpaces' | 'indentationToTabs') => {
    const editor = monaco.editor.getEditors().find((one) => one.getModel() === model);
    void editor?.getAction(`editor.action.${action}`)?.run();
  };
  return (
    <Menu open={open} onOpenChange={setOpen}>
      <MenuTrigger data-testid="indentation" className="rounded px-1 hover:bg-hover" title="What the file is indented with">
        {insertSpaces ? 'Spaces' : 'Tabs'}: {width}
      </MenuTrigger>
      <MenuContent>
        <MenuRadioGroup value={`${insertSpaces ? 'spaces' : 'tabs'}-${width}`} onValueChange={choose}>
          <MenuLabel>Spaces</MenuLabel>
          {WIDTHS.map((size) => (
            <MenuRadioItem key={size} value={`spaces-${size}`}>
              {size} spaces
            </MenuRadioItem>
          ))}
          <MenuLabel>Tabs</MenuLabel>
          {WIDTHS.map((size) => (
            <MenuRadioItem key={size} value={`tabs-${size}`}>
              Tabs, {size} wide
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
        <MenuSeparator />
        <MenuItem onSelect={() => model.detectIndentation(true, USUAL_WIDTH)}>Find out from the text</MenuItem>
        <MenuItem disabled={readOnly} onSelect={() => convert('indentationToSpaces')}>
          Turn the file’s tabs into spaces
        </MenuItem>
        <MenuItem disabled={readOnly} onSelect={() => convert('indentationToTabs')}>
          Turn the file’s spaces into tabs
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
